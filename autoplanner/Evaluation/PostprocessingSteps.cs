using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// What is done to every prediction: for each set of labels in turn, only its largest connected component stays (spec evaluation §5, 6).
/// </summary>
/// <param name="LabelSets">The sets in order; empty means nothing is done.</param>
/// <param name="Connectivity">Which voxels are neighbours.</param>
public sealed record PostprocessingSteps(IReadOnlyList<IReadOnlyList<int>> LabelSets, Connectivity Connectivity)
{
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
}
