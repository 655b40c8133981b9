using CommandLine;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Inference;
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

    /// <summary>Help of an option that <c>plan</c> and <c>auto</c> share.</summary>
    protected const string ProfileHelp =
        "modern (nnU-Net v2's defaults, default), classic (the first nnU-Net paper) or classic-2019 (the second one: pools until "
            + "below 4 voxels, interpolates labels linearly, stops by the rate alone, no postprocessing).";

    /// <summary>Help of an option that <c>plan</c> and <c>auto</c> share, because it becomes part of the plan.</summary>
    protected const string ActivationHelp = "leaky (default) or relu; part of the plan, as everything that prediction must know.";

    /// <inheritdoc cref="ActivationHelp"/>
    protected const string NormHelp = "instance (default) or batch normalisation; part of the plan.";

    /// <summary>Help of an option that <c>plan</c> and <c>auto</c> share.</summary>
    protected const string NetworkHelp =
        "unet (default), resenc, resenc_m, resenc_l, resenc_xl, unetpp, stunet_s, stunet_b, stunet_l, stunet_h or classic.";

    /// <summary>Help of the plan's name, of verbs that make one.</summary>
    protected const string NewPlanHelp =
        "Name of the plan, for several side by side in one workspace; default: plans.json.";

    /// <summary>Help of the plan's name, of verbs that use one.</summary>
    protected const string PlanHelp = "Name of the plan, where the workspace has several; default: plans.json.";

    /// <summary>Superfluous words: there must be none (<see cref="UnusedWords"/>).</summary>
    [Value(int.MaxValue, Hidden = true)]
    public IEnumerable<string> UnusedWords { get; set; } = [];

    /// <summary>Of an output that several processes write: which part is this one's; null for none.</summary>
    public virtual int? PartOfOutput => null;

    /// <summary>What is printed after Ctrl-C: the state of the work and how to continue.</summary>
    public virtual (string Message, string? Hint) WhenInterrupted => ("interrupted; nothing was written", null);
}

/// <summary>The options of every verb that plans its memory.</summary>
internal abstract class MemoryOptions : CommonOptions
{
    [Option(
        "max-memory",
        HelpText = "Memory that may be taken, e.g. 2G, 512M or 1.5GiB. Default: what the machine or its container has.")]
    public string? MaxMemory { get; set; }

    /// <summary>What the option says; null without it.</summary>
    /// <exception cref="UsageException">It says no size.</exception>
    public MemoryBudget? Budget => MaxMemory is not { } text ? null : MemoryBudget.Parse(text)
        ?? throw new UsageException($"--max-memory {text}: not a size", "write it like 2G, 512M or 1.5GiB");
}

/// <summary>The options of every verb that computes.</summary>
internal abstract class ComputeOptions : MemoryOptions
{
    [Option("device", Default = "auto", HelpText = "auto, cpu, or a name from `sharpseg devices`.")]
    public string Device { get; set; } = "auto";

    [Option(
        "precision",
        HelpText =
            "fp32, tf32, bf16 or fp16: number format of the factors in convolutions; bf16-activations, fp16-activations: of "
                + "activations, too, in half the memory. Default: tf32 on GPUs that have it, else fp32.")]
    public string? Precision { get; set; }

    [Option("threads", Default = 0, HelpText = "CPU threads; 0 = all cores.")]
    public int Threads { get; set; }

    public override (string Message, string? Hint) WhenInterrupted =>
        ("interrupted; the state is saved", "run the same command with --resume to continue");
}

/// <summary>What the verbs that plan a dataset have in common.</summary>
internal static class PlanningChoices
{
    public const string MemoryHelp = "Memory budget for the planning rules, e.g. 8GB.";

    public const string MirroringDefault = "auto";

    public const string MirroringHelp =
        "auto (all axes, but not left-right where labels tell left from right), all (as nnU-Net) or not-left-right.";

    public const string GroupByHelp =
        "Regular expression over case names whose first group is the patient: folds keep patients together, e.g. '^(.*)_'.";
}

/// <summary>The options of the verbs that keep class probabilities.</summary>
internal interface IKeepsProbabilities
{
    const string FullHelp = "Like --save-probabilities, but all classes in float32: exact, and many times as large.";

    bool SaveProbabilities { get; }

    bool FullProbabilities { get; }

    /// <summary>What both say.</summary>
    SavedProbabilities Kept =>
        FullProbabilities ? SavedProbabilities.Full : SaveProbabilities ? SavedProbabilities.Compact : SavedProbabilities.None;
}

/// <summary>The verbs that spread their work over several devices.</summary>
internal interface IUsesDevices
{
    const string DevicesHelp =
        "Devices among which the work is divided, e.g. cuda:0,cuda:1: each takes a run at a time, or its share of the scans; one "
            + "named twice takes two.";

    IEnumerable<string> Devices { get; }
}

/// <summary>The options of every verb that trains.</summary>
internal abstract class TrainingOptions : ComputeOptions
{
    [Option(
        "seed", Default = TrainingJob.DefaultSeed,
        HelpText = "Seed of weights and sampling. Same seed, device and threads: same bytes.")]
    public ulong Seed { get; set; }
}

/// <summary>The options of the verbs that train as a user wishes; without them, as the profile does.</summary>
internal abstract class VariantOptions : TrainingOptions, IUsesDevices
{
    public const string LossHelp = "dice_ce (default), dice or ce. It changes training alone; a resumed run keeps its own.";

    public const string AugmentationHelp =
        "none, or the steps to leave out: no-elastic, no-rotation, no-scaling, no-noise, no-blur, no-brightness, "
            + "no-contrast, no-low-resolution, no-gamma, no-mirroring (then predictions are not mirrored either), "
            + "no-cascade.";

    public const string DeepSupervisionHelp = "Learn from the full-resolution output alone.";

    public const string ForegroundHelp =
        "Share of each batch whose patches must hold foreground, 0 to 1, rounded to samples. Default: a third.";

    public const string RecipeHelp =
        "published (nnU-Net's), or a JSON file with momentum, initial_rate, … (docs/method/budget.md). Default: with "
            + "--max-time what learns most in little time, else published.";

    public const string BalanceHelp =
        "Patches that must hold foreground show every class equally often, however few cases have it.";

    [Option("devices", Separator = ',', HelpText = IUsesDevices.DevicesHelp)]
    public IEnumerable<string> Devices { get; set; } = [];

    [Option("loss", HelpText = LossHelp)]
    public string? Loss { get; set; }

    [Option("augmentation", Separator = ',', HelpText = AugmentationHelp)]
    public IEnumerable<string> Augmentation { get; set; } = [];

    [Option("no-deep-supervision", HelpText = DeepSupervisionHelp)]
    public bool NoDeepSupervision { get; set; }

    [Option("foreground-share", HelpText = ForegroundHelp)]
    public double? ForegroundShare { get; set; }

    [Option("balance-classes", HelpText = BalanceHelp)]
    public bool BalanceClasses { get; set; }

    [Option("recipe", HelpText = RecipeHelp)]
    public string? Recipe { get; set; }
}
