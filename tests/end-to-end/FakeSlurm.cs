using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Slurm's commands as scripts that say what a test wants: states that a real cluster (<see cref="SlurmCluster"/>) is in by
/// accident only. sbatch notes what it is handed, as waiting; nothing ever runs.
/// </summary>
internal sealed class FakeSlurm
{
    private readonly string folder;

    public FakeSlurm(string folder)
    {
        this.folder = Directory.CreateDirectory(folder).FullName;
        Write("sbatch", """
            [ "$1" = --version ] && exit
            array=$(sed -n 's/^#SBATCH --array=\([0-9,-]*\).*/\1/p' "${@: -1}")
            id=$(($(cat "$notes/id" 2>/dev/null || echo 100) + 1)); echo $id >"$notes/id"
            reason=None; [[ "$*" == *--dependency* ]] && reason=Dependency
            for part in ${array//,/ }; do
                for index in $(seq "${part%-*}" "${part#*-}"); do echo "${id}_$index|PENDING||$reason" >>"$notes/queue"; done
            done
            echo $id
            """);
        Write("squeue", """cat "$notes/queue" 2>/dev/null || true""");
        Write("sacct", """cat "$notes/accounts" 2>/dev/null || true""");
        Write("scancel", """for job in "$@"; do sed -i "/^$job|/d" "$notes/queue"; done""");
    }

    /// <summary>What squeue lists: id_index|state|node|reason.</summary>
    public IReadOnlyList<string> Queue
    {
        get => File.Exists(At("queue")) ? File.ReadAllLines(At("queue")) : [];
        set => File.WriteAllLines(At("queue"), value);
    }

    /// <summary>What sacct lists: id_index|state.</summary>
    public IReadOnlyList<string> Accounts
    {
        set => File.WriteAllLines(At("accounts"), value);
    }

    /// <summary>Takes a command away, as where it is not installed.</summary>
    public void Lack(string command) => File.Delete(At(command));

    /// <summary>Runs a command of the product, which finds these.</summary>
    public Outcome Run(params string[] arguments)
    {
        var path = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}";
        using var running = SharpSegProcess.StartWith([("PATH", path)], arguments);
        return running.WaitForEnd();
    }

    /// <summary>Runs a command that must succeed.</summary>
    public Outcome Succeed(params string[] arguments)
    {
        var outcome = Run(arguments);
        Assert.True(outcome.Code == 0, $"sharpseg {string.Join(' ', arguments)} ended with {outcome.Code}:\n{outcome.Errors}");
        return outcome;
    }

    private void Write(string command, string text)
    {
        // The notes lie beside the scripts; the caller stands elsewhere.
        File.WriteAllText(At(command), $"#!/usr/bin/env bash\nset -euo pipefail\nnotes='{folder}'\n{text}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(
                At(command), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private string At(string name) => Path.Combine(folder, name);
}
