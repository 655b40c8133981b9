using System.ComponentModel;
using System.Diagnostics;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Asks Slurm's own commands; each question once for all jobs, because a controller serves a whole cluster.</summary>
internal static class Slurm
{
    private static readonly char[] Blanks = [' ', '\t'];

    // What users set for their own eyes, and what would hide jobs here.
    private static readonly string[] Filters =
    [
        "SQUEUE_ACCOUNT", "SQUEUE_FORMAT2", "SQUEUE_LICENSES", "SQUEUE_NAMES", "SQUEUE_PARTITION", "SQUEUE_QOS",
        "SQUEUE_RESERVATION", "SQUEUE_STATES", "SQUEUE_USERS",
    ];

    private static readonly HashSet<string> EndedStates =
    [
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
        "RECONFIG_FAIL", "REVOKED", "TIMEOUT",
    ];

    /// <summary>A task as the queue shows it.</summary>
    /// <param name="State">e.g. PENDING.</param>
    /// <param name="Node">Where it runs.</param>
    /// <param name="Reason">Why it waits.</param>
    public sealed record Entry(string State, string Node, string Reason);

    /// <summary>Runs a command to its end.</summary>
    /// <exception cref="SharpSegException">It is not installed.</exception>
    public static (int Code, string Output, string Errors) Ask(string program, IReadOnlyList<string> words)
    {
        try
        {
            var start = new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (var filter in Filters)
            {
                start.Environment.Remove(filter);
            }

            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.Result);
        }
        catch (Win32Exception error)
        {
            throw new SharpSegException(
                $"`{program}` cannot be started: {error.Message}",
                "run this where Slurm is installed; --local N runs the jobs on this machine, --dry-run writes the scripts only",
                error);
        }
    }

    /// <summary>What of these arrays waits or runs, by `id_index`.</summary>
    /// <exception cref="SharpSegException">The controller does not answer.</exception>
    public static IReadOnlyDictionary<string, Entry> Queue(IReadOnlyCollection<string> ids)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        if (ids.Count == 0)
        {
            return entries;
        }

        var (code, output, errors) = Ask("squeue", ["-h", "-r", "-j", string.Join(',', ids), "-o", "%i|%T|%N|%r"]);
        if (code != 0 && !errors.Contains("Invalid job id", StringComparison.OrdinalIgnoreCase)) // all have left the queue
        {
            throw new SharpSegException($"squeue ended with {code}: {errors.Trim()}", "ask again when the controller answers");
        }

        foreach (var fields in output.Split('\n').Select(line => line.Split('|'))
            .Where(fields => fields.Length == 4 && !EndedStates.Contains(fields[1])))
        {
            entries[fields[0].Trim(Blanks)] = new Entry(fields[1], fields[2], fields[3]);
        }

        return entries;
    }

    /// <summary>
    /// How jobs that left the queue without success ended, by `id_index`; empty where Slurm keeps no accounts, or has no sacct.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Ended(IReadOnlyCollection<string> ids)
    {
        var states = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var (code, output, _) = Ask("sacct", ["-n", "-P", "-X", "-j", string.Join(',', ids), "--format=JobID,State"]);
            foreach (var fields in code != 0 ? [] : output.Split('\n').Select(line => line.Split('|'))
                .Where(fields => fields.Length == 2 && fields[1] != "COMPLETED" && EndedStates.Contains(fields[1].Split(' ')[0])))
            {
                states[fields[0]] = fields[1];
            }
        }
        catch (SharpSegException)
        {
            // Not installed: many sites keep no accounts.
        }

        return states;
    }
}
