using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Probabilities that a test writes down.</summary>
internal sealed class GivenMaps(Extent extent, IReadOnlyList<float[]> maps, int planes = 0) : IProbabilityMaps
{
    public Extent Extent => extent;

    public int Heads => maps.Count;

    public int PlanesAtOnce => planes == 0 ? extent.Z : planes;

    public void Read(int head, int first, Span<float> target) =>
        maps[head].AsSpan(first * extent.Y * extent.X, target.Length).CopyTo(target);
}
