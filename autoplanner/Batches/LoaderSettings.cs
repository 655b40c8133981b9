using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Everything a <see cref="BatchLoader"/> must know in addition to the cases.</summary>
internal sealed record LoaderSettings
{
    /// <summary>Background threads.</summary>
    public const int UsualWorkers = 2;

    /// <summary>Batches that are made ahead.</summary>
    public const int UsualPrefetch = 3;

    /// <summary>Generation of the method.</summary>
    public required Profile Profile { get; init; }

    /// <summary>Patch, initial patch, rotation range, mirror axes: <see cref="PatchGeometry.For"/>.</summary>
    public required PatchGeometry Geometry { get; init; }

    /// <summary>Samples per batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Image channels of the cases, without those of the cascade.</summary>
    public required int Channels { get; init; }

    /// <summary>For each channel: did its normalisation use the non-zero mask? Missing entries mean no.</summary>
    public IReadOnlyList<bool> UseMaskForNorm { get; init; } = [];

    /// <summary>Cascade: foreground labels, ascending, whose masks become further image channels. Empty: no cascade.</summary>
    public IReadOnlyList<int> CascadeLabels { get; init; } = [];

    /// <summary>Label sets of the regions in declared order; empty: plain labels.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Regions { get; init; } = [];

    /// <summary>Label that carries no information, if there is one.</summary>
    public int? IgnoreLabel { get; init; }

    /// <summary>Heads of the network: classes with background, or regions; asked for only with
    /// <see cref="UnlabelledHeads"/>.</summary>
    public int Heads { get; init; }

    /// <summary>
    /// Case to the heads that its label map does not show, for every case of a partly labelled dataset; empty: all show all.
    /// </summary>
    public Dictionary<string, IReadOnlyList<int>> UnlabelledHeads { get; init; } = [];

    /// <summary>Cumulative stride of every supervised output, full resolution first.</summary>
    public IReadOnlyList<Extent> OutputScales { get; init; } = [Extent.One];

    /// <summary>Which samples must contain foreground; null: the profile's rule.</summary>
    public ForegroundRule? ForegroundRule { get; init; }

    /// <summary>Share of a batch that the rule forces, where the rule leaves it open.</summary>
    public double ForegroundShare { get; init; } = ForegroundOversampling.DefaultShare;

    /// <summary>
    /// A sample that must contain foreground draws its class first, evenly among all that any case has, and then a case with it:
    /// classes of few cases are seen as often as the others.
    /// </summary>
    public bool BalancesClasses { get; init; }

    /// <summary>Probabilities and ranges of the augmentation; null: the profile's.</summary>
    public AugmentationRecipe? Recipe { get; init; }

    /// <summary>Training batches per epoch.</summary>
    public int TrainingIterations { get; init; } = 250;

    /// <summary>Validation batches per epoch.</summary>
    public int ValidationIterations { get; init; } = 50;

    /// <summary>Seed of the run.</summary>
    public ulong Seed { get; init; }

    /// <summary>Where the augmentation's spatial transform is computed, from the loader's threads. Stays the caller's.</summary>
    public required Backend Backend { get; init; }

    /// <summary>Background threads; 0: every batch is made when it is asked for.</summary>
    public int Workers { get; init; } = UsualWorkers;

    /// <summary>Batches that may be under way or waiting at any time.</summary>
    public int PrefetchedBatches { get; init; } = UsualPrefetch;

    /// <summary>The foreground rule in effect.</summary>
    internal ForegroundRule EffectiveForegroundRule =>
        ForegroundRule ?? (Profile == Profile.Classic ? Batches.ForegroundRule.MoreThanThird : Batches.ForegroundRule.Last);

    /// <summary>The recipe in effect.</summary>
    internal AugmentationRecipe EffectiveRecipe => Recipe ?? AugmentationRecipe.For(Profile);
}
