using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What is planned for a device is what is allocated on it, choosing among variants included; and 16 bits take at most 60 % of
/// float32's.
/// </summary>
public sealed class DeviceMemoryTests
{
    // Bytes that the device rounds a buffer up to; pool, weights, scratch, …
    private const int Granularity = 256, MostBuffers = 10;
    private const double MostOfFloat32 = 0.6;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_step_of_the_128_plan_allocates_what_is_planned_and_16_bits_take_60_percent(bool recomputeActivations) =>
        Assert.InRange(
            Peak(GpuPrecision.Bf16Activations, recomputeActivations) / (double)Peak(GpuPrecision.Fp32, recomputeActivations),
            0.5, MostOfFloat32);

    /// <summary>The variants that are timed would need copies in float32 of everything, were they not left out.</summary>
    private static long Peak(GpuPrecision precision, bool recomputeActivations)
    {
        using var step = PlainUNet.Step(
            KernelChoice.Checked, precision, new(128, 128, 128), PlainUNet.LargestFeatures, recomputeActivations);
        var before = step.Backend.AllocatedBytes;
        step.Run();
        Assert.NotEmpty(step.Backend.Decisions);
        Assert.Equal(before, step.Backend.PeakBytes);
        Assert.InRange(step.Backend.PeakBytes - step.Planned, 0, Granularity * MostBuffers);
        return step.Planned;
    }

    [Theory]
    [InlineData(GpuPrecision.Bf16Activations)]
    [InlineData(GpuPrecision.Bf16)]
    public void A_prediction_allocates_what_is_planned(GpuPrecision precision)
    {
        using var backend = IdleKernels.Open(KernelChoice.Bricks, precision).Backend;
        var (plan, patch) = (PlainUNet.Of(PlainUNet.LargestFeatures), new Extent(64, 64, 64));
        using var network = Network.Build(plan, backend, seed: 1);
        var memory = StepMemory.MeasurePrediction(plan, patch, batchSize: 1, backend.Activations);
        using var pool = new BufferPool(backend);
        pool.Reserve(memory.PoolBytes, memory.HalfPoolBytes);
        var tape = new Tape(backend, pool, recording: false);
        var x = pool.Rent(Shape.Activation(1, patch, plan.InputChannels));
        tape.Done(network.Forward(tape, tape.Input(x), allOutputs: false)[0]);
        pool.Return(x);
        Assert.InRange(
            backend.PeakBytes - memory.PredictionBytes - backend.WorkspaceBytes(memory.Convolutions, isTraining: false),
            -Granularity, Granularity * MostBuffers);
    }
}
