using CommandLine;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.Cli.Options;

/// <summary>What every verb understands. Same flags mean the same everywhere.</summary>
internal abstract class CommonOptions
{
    [Option("json", HelpText = "Progress to stderr, one JSON object on the last line of stdout.")]
    public bool Json { get; set; }

    /// <summary>Words that the verb has no use for: there must be none (<see cref="UnusedWords"/>).</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> UnusedWords { get; set; } = [];

    /// <summary>What is told after Ctrl-C: what became of the work, and how to go on with it.</summary>
    public virtual (string Message, string? Hint) WhenInterrupted => ("interrupted; nothing was written", null);
}

/// <summary>What every verb understands that computes.</summary>
internal abstract class ComputeOptions : CommonOptions
{
    [Option("device", Default = "auto", HelpText = "auto, cpu, or a name that `sharpseg devices` lists.")]
    public string Device { get; set; } = "auto";

    [Option("precision", HelpText = "fp32, tf32, bf16 or fp16: numbers that convolutions multiply. Default: tf32 on GPUs that have it, else fp32.")]
    public string? Precision { get; set; }

    [Option("threads", Default = 0, HelpText = "CPU threads; 0 = all cores.")]
    public int Threads { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the state is saved", "the same command with --resume goes on");
}

/// <summary>What every verb understands that trains.</summary>
internal abstract class TrainingOptions : ComputeOptions
{
    [Option("seed", Default = TrainingJob.DefaultSeed, HelpText = "Seed of weights and sampling. Same seed, device and threads: same bytes.")]
    public ulong Seed { get; set; }
}
