using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// What the backend promises beside computing: uploads beside computations, measured limits, failures, scaled losses.
/// </summary>
public sealed class RuntimeTests
{
    private const long RoundedUp = 2560;                  // bytes, by which the device's buffers are longer than asked for
    private static readonly Extent Patch = new(1, 8, 8);

    [LongFact]
    public void Staged_batches_give_the_same_weights_as_batches_uploaded_in_order()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast);
        Assert.True(backend.UploadsRunBeside);
        Assert.Equal(Train(backend, staged: false), Train(backend, staged: true));
    }

    [LongFact]
    public void Peak_of_training_is_what_was_planned()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast);
        using var network = Build(backend);
        using var optimizer = new SgdNesterov(network.Parameters);
        using var step = new TrainingStep(network, optimizer, Patch, 1, Options(network));
        step.Run(Images(0), [Labels(0)], 0.05f);
        Assert.True(step.Memory.InputBytes > 0);
        var planned = step.Memory.TrainingBytes(moments: 1)
            + backend.WorkspaceBytes(step.Memory.Convolutions, isTraining: true);
        Assert.InRange(step.PeakBytes - planned, 0, RoundedUp);
    }

    [Fact]
    public void Running_out_of_memory_is_told_from_errors_of_ours()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Plain);
        var full = Assert.Throws<GpuOutOfMemoryException>(() => backend.Allocate(1L << 40));
        Assert.Same(full, backend.FailureOf(full));
        Assert.Null(backend.FailureOf(new InvalidOperationException()));
    }

    [Fact]
    public void Limits_are_measured()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Plain);
        var limits = (IMachineLimits)backend;
        Assert.True(limits.MeasureMultiplyAddPeak() > 0);
        Assert.True(limits.MeasureCopyBandwidth() > 0);
        Assert.Equal(0, backend.AllocatedBytes);
    }

    /// <summary>
    /// A loss so heavy that scaled gradients leave float16's range: steps are skipped until the factor has shrunk, then it
    /// learns.
    /// </summary>
    [TensorCoreFact]
    public void Overflow_in_float16_shrinks_the_factor_until_training_goes_on()
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Fast, GpuPrecision.Fp16);
        Assert.True(backend.NeedsLossScaling);
        Assert.Equal("fp16", backend.ProductPrecision);
        using var network = Build(backend);
        using var optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions([.. network.LossWeights.Select(w => 1000 * w)], Regions: false, BatchDice: true);
        using var step = new TrainingStep(network, optimizer, Patch, 1, new TrainingOptions(loss));
        var before = Weights(network);
        step.Run(Images(0), [Labels(0)], 0.01f);
        Assert.Equal(1, step.SkippedSteps);
        Assert.Equal(LossScale.Initial / 2, step.LossScale!.Value.Value);
        Assert.Equal(before, Weights(network));
        while (step.LossScale.Value.GoodSteps == 0)
        {
            step.Run(Images(0), [Labels(0)], 0.01f);
            Assert.InRange(step.SkippedSteps, 1, 12);
        }

        Assert.NotEqual(before, Weights(network));
        Assert.All(Weights(network), w => Assert.True(float.IsFinite(w)));
    }

    private static float[] Train(Backend backend, bool staged)
    {
        using var network = Build(backend);
        using var optimizer = new SgdNesterov(network.Parameters);
        using var step = new TrainingStep(network, optimizer, Patch, 1, Options(network));
        var batches = new Batches(count: 4, ahead: staged);
        for (var i = 0; i < batches.Count; i++)
        {
            step.Run(batches, 0.05f);
        }

        return Weights(network);
    }

    private sealed class Batches(int count, bool ahead) : IBatchSource
    {
        private int next;

        public int Count => count;

        public bool HasNext => ahead && next < count;

        public IBatch TakeNext() => new Batch(Images(next), [Labels(next++)]);

        private sealed record Batch(float[] Image, IReadOnlyList<float[]> Targets) : IBatch
        {
            public void Dispose()
            {
            }
        }
    }

    private static float[] Images(int batch) =>
        [.. Enumerable.Range(0, (int)Patch.Voxels).Select(i => MathF.Sin((0.7f * i) + batch))];

    private static float[] Labels(int batch) =>
        [.. Enumerable.Range(0, (int)Patch.Voxels).Select(i => (i + batch) % 5 < 2 ? 1f : 0f)];

    private static TrainingOptions Options(Network network) =>
        new(new LossOptions(network.LossWeights, Regions: false, BatchDice: true));

    private static float[] Weights(Network network) => [.. network.Parameters.Parameters.SelectMany(p =>
    {
        var values = new float[p.Shape.Length];
        network.Backend.Download(p.Value, values);
        return values;
    })];

    private static Network Build(Backend backend) => Network.Build(
        new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 2,
            Features = [4, 8],
            Kernels = [new Extent(1, 3, 3), new Extent(1, 3, 3)],
            Strides = [Extent.One, new Extent(1, 2, 2)],
            EncoderBlocks = [1, 1],
            DecoderBlocks = [1],
        },
        backend,
        seed: 7);
}
