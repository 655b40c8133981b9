using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Tests.Inference;

/// <summary>Probabilities that a test writes down.</summary>
internal sealed class GivenMaps(Extent extent, IReadOnlyList<float[]> maps) : IProbabilityMaps
{
    public Extent Extent => extent;

    public int Heads => maps.Count;

    public void Read(int head, Span<float> target) => maps[head].CopyTo(target);
}
