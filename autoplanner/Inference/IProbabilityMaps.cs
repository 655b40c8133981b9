using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Class probabilities of one case on the grid of its scan. They are asked for one head at a time, so that large scans of many classes
/// never need all their volumes in memory.
/// </summary>
public interface IProbabilityMaps
{
    /// <summary>Voxels (z, y, x) in the scan's own axis order.</summary>
    Extent Extent { get; }

    /// <summary>Number of maps: one per label with background first, or one per region.</summary>
    int Heads { get; }

    /// <summary>Delivers one map.</summary>
    /// <param name="head">0 … Heads − 1.</param>
    /// <param name="target">Extent.Voxels values, each 0 to 1, row-major.</param>
    void Read(int head, Span<float> target);
}
