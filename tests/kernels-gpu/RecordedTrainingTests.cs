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
/// Trainings whose steps the device repeats from its own recordings, beside the same ones launched kernel by kernel.
/// </summary>
public sealed class RecordedTrainingTests
{
    private const int Steps = 4;
    private static readonly Extent Patch = new(2, 8, 8);

    [GraphTheory]
    [InlineData(nameof(GpuPrecision.Fp32))]
    [InlineData(nameof(GpuPrecision.Tf32))]
    [InlineData(nameof(GpuPrecision.Bf16Activations))]
    [InlineData(nameof(GpuPrecision.Fp16Activations))]
    public void Repeated_steps_have_the_bytes_of_launched_ones(string precision)
    {
        using var backend = DeviceUnderTest.Open(KernelChoice.Bricks, Enum.Parse<GpuPrecision>(precision));
        var (launched, none) = Train(backend, record: false);
        var (recorded, replayed) = Train(backend, record: true);
        Assert.Equal(launched, recorded);
        Assert.Equal((0, Steps - 1), (none, replayed));
    }

    /// <summary>Losses, norms and weights after every step, and how many steps were repeated; batches change places.</summary>
    private static (List<float> Seen, int Replayed) Train(Backend backend, bool record)
    {
        var plan = new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 2,
            Features = [8, 8, 8],
            Kernels = [new Extent(1, 3, 3), new Extent(3, 3, 3), new Extent(3, 3, 3)],
            Strides = [Extent.One, new Extent(1, 2, 2), new Extent(1, 2, 2)],
            EncoderBlocks = [1, 1, 1],
            DecoderBlocks = [1, 1],
            DeepSupervision = true,
        };
        using var network = Network.Build(plan, backend, seed: 7);
        using var optimizer = new SgdNesterov(network.Parameters);
        using var step = new TrainingStep(
            network, optimizer, Patch, 1,
            new TrainingOptions(new LossOptions(network.LossWeights, Regions: false, BatchDice: true), Record: record));
        var batches = new Batches(network);
        var (seen, replayed) = (new List<float>(), 0);
        for (var i = 0; i < Steps; i++)
        {
            step.Run(batches, 0.05f);
            replayed += step.WasReplayed ? 1 : 0;
            seen.AddRange([(float)step.Loss.Total, (float)step.GradientNorm, step.SkippedSteps]);
            foreach (var parameter in network.Parameters.Parameters)
            {
                var values = new float[parameter.Shape.Length];
                backend.Download(parameter.Value, values);
                seen.AddRange(values);
            }
        }

        Assert.All(seen, value => Assert.True(float.IsFinite(value)));
        return (seen, replayed);
    }

    private sealed class Batches(Network network) : IBatchSource
    {
        private int next;

        public bool HasNext => true;

        public IBatch TakeNext()
        {
            var number = next++;
            float[] images = [.. Enumerable.Range(0, (int)Patch.Voxels).Select(i => MathF.Sin((0.7f * i) + number))];
            return new Batch(images, [.. network.OutputScales.Select(scale => Enumerable
                .Range(0, (int)(Patch.Voxels / scale.Voxels)).Select(i => (i + number) % 5 < 2 ? 1f : 0f).ToArray())]);
        }

        private sealed record Batch(float[] Image, IReadOnlyList<float[]> Targets) : IBatch
        {
            public void Dispose()
            {
            }
        }
    }
}
