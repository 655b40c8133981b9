using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>A small U-Net, trained by the GPU kernels and by the processor, step by step.</summary>
public sealed class TrainingTests
{
    private const int Steps = 10;
    private static readonly Extent Patch = new(2, 8, 8);

    [LongTheory]
    [InlineData(true, NormKind.Instance)]
    [InlineData(false, NormKind.Instance)]
    [InlineData(false, NormKind.Batch)]
    public void Two_stage_UNet_follows_the_processors_loss_for_ten_steps(bool plain, NormKind norm)
    {
        using var processor = SharpSeg.Kernels.Cpu.Cpu.Open(1);
        using var gpu = DeviceUnderTest.Open(plain ? KernelChoice.Plain : KernelChoice.Fast);
        var expected = Train(processor, norm);
        var actual = Train(gpu, norm);
        for (var i = 0; i < Steps; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= 1e-4,
                $"step {i}: {actual[i]} on the GPU kernels, {expected[i]} on the processor");
        }

        Assert.True(expected[^1] < expected[0] - 0.05, $"the loss hardly falls: {expected[0]} to {expected[^1]}");
    }

    /// <summary>
    /// Every activation and gradient is rounded to 8 bits, and so are factors: losses drift apart, and fall alike. Memory is what
    /// the rehearsal said, which the tests of the engine compare with float32's.
    /// </summary>
    [TensorCoreFact]
    public void Two_stage_UNet_with_activations_in_bfloat16_follows_the_processors_loss()
    {
        using var processor = SharpSeg.Kernels.Cpu.Cpu.Open(1);
        using var gpu = DeviceUnderTest.Open(KernelChoice.Bricks, GpuPrecision.Bf16Activations);
        var expected = Train(processor, NormKind.Instance, 2);
        var actual = Train(gpu, NormKind.Instance, 2);
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= 0.02,
                $"step {i}: {actual[i]} on the GPU kernels, {expected[i]} on the processor");
        }

        Assert.True(actual[^1] < actual[0], $"the loss does not fall: {actual[0]} to {actual[^1]}");
    }

    /// <summary>With batch normalisation also ReLUs, two samples and the Dice loss alone.</summary>
    private static double[] Train(Backend backend, NormKind norm, int steps = Steps)
    {
        var isBatch = norm == NormKind.Batch;
        var plan = new NetworkPlan
        {
            Family = NetworkFamily.PlainUNet,
            InputChannels = 1,
            OutputChannels = 2,
            Features = [4, 8],
            Kernels = [new Extent(1, 3, 3), new Extent(3, 3, 3)],
            Strides = [Extent.One, new Extent(1, 2, 2)],
            EncoderBlocks = [1, 1],
            DecoderBlocks = [1],
            Norm = norm,
            LeakySlope = isBatch ? 0 : 0.01f,
        };
        using var network = Network.Build(plan, backend, seed: 7);
        using var optimizer = new SgdNesterov(network.Parameters);
        var options = new TrainingOptions(new LossOptions(
            network.LossWeights, Regions: false, BatchDice: true,
            Terms: isBatch ? LossTerms.Dice : LossTerms.DiceAndCrossEntropy));
        var samples = isBatch ? 2 : 1;
        using var step = new TrainingStep(network, optimizer, Patch, samples, options);
        var images = new float[samples * Patch.Voxels];
        var labels = new float[images.Length];
        for (var i = 0; i < images.Length; i++)
        {
            labels[i] = i % Patch.X >= 3 && i / Patch.X % Patch.Y < 5 ? 1f : 0f;
            images[i] = MathF.Sin(0.7f * i) + (2f * labels[i]);
        }

        double[] losses = [.. Enumerable.Range(0, steps).Select(_ => step.Run(images, [labels], 0.05f))];
        Assert.Equal(backend.Activations == ElementType.Fp32 ? 1 : 2, step.Pool.Allocations);
        Assert.Equal(step.Memory.PoolBytes, step.Pool.HighWaterBytes);
        return losses;
    }
}
