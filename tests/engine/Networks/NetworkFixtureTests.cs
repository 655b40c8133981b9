using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>Forward and backward of every family against the numbers of spec networks §10, in float64.</summary>
public class NetworkFixtureTests
{
    /// <summary>One unit of the last printed digit, and float32 loss weights and sums.</summary>
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void F1_plain_2d_matches(bool recompute)
    {
        using var run = new FixtureRun(FixturePlans.F1, new Extent(1, 4, 4), recompute);
        RequireSizes(run, 28, 466);
        RequireForward(
            run, 0.291615, 12.123950, 5.179801, [0.259559, 0.315730, 0.256762, 0.641070, 0.257848, 0.315404, 0.458810, 0.419186],
            [0.401244, 0.524195, 0.532478, 0.548286]);
        Near(0.781168, run.GradientNorm);
        RequireGradient(run, 0, 0.437270, 0.021261);
        RequireGradient(run, 2, 0.081380, 0.059080);
        RequireGradient(run, 3, 0.060437, 0.003223);
        RequireGradient(run, 12, 0.287679, 0.003273);
        RequireGradient(run, 24, 0.064186, 0.003676);
        RequireGradient(run, 25, 0.009704, -0.002942);
        RequireGradient(run, 26, 0.139871, -0.035757);
        RequireGradient(run, 27, 0.013780, -0.009744);
        Assert.Equal(0, run.BytesLeft);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void F2_plain_3d_anisotropic_matches(bool recompute)
    {
        using var run = new FixtureRun(FixturePlans.F2, new Extent(2, 4, 4), recompute);
        RequireSizes(run, 28, 641);
        RequireForward(
            run, 0.300880, 24.228475, 10.399415, [0.291511, 0.340631, 0.378715, 0.809955], [0.338977, 0.417787, 0.480954, 0.421131]);
        Near(0.364139, run.GradientNorm);
        RequireGradient(run, 0, 0.087879, -0.001248);
        RequireGradient(run, 24, 0.045829, -0.002337);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void F3_residual_encoder_2d_matches(bool recompute)
    {
        using var run = new FixtureRun(FixturePlans.F3, new Extent(1, 4, 4), recompute);
        RequireSizes(run, 39, 794);
        RequireForward(
            run, 0.259423, 8.883641, 4.131616, [0.200585, 0.251769, 0.114976, 0.074801], [0.270621, 0.268113, 0.269544, 0.338014]);
        Near(0.875873, run.GradientNorm);
        RequireGradient(run, 0, 0.504378, -0.014251);
        RequireGradient(run, 20, 0.406943, -0.003300);
        RequireGradient(run, 21, 0.015950, -0.003609);
        Assert.Equal(0, run.BytesLeft);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void F4_stu_net_matches(bool recompute)
    {
        using var run = new FixtureRun(FixturePlans.F4, new Extent(4, 4, 4), recompute);
        RequireSizes(run, 34, 970);
        RequireForward(
            run, 0.278452, -48.061253, 21.857234, [-0.252602, -0.240725, -0.241138, -0.235791], [-0.290848, -0.288325, -0.287050, -0.303548]);
        Near(0.408707, run.GradientNorm);
        RequireGradient(run, 8, 0.058494, -0.038930);
        RequireGradient(run, 9, 0.020320, -0.014970);
        RequireGradient(run, 20, 0.019359, 0.000760);
        RequireGradient(run, 21, 0.001389, -0.000519);
        Assert.Equal(0, run.BytesLeft);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void F5_classic_2d_matches(bool recompute)
    {
        using var run = new FixtureRun(FixturePlans.F5, new Extent(1, 4, 4), recompute);
        RequireSizes(run, 26, 462);
        RequireForward(
            run, 0.282832, 3.722932, 0.950325, [-0.000229, 0.077360, 0.039420, 0.330552], [0.168084, 0.313720, 0.325824, 0.339780]);
        Near(0.444876, run.GradientNorm);
        RequireGradient(run, 0, 0.232473, 0.015312);
        RequireGradient(run, 24, 0.049514, 0.002534);
        RequireGradient(run, 25, 0.110819, -0.056941);
    }

    [Fact]
    public void F6_deep_supervision_matches_and_the_head_of_weight_zero_has_no_gradient()
    {
        using var run = new FixtureRun(FixturePlans.F6, new Extent(1, 16, 16), recompute: true);
        Assert.Equal(456, run.ParameterCount);
        Near(0.332819, run.Loss);
        Near(0.303146, run.OutputLosses[0]);
        Near(0.392166, run.OutputLosses[1]);
        Near(0.390403, run.OutputLosses[2]);
        Assert.Equal([86, 21, 5], run.Foreground);
        Near(0.221667, run.GradientNorm);
        var without = run.Tensors.SelectMany(t => t).Where(p => !p.HasGradient).Select(p => p.Name);
        Assert.Equal(["decoder.seg_layers.0.weight", "decoder.seg_layers.0.bias"], without);
    }

    [Fact]
    public void F7_unet_plus_plus_matches()
    {
        using var run = new FixtureRun(FixturePlans.F7, new Extent(1, 64, 64), recompute: true);
        RequireSizes(run, 188, 23_654);
        Near(0.333957, run.Loss);
        double[] losses = [0.333129, 0.354623, 0.342292, 0.334361, 0.305379];
        double[] sums = [649.012330, 301.397152, -273.155709, -822.360968, -1029.107166];
        double[] squares = [367.229234, 484.288760, 365.789279, 427.832217, 325.746894];
        for (var i = 0; i < 5; i++)
        {
            Near(losses[i], run.OutputLosses[i]);
            Near(sums[i], run.Logits[i].Sum());
            Near(squares[i], run.Logits[i].Sum(v => v * v));
        }

        RequireStart([-0.227606, -0.248945, -0.217651, -0.137845], run.Logits[0]);
        Near(0.086897, run.GradientNorm);
        Assert.Equal(0, run.BytesLeft);
    }

    [Fact]
    public void Unet_plus_plus_nodes_see_all_earlier_nodes_of_their_level()
    {
        using var run = new FixtureRun(FixturePlans.F7, new Extent(1, 64, 64), recompute: true);
        var widths = run.Tensors.Where(t => t[0].Name.Contains(".convs.0.conv.weight", StringComparison.Ordinal) && t[0].Name.StartsWith("nested", StringComparison.Ordinal))
            .Select(t => t.Sum(p => p.Shape.D3));
        Assert.Equal([4, 8, 16, 16, 16, 6, 12, 24, 24, 8, 16, 32, 10, 20, 12], widths);
    }

    [Fact]
    public void Convolution_biases_before_a_norm_have_zero_gradient()
    {
        using var run = new FixtureRun(FixturePlans.F3, new Extent(1, 4, 4), recompute: true);
        for (var t = 0; t < run.Tensors.Count; t++)
        {
            if (run.Tensors[t][0].Name.EndsWith(".conv.bias", StringComparison.Ordinal))
            {
                Assert.All(run.Gradient(t), g => Assert.True(Math.Abs(g) < 1e-12));
            }
        }
    }

    private static void RequireSizes(FixtureRun run, int tensors, long parameters)
    {
        Assert.Equal(tensors, run.Tensors.Count);
        Assert.Equal(parameters, run.ParameterCount);
    }

    private static void RequireForward(FixtureRun run, double loss, double sum, double squares, double[] first, double[] last)
    {
        Near(loss, run.Loss);
        Near(sum, run.Logits[0].Sum());
        Near(squares, run.Logits[0].Sum(v => v * v));
        RequireStart(first, run.Logits[0]);
        RequireStart(last, run.Logits[0][^last.Length..]);
    }

    private static void RequireStart(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Near(expected[i], actual[i]);
        }
    }

    private static void RequireGradient(FixtureRun run, int t, double norm, double first)
    {
        var g = run.Gradient(t);
        Near(norm, Math.Sqrt(g.Sum(v => v * v)));
        Near(first, g[0]);
    }

    private static void Near(double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= Tolerance, $"expected {expected}, got {actual}");
}
