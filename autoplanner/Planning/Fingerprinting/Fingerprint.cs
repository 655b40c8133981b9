using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// What one pass over the training cases measured: all that the planner knows of a dataset (docs/method/planning.md §1). Lists
/// over cases are in sorted order of case ids; a file of nnU-Net v2 lacks the ids and the facts about classes.
/// </summary>
public sealed record Fingerprint
{
    /// <summary>Case ids, or empty if unknown.</summary>
    public IReadOnlyList<string> CaseIds { get; init; } = [];

    /// <summary>Spacing of each case, mm.</summary>
    public required IReadOnlyList<Spacing> Spacings { get; init; }

    /// <summary>Voxels of each case after cropping to nonzero.</summary>
    public required IReadOnlyList<Extent> ShapesAfterCrop { get; init; }

    /// <summary>Median over the cases of voxels after over voxels before cropping.</summary>
    public required double MedianRelativeSizeAfterCropping { get; init; }

    /// <summary>Mean of the same ratios; null in files that do not have it.</summary>
    public double? MeanRelativeSizeAfterCropping { get; init; }

    /// <summary>Foreground intensities per channel; null for a dataset without any foreground voxel; empty if unknown.</summary>
    public IReadOnlyList<IntensityProperties?> IntensityProperties { get; init; } = [];

    /// <summary>Facts about each class of the references; empty if unknown.</summary>
    public IReadOnlyList<ClassFacts> Classes { get; init; } = [];

    /// <summary>The profile whose pooling of intensities was used; null if unknown.</summary>
    public Profile? Profile { get; init; }

    /// <summary>Hash of the names, sizes and times of the files measured; null if unknown.</summary>
    public string? DataHash { get; init; }

    /// <summary>Number of cases.</summary>
    public int CaseCount => Spacings.Count;
}
