using CommandLine;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.Cli.Options;

/// <summary>The options of every verb. The same flag means the same everywhere.</summary>
internal abstract class CommonOptions
{
    [Option(
        "json",
        HelpText = "Progress to stderr, one JSON object on the last line of stdout; after a failure it has error and hint.")]
    public bool Json { get; set; }

    [Option("quiet", HelpText = "No progress: warnings, errors and the result only.")]
    public bool Quiet { get; set; }

    /// <summary>Superfluous words: there must be none (<see cref="UnusedWords"/>).</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> UnusedWords { get; set; } = [];

    /// <summary>What is printed after Ctrl-C: the state of the work and how to continue.</summary>
    public virtual (string Message, string? Hint) WhenInterrupted => ("interrupted; nothing was written", null);
}

/// <summary>The options of every verb that computes.</summary>
internal abstract class ComputeOptions : CommonOptions
{
    [Option("device", Default = "auto", HelpText = "auto, cpu, or a name from `sharpseg devices`.")]
    public string Device { get; set; } = "auto";

    [Option(
        "precision",
        HelpText =
            "fp32, tf32, bf16 or fp16: number format of the factors in convolutions. Default: tf32 on GPUs that have it, else "
                + "fp32.")]
    public string? Precision { get; set; }

    [Option("threads", Default = 0, HelpText = "CPU threads; 0 = all cores.")]
    public int Threads { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the state is saved", "run the same command with --resume to continue");
}

/// <summary>The option of the verbs that plan their memory.</summary>
internal static class MemoryLimit
{
    public const string Help =
        "Memory that may be taken, e.g. 2G, 512M or 1.5GiB. Default: what the machine or its container has.";

    /// <summary>What the option says; null without it.</summary>
    /// <exception cref="UsageException">It says no size.</exception>
    public static MemoryBudget? Of(string? text) => text is null ? null : MemoryBudget.Parse(text)
        ?? throw new UsageException($"--max-memory {text}: not a size", "write it like 2G, 512M or 1.5GiB");
}

/// <summary>The options of every verb that trains.</summary>
internal abstract class TrainingOptions : ComputeOptions
{
    [Option(
        "seed", Default = TrainingJob.DefaultSeed,
        HelpText = "Seed of weights and sampling. Same seed, device and threads: same bytes.")]
    public ulong Seed { get; set; }
}
