using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

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

    /// <summary>Plain ReLUs instead of leaky ones.</summary>
    public bool PlainRelu { get; init; }

    /// <summary>Normalise over the batch instead of every sample by itself.</summary>
    public bool BatchNorm { get; init; }

    /// <summary>Name of the plans; null = from profile and preset.</summary>
    public string? PlansName { get; init; }
}
