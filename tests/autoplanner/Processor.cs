using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>The processor as the tests' backend.</summary>
internal static class Processor
{
    [ThreadStatic]
    private static Backend? own;

    /// <summary>For operations that any thread may call: samples of the augmentation.</summary>
    public static Backend Sampling { get; } = Cpu.Open(threads: 1);

    /// <summary>The calling thread's own, for all other operations.</summary>
    public static Backend Own => own ??= Cpu.Open(threads: 1);

    /// <summary>Fills a sample by one spatial transform, as a profile does.</summary>
    public static void Transform(
        Profile profile, ICaseSource source, Extent start, PatchGeometry geometry, in SpatialTransform transform,
        PatchSample sample,
        ulong seed = 0) =>
        new AugmentationPipeline(AugmentationRecipe.For(profile), profile, geometry, [], Sampling)
            .Transform(source, start, transform, new CounterRandom(seed), sample);

    /// <summary>As <see cref="Resampling.ResampleImage"/>.</summary>
    public static float[] ResampleImage(
        float[] voxels, Extent from, Extent to, int order, int? separateAxis = null, int separateOrder = 0, int threads = 1)
    {
        using var backend = Cpu.Open(threads);
        return Resampling.ResampleImage(backend, voxels, from, to, order, separateAxis, separateOrder);
    }

    /// <summary>As <see cref="Resampling.ResampleLabels"/>.</summary>
    public static short[] ResampleLabels(
        short[] labels, Extent from, Extent to, int order, int? separateAxis = null, int threads = 1)
    {
        using var backend = Cpu.Open(threads);
        return Resampling.ResampleLabels(backend, labels, from, to, order, separateAxis);
    }

    /// <summary>As <see cref="Resampling.ResampleLabelsByVote"/>.</summary>
    public static short[] ResampleLabelsByVote(short[] labels, Extent from, Extent to, int? separateAxis = null) =>
        Resampling.ResampleLabelsByVote(Own, labels, from, to, separateAxis);

    /// <summary>As <see cref="Preprocessor"/> does.</summary>
    public static PreprocessedCase Preprocess(
        string caseId, MedicalImage image, LabelImage? labels, PreprocessingRecipe recipe, LabelScheme scheme) =>
        Preprocessor.Run(caseId, image, labels, recipe, scheme, Own);

    /// <summary>Outputs as if a network had made them.</summary>
    public static NetworkOutputs Outputs(float[] maps, Extent size) => new(Own, maps, size);
}
