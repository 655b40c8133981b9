using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// Postprocessing of every prediction: for each set of labels in turn, only its largest connected component stays
/// (docs/method/evaluation.md §5, §6).
/// </summary>
/// <param name="LabelSets">The sets in order; empty means nothing is done.</param>
/// <param name="Connectivity">Which voxels are neighbours.</param>
public sealed record PostprocessingSteps(IReadOnlyList<IReadOnlyList<int>> LabelSets, Connectivity Connectivity)
{
    /// <summary>No steps.</summary>
    public static PostprocessingSteps None { get; } = new([], Connectivity.Full);

    /// <summary>The steps in words, e.g. <c>keep the largest component of liver+tumour, then of liver</c>.</summary>
    /// <param name="labels">Names the labels.</param>
    public string Describe(LabelScheme labels) => LabelSets.Count == 0
        ? "no postprocessing"
        : "keep the largest component of " + string.Join(", then of ", LabelSets.Select(set => NameOf(set, labels)));

    /// <summary>Applies the steps in place.</summary>
    /// <param name="labels">extent.Voxels labels (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <returns>Number of voxels set to background.</returns>
    public long Apply(Span<short> labels, Extent extent)
    {
        long removed = 0;
        foreach (var set in LabelSets)
        {
            removed += ConnectedComponents.KeepLargest(labels, extent, [.. set], Connectivity);
        }

        return removed;
    }

    /// <summary>
    /// The class or region that the set is, else its labels' names; a label without a name of its own is a number.
    /// </summary>
    private static string NameOf(IReadOnlyList<int> set, LabelScheme labels) =>
        NameOfEntry(set, labels) ?? string.Join('+', set.Select(label => NameOfEntry([label], labels) ?? $"{label}"));

    private static string? NameOfEntry(IReadOnlyList<int> set, LabelScheme labels) =>
        labels.EvaluatedClasses.FirstOrDefault(entry => entry.Values.Order().SequenceEqual(set.Order()))?.Name;
}
