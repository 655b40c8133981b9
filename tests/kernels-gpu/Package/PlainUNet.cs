using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>Plain U-Nets as the planner makes them, with one channel and three classes.</summary>
internal static class PlainUNet
{
    private const int Batch = 2;

    /// <summary>The largest that is planned for two patches of 128³.</summary>
    public static int[] LargestFeatures => [32, 64, 128, 256, 320, 320];

    /// <summary>The network.</summary>
    public static NetworkPlan Of(int[] features) => new()
    {
        Family = NetworkFamily.PlainUNet,
        InputChannels = 1,
        OutputChannels = 3,
        Features = features,
        Kernels = [.. Enumerable.Repeat(new Extent(3, 3, 3), features.Length)],
        Strides = [Extent.One, .. Enumerable.Repeat(new Extent(2, 2, 2), features.Length - 1)],
        EncoderBlocks = [.. Enumerable.Repeat(2, features.Length)],
        DecoderBlocks = [.. Enumerable.Repeat(2, features.Length - 1)],
        DeepSupervision = true,
    };

    /// <summary>Idle training steps of two patches.</summary>
    public static IdleStep Step(
        KernelChoice choice, GpuPrecision precision, Extent patch, int[] features, bool recomputeActivations = true,
        IGraphDriver? graphs = null) =>
        new(choice, precision, Of(features), patch, Batch, recomputeActivations, graphs);
}
