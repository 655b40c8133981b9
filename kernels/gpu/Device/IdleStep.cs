using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Training steps with SGD by idle kernels: what the host does in a step on a card, what its launches would move, and what memory
/// it takes there.
/// </summary>
internal sealed class IdleStep : IDisposable
{
    private readonly Network network;
    private readonly SgdNesterov optimizer;
    private readonly TrainingStep step;
    private readonly float[] images;
    private readonly float[][] targets;

    /// <summary>Prepares the steps.</summary>
    /// <param name="choice">Which variants.</param>
    /// <param name="precision">In which numbers convolutions multiply, and activations are kept.</param>
    /// <param name="plan">The network.</param>
    /// <param name="patch">Voxels of an image.</param>
    /// <param name="batch">Images of a step.</param>
    /// <param name="recomputeActivations">Make again in the backward pass what is cheap to make again.</param>
    /// <param name="graphs">Records launches; null: nobody does.</param>
    public IdleStep(
        KernelChoice choice, GpuPrecision precision, NetworkPlan plan, Extent patch, int batch, bool recomputeActivations,
        IGraphDriver? graphs = null)
    {
        (Backend, Kernels) = IdleKernels.Open(choice, precision, graphs);
        network = Network.Build(plan, Backend, seed: 1);
        optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, BatchDice: false);
        step = new TrainingStep(
            network, optimizer, patch, batch, new TrainingOptions(loss, RecomputeActivations: recomputeActivations));
        images = new float[batch * patch.Voxels * plan.InputChannels];
        targets =
        [
            .. network.OutputScales.Select(
                scale => new float[batch * (patch.Z / scale.Z) * (patch.Y / scale.Y) * (patch.X / scale.X)]),
        ];
    }

    public GpuBackend Backend { get; }

    public IdleKernels Kernels { get; }

    /// <summary>Bytes that were planned for the device.</summary>
    public long Planned =>
        step.Memory.TrainingBytes(moments: 1) + Backend.WorkspaceBytes(step.Memory.Convolutions, isTraining: true);

    /// <summary>A step.</summary>
    /// <exception cref="InvalidOperationException">Gradients overflowed, so that parts of the step are missing.</exception>
    public void Run()
    {
        step.Run(images, targets, learningRate: 1e-3f);
        if (step.SkippedSteps > 0)
        {
            throw new InvalidOperationException("idle kernels made gradients that overflow");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        step.Dispose();
        optimizer.Dispose();
        network.Dispose();
        Backend.Dispose();
    }
}
