using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Tests.Networks;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.Method;

/// <summary>The numbers of docs/method/networks.md. Layers run on the processor's kernels, whole networks in float64.</summary>
public sealed class NetworksPageTests : IDisposable
{
    private const double Float32 = 1e-6;                   // rounding of float32 values near 1
    private const double LossWeights = 5e-7;               // weights of the loss are float32, also where all else is float64

    private static readonly MethodPage Page = MethodPage.Open("docs/method/networks.md");
    private static readonly Extent Plane = new(1, 2, 2);

    private readonly PageBackend run = new();

    [Fact]
    public void Networks_page_convolution()
    {
        double[] ramp = [.. Enumerable.Range(1, 16)];
        foreach (var row in Page.Table("convolution"))
        {
            var stride = (int)row.Whole("stride");
            var p = new ConvProblem(1, new(1, 4, 4), 1, 0, 1, new(1, 3, 3), new(1, stride, stride));
            var y = run.Empty(p.OutputShape);
            run.Backend.ConvForward(p, run.Filled(p.InputShape, ramp), null, run.Filled(p.WeightShape, ramp[..9]), null, y);
            PageBackend.Agree(row.Numbers("output, row by row"), run.Read(y), 1e-4); // a sum of nine products up to 144
        }
    }

    [Fact]
    public void Networks_page_transposed_convolution()
    {
        var a = new TransposedConvProblem(1, Plane, 1, 1, Plane);
        var b = new TransposedConvProblem(1, new(1, 1, 2), 2, 1, Plane);
        var (first, second) = (run.Empty(a.OutputShape), run.Empty(b.OutputShape));
        run.Backend.TransposedConvForward(
            a, run.Filled(a.InputShape, 1, 2, 3, 4), run.Filled(a.WeightShape, 1, 2, 3, 4), run.Filled(Shape.Vector(1), 0.5),
            first);
        run.Backend.TransposedConvForward(
            b, run.Filled(b.InputShape, 1, 2, -1, 0.5), run.Filled(b.WeightShape, 1, 0.5, 0, 1, 0, 1, 1, 0.5), null, second);
        var rows = Page.Table("transposed-convolution");
        PageBackend.Agree(rows.Single(r => r["example"] == "a").Numbers("output"), run.Read(first), Float32);
        PageBackend.Agree(rows.Single(r => r["example"] == "b").Numbers("output"), run.Read(second), Float32);
    }

    [Fact]
    public void Networks_page_up_sampling_and_pooling()
    {
        var up = Page.Table("nearest-up-sampling").Single();
        var line = run.Filled(Shape.Activation(1, new(1, 1, 3), 1), [.. up.Numbers("input").Select(n => n.Value)]);
        var longer = run.Empty(Shape.Activation(1, new(1, 1, 6), 1));
        run.Backend.BlockRepeat(line, new(1, 1, (int)up.Whole("stride")), 1f, longer, accumulate: false);
        PageBackend.Agree(up.Numbers("output"), run.Read(longer), 0);

        var pool = Page.Table("average-pooling").Single();
        var plane = run.Filled(Shape.Activation(1, new(1, 4, 4), 1), [.. pool.Numbers("input, 4×4").Select(n => n.Value)]);
        var coarse = run.Empty(Shape.Activation(1, Plane, 1));
        run.Backend.BlockSum(plane, Plane, 0.25f, coarse, accumulate: false);
        PageBackend.Agree(pool.Numbers("output, row by row"), run.Read(coarse), 0);
    }

    [Fact]
    public void Networks_page_variance_of_a_large_mean()
    {
        var row = Page.Table("variance-of-a-large-mean").Single();
        var p = new InstanceNormProblem(1, Plane, 1, 1f);
        var x = run.Filled(p.ActivationShape, [.. row.Numbers("values").Select(n => n.Value)]);
        var (mean, rstd) = (run.Empty(p.StatisticsShape), run.Empty(p.StatisticsShape));
        run.Backend.InstanceNormStatistics(p, x, mean, rstd);
        var r = run.Read(rstd)[0];
        row.Number("true variance of the float32 values").Agrees((1 / (r * r)) - p.Epsilon, 1e-9);
    }

    [Fact]
    public void Networks_page_instance_norm()
    {
        var linear = Normalise(1f);
        var leaky = Normalise(0.01f);
        foreach (var row in Page.Table("instance-norm"))
        {
            var computed = row["Quantity"] switch
            {
                "μ" => linear.Mean,
                "r" => linear.Rstd,
                "z" => linear.Y,
                "∂L/∂x" => linear.Dx,
                "∂L/∂γ" => linear.Dgamma,
                "∂L/∂β" => linear.Dbeta,
                "leaky(z)" => leaky.Y,
                "∂L/∂x behind the leaky ReLU" => leaky.Dx,
                var other => throw new InvalidOperationException(other),
            };
            for (var channel = 0; channel < 2; channel++)
            {
                PageBackend.Agree(
                    row.Numbers($"channel {channel}"), [.. computed.Where((_, i) => i % 2 == channel)], Float32);
            }
        }
    }

