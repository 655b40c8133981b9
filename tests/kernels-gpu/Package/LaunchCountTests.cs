using System.Globalization;
using SharpSeg.Engine.Tensors;
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
        Assert.Equal(
            int.Parse(cells[3], CultureInfo.InvariantCulture), Launches(new(z, y, x), features, new TestGraphs()));
    }

    /// <summary>Of a step that comes after two others, of which the second was recorded if that can be done.</summary>
    private static int Launches(Extent patch, int[] features, TestGraphs? graphs = null)
    {
        using var step = PlainUNet.Step(KernelChoice.Fast, GpuPrecision.Fp32, patch, features, graphs: graphs);
        step.Run();
        step.Run();
        var before = step.Kernels.Launches + (graphs?.Launches ?? 0);
        step.Run();
        return step.Kernels.Launches + (graphs?.Launches ?? 0) - before;
    }
}
