using System.Diagnostics;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// A real Slurm for one test: a controller and two nodes of two processors on this machine's loopback (tests/slurm/cluster.sh).
/// </summary>
internal sealed class SlurmCluster : IDisposable
{
    private static readonly string[] Programs =
        ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged", "/usr/bin/sbatch", "/usr/bin/pgrep"];

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly TemporaryFolder folder = new();
    private readonly string configuration;

    public SlurmCluster() => configuration = Script("start", folder.Path).Trim();

    /// <summary>Why there can be none here; null if there can.</summary>
    public static string? Lacks => !OperatingSystem.IsLinux() ? "Slurm runs on Linux"
        : Array.Find(Programs, program => !File.Exists(program)) is { } missing
        ? $"there is no {missing}: Debian's packages are slurm-wlm and munge"
        : Environment.IsPrivilegedProcess ? null : "only root may start the daemons of nodes";

    /// <summary>Runs a command of the product, which finds this cluster.</summary>
    public Outcome Run(params string[] arguments)
    {
        using var running = SharpSegProcess.StartWith([("SLURM_CONF", configuration)], arguments);
        return running.WaitForEnd();
    }

    /// <summary>Runs a command that must succeed.</summary>
    public Outcome Succeed(params string[] arguments)
    {
        var outcome = Run(arguments);
        Assert.True(outcome.Code == 0, $"sharpseg {string.Join(' ', arguments)} ended with {outcome.Code}:\n{outcome.Errors}");
        return outcome;
    }

    /// <summary>Runs one of Slurm's own commands.</summary>
    public string Ask(string program, params string[] words) => Start(program, words);

    /// <summary>Ends a node's daemon and all that it runs, as a power cut would.</summary>
    public void Lose(string node) => Script("lose", folder.Path, node);

    /// <summary>Starts a node's daemon again.</summary>
    public void Bring(string node) => Script("node", folder.Path, node);

    /// <summary>Waits until the queue is as wanted.</summary>
    public void WaitFor(Func<string[], bool> wanted, string what)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            string[] queue = [.. Ask("squeue", "-h", "-r", "-o", "%j %K %T %r").Split('\n').Where(line => line.Length > 0)];
            if (wanted(queue))
            {
                return;
            }

            Assert.True(clock.Elapsed < Limit, $"not within {Limit}: {what}\n{string.Join('\n', queue)}");
            Thread.Sleep(300);
        }
    }

    /// <summary>Waits until the queue is empty.</summary>
    public void WaitForAll() => WaitFor(queue => queue.Length == 0, "an empty queue");

    public void Dispose()
    {
        Ask("scancel", $"--user={Environment.UserName}");
        Script("stop", folder.Path);
        for (var i = 0; i < 50; i++)
        {
            try
            {
                folder.Dispose();
                return;
            }
            catch (IOException)
            {
                Thread.Sleep(200); // a daemon writes its last words
            }
        }
    }

    private string Script(params string[] words) =>
        Start("bash", [Path.Combine(Checkout.Root, "tests", "slurm", "cluster.sh"), .. words]);

    private string Start(string program, string[] words)
    {
        var start = new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (configuration is not null)
        {
            start.Environment["SLURM_CONF"] = configuration;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(
            process.ExitCode == 0, $"{program} {string.Join(' ', words)} ended with {process.ExitCode}:\n{errors.Result}");
        return output;
    }
}