    [Fact]
    public void Networks_page_initialisation()
    {
        foreach (var row in Page.Table("initialisation"))
        {
            row.Number("std").Agrees(WeightInitialization.StandardDeviation((int)row.Whole("fan_in"), 0.01));
        }

        var modern = CountedPlans.Cubic(NetworkFamily.PlainUNet, CountedPlans.Modern3D, 1, 2);
        var classic = CountedPlans.Cubic(NetworkFamily.ClassicUNet, CountedPlans.Classic3D, 1, 2);
        RequireFanIn("convolution 1→32, 3³", modern, "encoder.stages.0.0.convs.0.conv.weight");
        RequireFanIn("convolution 32→64, 3³", modern, "encoder.stages.1.0.convs.0.conv.weight");
        RequireFanIn("convolution 320→320, 3³", modern, "encoder.stages.5.0.convs.0.conv.weight");
        RequireFanIn("convolution 30→60, 3³", classic, "encoder.stages.1.0.convs.0.conv.weight");
        RequireFanIn("transposed convolution 320→256, 2³", modern, "decoder.transpconvs.1.weight");
        RequireFanIn("head 32→K, 1³", modern, "decoder.seg_layers.4.weight");

        static void RequireFanIn(string weight, NetworkPlan plan, string parameter) => Assert.Equal(
            Page.Table("initialisation").Single(row => row["Weight"] == weight).Whole("fan_in"),
            CountedPlans.Parameters(plan).Single(p => p.Name == parameter).FanIn);
    }

    [Fact]
    public void Networks_page_unetplusplus_wiring()
    {
        var first = CountedPlans.Parameters(FixturePlans.F7)
            .Where(p => p.Name.StartsWith("nested.", StringComparison.Ordinal))
            .Where(p => p.Name.Contains(".convs.0.conv.weight", StringComparison.Ordinal))
            .ToList();
        foreach (var row in Page.Table("unetplusplus-wiring"))
        {
            var widths = row.Numbers("nodes X(0, j), X(1, j), …");
            Assert.Equal(6 - (int)row.Whole("column j"), widths.Count);
            for (var i = 0; i < widths.Count; i++)
            {
                var node = $"nested.{i}.{row["column j"]}.";
                widths[i].Agrees(first.Where(p => p.Name.StartsWith(node, StringComparison.Ordinal)).Sum(p => p.Shape.D3));
            }
        }
    }

    [Fact]
    public void Networks_page_stunet_variants()
    {
        var strides = new[] { Extent.One, new(2, 2, 2), new(2, 2, 2), new(1, 2, 2) };
        var rows = Page.Table("stunet-variants");
        Assert.Equal(StuNetVariant.All.Select(v => v.Name), rows.Select(r => r["Variant"]));
        foreach (var (row, variant) in rows.Zip(StuNetVariant.All))
        {
            Assert.Equal(variant.Features, row.Numbers("Channels of stages 0 to 5").Select(n => (int)n.Whole));
            Assert.Equal(variant.Depth, row.Whole("Blocks per stage"));
            var plan = variant.Plan(strides, 1, 105, deepSupervision: true);
            Assert.Equal(CountedPlans.Count(plan), row.Whole("Parameters, Cin = 1, K = 105"));
        }
    }

    [Fact]
    public void Networks_page_parameter_count_of_the_hippocampus_plan()
    {
        var parameters = CountedPlans.Parameters(CountedPlans.Cubic(NetworkFamily.PlainUNet, CountedPlans.Modern3D[..4], 1, 3));
        var encoder = Enumerable.Range(0, 4).Select(l => Sum($"encoder.stages.{l}.")).ToArray();
        var decoder = Enumerable.Range(0, 4)
            .Select(l => 2 - l) // levels count from full resolution, nnU-Net's names from the lowest
            .Select(s => Sum($"decoder.stages.{s}.") + Sum($"decoder.transpconvs.{s}.") + Sum($"decoder.seg_layers.{s}."))
            .ToArray();
        Assert.Equal(parameters.Sum(p => p.Shape.Length), encoder.Sum() + decoder.Sum());
        foreach (var row in Page.Table("parameter-count-of-the-hippocampus-plan"))
        {
            var counts = row["part"] switch
            {
                "encoder" => encoder,
                "decoder" => decoder,
                _ => [.. encoder.Zip(decoder, (e, d) => e + d)],
            };
            string[] columns = ["stage or level 0", "1", "2", "3"];
            Assert.Equal(counts, columns.Select(row.Whole));
            Assert.Equal(counts.Sum(), row.Whole("sum"));
        }

        long Sum(string prefix) =>
            parameters.Where(p => p.Name.StartsWith(prefix, StringComparison.Ordinal)).Sum(p => p.Shape.Length);
    }

