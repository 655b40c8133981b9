using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>The processor as a backend for operations that any thread may call: samples of the augmentation.</summary>
internal static class Processor
{
    public static Backend Sampling { get; } = Cpu.Open(threads: 1);

    /// <summary>Fills a sample by one spatial transform, as a profile does.</summary>
    public static void Transform(
        Profile profile, ICaseSource source, Extent start, PatchGeometry geometry, in SpatialTransform transform, PatchSample sample,
        ulong seed = 0) =>
        new AugmentationPipeline(AugmentationRecipe.For(profile), profile, geometry, [], Sampling)
            .Transform(source, start, transform, new CounterRandom(seed), sample);
}
