using System.Globalization;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Gpu.Variants;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// Launches of a training step, which cost a card some 5 µs each: no more than docs/gpu/predictions.md says, on patches and
/// features of real plans.
/// </summary>
public sealed class LaunchCountTests
{
    private const int Batch = 2;

    [Theory]
    [InlineData("Hippocampus", 40, 56, 40, 32, 64, 128, 256)]
    [InlineData("128³", 128, 128, 128, 32, 64, 128, 256, 320, 320)]
    public void A_step_launches_no_more_kernels_than_the_page_says(string plan, int z, int y, int x, params int[] features)
    {
        var cells = File.ReadAllLines(Path.Combine(Checkout.Root, "docs", "gpu", "predictions.md"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Single(row => row.Length > 3 && row[1].StartsWith($"launches, {plan}", StringComparison.Ordinal));
        var most = int.Parse(cells[2], CultureInfo.InvariantCulture);
        Assert.InRange(Launches(new(z, y, x), features), most * 3 / 4, most);
    }

    private static int Launches(Extent patch, int[] features)
    {
        var (backend, kernels) = IdleKernels.Open(KernelChoice.Fast);
        using var owned = backend;
        using var network = Network.Build(PlanOf(features), backend, seed: 1);
        using var optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, BatchDice: false);
        using var step = new TrainingStep(network, optimizer, patch, Batch, new TrainingOptions(loss));
        var images = new float[Batch * patch.Voxels];
        float[][] targets =
        [
            .. network.OutputScales.Select(
                scale => new float[Batch * (patch.Z / scale.Z) * (patch.Y / scale.Y) * (patch.X / scale.X)]),
        ];
        step.Run(images, targets, learningRate: 1e-3f);
        var first = kernels.Launches;
        step.Run(images, targets, learningRate: 1e-3f);
        Assert.Equal(0, step.SkippedSteps);
        return kernels.Launches - first;
    }

    private static NetworkPlan PlanOf(int[] features) => new()
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
}
