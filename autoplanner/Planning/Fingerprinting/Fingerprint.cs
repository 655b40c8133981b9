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

    /// <summary>
    /// Axes of the files (0 = z) along which the patient's left and right lie in at least one case; null if unknown.
    /// </summary>
    public IReadOnlyList<int>? LeftRightAxes { get; init; }

    /// <summary>The profile whose pooling of intensities was used; null if unknown.</summary>
    public Profile? Profile { get; init; }

    /// <summary>Hash of the names, sizes and times of the files measured; null if unknown.</summary>
    public string? DataHash { get; init; }

    /// <summary>Number of cases.</summary>
    public int CaseCount => Spacings.Count;
}

/// <summary>What the training references say about one class, or about one region as the union of its labels.</summary>
/// <param name="Name">Name in dataset.json.</param>
/// <param name="Labels">Label values that make it up.</param>
/// <param name="Voxels">Voxels over all cases.</param>
/// <param name="CasesPresent">Cases with at least one voxel.</param>
/// <param name="MostComponents">
/// The greatest number of connected components (face contact, 6 neighbours) in any one case. `classic` postprocessing keeps only
/// the largest component of a class where this is 1 (docs/method/evaluation.md §5).
/// </param>
public sealed record ClassFacts(string Name, IReadOnlyList<int> Labels, long Voxels, int CasesPresent, int MostComponents);

/// <summary>
/// Intensities of one channel at the foreground voxels (label above 0, ignore excluded) of all training cases, in the image's own
/// units. How cases are weighted depends on the profile (docs/method/planning.md §1).
/// </summary>
/// <param name="Mean">Mean.</param>
/// <param name="Median">Median.</param>
/// <param name="Std">Standard deviation (biased).</param>
/// <param name="Min">Smallest value of all voxels.</param>
/// <param name="Max">Largest value of all voxels.</param>
/// <param name="Percentile005">0.5th percentile (`percentile_00_5`).</param>
/// <param name="Percentile995">99.5th percentile (`percentile_99_5`).</param>
public sealed record IntensityProperties(
    double Mean, double Median, double Std, double Min, double Max, double Percentile005, double Percentile995);
