using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Which axes training and prediction may mirror (docs/method/planning.md §3.12).</summary>
public enum MirroringRule
{
    /// <summary>All, but not the left-right axis where labels tell left from right.</summary>
    Auto,

    /// <summary>All, as in nnU-Net.</summary>
    All,

    /// <summary>All but the left-right axis, whatever the labels are called.</summary>
    NotLeftRight,
}

/// <summary>What a user may decide before the rules do.</summary>
public sealed record PlannerOptions
{
    /// <summary>Which generation of rules.</summary>
    public Profile Profile { get; init; } = Profile.Modern;

    /// <summary>Network and budget of profile `modern`; `classic` has only the default.</summary>
    public PresetName Preset { get; init; } = PresetName.Default;

    /// <summary>
    /// GPU memory to plan for, GB; null = the preset's (`modern`) or 12 GB (`classic`). Scales the budgets, nothing else.
    /// </summary>
    public double? MemoryGigabytes { get; init; }

    /// <summary>Target spacing of all configurations, mm, in the files' axis order (z, y, x); null = by the rules.</summary>
    public Spacing? TargetSpacing { get; init; }

    /// <summary>False keeps the files' axis order.</summary>
    public bool Transpose { get; init; } = true;

    /// <summary>
    /// Another network family on the default preset's budget (`modern`, preset default); null = the preset's own.
    /// </summary>
    public NetworkFamily? Family { get; init; }

    /// <summary>Size of an STU-Net, read only with that family.</summary>
    public StuNetVariant StuNetVariant { get; init; } = StuNetVariant.S;

    /// <summary>In profile `classic`: what the second paper (2019) does otherwise (docs/method/planning.md §4).</summary>
    public bool SecondPaper { get; init; }

    /// <summary>Plain ReLUs instead of leaky ones.</summary>
    public bool PlainRelu { get; init; }

    /// <summary>Normalise over the batch instead of every sample by itself.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>Which axes may be mirrored.</summary>
    public MirroringRule Mirroring { get; init; }

    /// <summary>Name of the plans; null = from profile and preset.</summary>
    public string? PlansName { get; init; }
}
