using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// Training steps with SGD, by idle kernels, on patches and features of real plans: what is left of a step on a card.
/// </summary>
internal sealed class IdleStep : IDisposable
{
    private const int Batch = 2;

    private readonly Network network;
    private readonly SgdNesterov optimizer;
    private readonly TrainingStep step;
    private readonly float[] images;
    private readonly float[][] targets;

    /// <summary>Prepares the steps.</summary>
    public IdleStep(
        KernelChoice choice, GpuPrecision precision, Extent patch, int[] features, bool recomputeActivations = true)
    {
        (Backend, Kernels) = IdleKernels.Open(choice, precision);
        network = Network.Build(PlanOf(features), Backend, seed: 1);
        optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, BatchDice: false);
        step = new TrainingStep(
            network, optimizer, patch, Batch, new TrainingOptions(loss, RecomputeActivations: recomputeActivations));
        images = new float[Batch * patch.Voxels];
        targets =
        [
            .. network.OutputScales.Select(
                scale => new float[Batch * (patch.Z / scale.Z) * (patch.Y / scale.Y) * (patch.X / scale.X)]),
        ];
    }

    public GpuBackend Backend { get; }

    public IdleKernels Kernels { get; }

    /// <summary>Bytes that were planned for the device.</summary>
    public long Planned =>
        step.Memory.TrainingBytes(moments: 1) + Backend.WorkspaceBytes(step.Memory.Convolutions, isTraining: true);

    /// <summary>A step.</summary>
    public void Run()
    {
        step.Run(images, targets, learningRate: 1e-3f);
        Assert.Equal(0, step.SkippedSteps);
    }

    /// <summary>A plain U-Net with one channel and three classes.</summary>
    public static NetworkPlan PlanOf(int[] features) => new()
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

    /// <inheritdoc/>
    public void Dispose()
    {
        step.Dispose();
        optimizer.Dispose();
        network.Dispose();
        Backend.Dispose();
    }
}