    [Fact]
    public void Networks_page_parameter_counts()
    {
        foreach (var row in Page.Table("parameter-counts"))
        {
            var plan = CountedPlans.OfRow((int)row.Whole("#"), (int)row.Whole("Cin"), (int)row.Whole("K"));
            var allHeads = plan with { DeepSupervision = true };
            Assert.Equal((row["#"], row.Whole("Parameters")), (row["#"], CountedPlans.Count(plan)));
            Assert.Equal((row["#"], row.Whole("with all heads")), (row["#"], CountedPlans.Count(allHeads)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Networks_page_known_answers(bool recompute)
    {
        var gradients = Page.Table("known-gradients");
        foreach (var row in Page.Table("known-answers"))
        {
            using var fixture = FixtureRun.Named(row["Network"], recompute);
            Assert.Equal(row.Whole("tensors"), fixture.Tensors.Count);
            Assert.Equal(row.Whole("parameters"), fixture.ParameterCount);
            row.Number("loss").Agrees(fixture.Loss, LossWeights);
            row.Number("Σ logits").Agrees(fixture.Logits[0].Sum(), LossWeights);
            row.Number("Σ logits²").Agrees(fixture.Logits[0].Sum(v => v * v), LossWeights);
            row.Number("gradient norm").Agrees(fixture.GradientNorm, LossWeights);
            var first = row.Numbers("first logits");
            PageBackend.Agree(first, fixture.Logits[0][..first.Count], LossWeights);
            foreach (var gradient in gradients.Where(g => g["Network"] == row["Network"]))
            {
                var values = fixture.Gradient((int)gradient.Whole("tensor"));
                gradient.Number("norm").Agrees(Math.Sqrt(values.Sum(v => v * v)), LossWeights);
                gradient.Number("first element").Agrees(values[0], LossWeights);
            }

            Assert.Equal(0, fixture.BytesLeft);
        }

        Assert.All(gradients, g => Assert.Contains(Page.Table("known-answers"), row => row["Network"] == g["Network"]));
    }

    [Fact]
    public void Networks_page_known_answers_with_deep_supervision()
    {
        using var fixture = FixtureRun.Named("F6", recompute: true);
        var rows = Page.Table("known-answers-deep-supervision");
        Assert.Equal(rows.Select(r => r.Whole("foreground voxels")), fixture.Foreground.Select(n => (long)n));
        PageBackend.Agree([.. rows.Select(r => r.Number("loss"))], fixture.OutputLosses, LossWeights);
        double[] weights = [.. fixture.LossWeights.Select(w => (double)w)];
        PageBackend.Agree([.. rows.Select(r => r.Number("weight"))], weights, LossWeights);
        var without = fixture.Tensors.SelectMany(t => t).Where(p => !p.HasGradient).Select(p => p.Name);
        Assert.Equal(["decoder.seg_layers.0.weight", "decoder.seg_layers.0.bias"], without);
    }

    public void Dispose() => run.Dispose();

    private (double[] Mean, double[] Rstd, double[] Y, double[] Dx, double[] Dgamma, double[] Dbeta) Normalise(float slope)
    {
        var p = new InstanceNormProblem(1, Plane, 2, slope);
        var x = run.FromMaps(p.ActivationShape, [1, 2, 3, 6], [-1, 0, 0.5, 4]);
        var dy = run.FromMaps(p.ActivationShape, [0.1, -0.2, 0.3, 0.4], [1, 0.5, -0.5, 0.25]);
        var (gamma, beta) = (run.Filled(p.ParameterShape, 1.5, 0.8), run.Filled(p.ParameterShape, 0.1, -0.2));
        var (mean, rstd) = (run.Empty(p.StatisticsShape), run.Empty(p.StatisticsShape));
        var (y, dx) = (run.Empty(p.ActivationShape), run.Empty(p.ActivationShape));
        var (dgamma, dbeta) = (run.Empty(p.ParameterShape), run.Empty(p.ParameterShape));
        run.Backend.InstanceNormStatistics(p, x, mean, rstd);
        run.Backend.InstanceNormApply(p, x, mean, rstd, gamma, beta, y);
        run.Backend.InstanceNormBackward(p, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, accumulateParameters: false);
        return (run.Read(mean), run.Read(rstd), run.Read(y), run.Read(dx), run.Read(dgamma), run.Read(dbeta));
    }
}
