using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Class probabilities of one case on the grid of its scan. They are asked for one head at a time, and where that takes less
/// memory some planes at a time, so that large scans of many classes never need all their volumes in memory.
/// </summary>
internal interface IProbabilityMaps
{
    /// <summary>Voxels (z, y, x) in the scan's own axis order.</summary>
    Extent Extent { get; }

    /// <summary>Number of maps: one per label with background first, or one per region.</summary>
    int Heads { get; }

    /// <summary>
    /// How many planes are asked for at a time, of one head after the other, before the next planes are: 1 … Extent.Z. Another
    /// order gives the same values and takes longer.
    /// </summary>
    int PlanesAtOnce { get; }

    /// <summary>Delivers planes of one map.</summary>
    /// <param name="head">0 … Heads − 1.</param>
    /// <param name="first">The first plane.</param>
    /// <param name="target">Extent.Y · Extent.X values a plane, each 0 to 1, row-major: as many planes as fit.</param>
    void Read(int head, int first, Span<float> target);

    /// <summary>The slabs in which all planes are asked for, one after the other.</summary>
    IEnumerable<Box> Slabs()
    {
        for (var first = 0; first < Extent.Z; first += PlanesAtOnce)
        {
            yield return Box.Planes(Extent, first, Math.Min(PlanesAtOnce, Extent.Z - first));
        }
    }
}
