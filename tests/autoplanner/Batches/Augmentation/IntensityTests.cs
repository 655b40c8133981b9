using System.Text.Json;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>docs/method/augmentation.md §5, and the reference's own answers.</summary>
public sealed class IntensityTests
{
    private static readonly float[] Input = [-1, 0, 0.5f, 2, 3, -0.5f, 1, 0.25f];

    [Fact]
    public void Brightness_multiplies()
    {
        var values = Repeat(Input);
        Intensity.Brighten(values, 1.2f);
        AssertClose(Repeat(Input).Select(v => v * 1.2f), values);
    }

    [Theory]
    [InlineData(1.25, new[] { -1, -0.164062, 0.460938, 2.335938, 3, -0.789062, 1.085938, 0.148438 })]
    [InlineData(0.75, new[] { -0.585938, 0.164062, 0.539062, 1.664062, 2.414062, -0.210938, 0.914062, 0.351562 })]
    public void Contrast_matches_the_specified_values(double factor, double[] expected)
    {
        var values = (float[])Input.Clone();
        Intensity.Contrast(values, (float)factor, keepRange: true);
        AssertClose(expected.Select(v => (float)v), values);

        // The same numbers often enough to reach the SIMD loops.
        var many = Repeat(Input);
        Intensity.Contrast(many, (float)factor, keepRange: true);
        AssertClose(Repeat([.. expected.Select(v => (float)v)]), many);
    }

    [Theory]
    [InlineData(0.7, false, true, new[] { -1.414825, 0.158040, 0.674257, 1.978898, 2.735991, -0.446613, 1.140302, 0.423950 })]
    [InlineData(1.5, false, true, new[] { -0.583465, -0.102321, 0.300453, 1.916632, 3.265685, -0.413355, 0.777415, 0.088954 })]
    [InlineData(1.5, false, false, new[] { -1, -0.5, -0.081441, 1.598076, 3, -0.823223, 0.414214, -0.301229 })]
    [InlineData(0.7, true, true, new[] { -0.759039, -0.018365, 0.379441, 1.763005, 3.301760, -0.396668, 0.802045, 0.177822 })]
    public void Gamma_matches_the_specified_values(double gamma, bool invert, bool keep, double[] expected)
    {
        var values = (float[])Input.Clone();
        Intensity.Gamma(values, (float)gamma, invert, keep);
        AssertClose(expected.Select(v => (float)v), values);
        var many = Repeat(Input);
        Intensity.Gamma(many, (float)gamma, invert, keep);

        // Repeating changes only the divisor n − 1 of the deviations, which cancels.
        AssertClose(Repeat([.. expected.Select(v => (float)v)]), many);
    }

    [Fact]
    public void Gamma_keeps_mean_and_deviation()
    {
        var values = (float[])Input.Clone();
        Intensity.Gamma(values, 0.8f, invert: false, keepStatistics: true);
        var statistics = ChannelStatistics.Of(values);
        Assert.Equal(0.656250, statistics.Mean, 1e-6);
        Assert.Equal(1.315685, ChannelStatistics.Deviation(values, statistics.Mean), 1e-6);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(100)]
    public void A_constant_channel_stays_unchanged(int length)
    {
        var values = Enumerable.Repeat(-3.25f, length).ToArray();
        Intensity.Gamma(values, 0.7f, invert: false, keepStatistics: true);
        Intensity.Gamma(values, 1.4f, invert: true, keepStatistics: true);
        Intensity.Contrast(values, 1.25f, keepRange: true);
        Assert.All(values, v => Assert.Equal(-3.25f, v, 1e-6f));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(4096)]
    [InlineData(10_007)]
    public void Statistics_match_their_float64_definition(int length)
    {
        var random = new CounterRandom(1);
        var values = Enumerable.Range(0, length).Select(_ => (float)(100 + random.NextGaussian())).ToArray();
        var statistics = ChannelStatistics.Of(values);
        var mean = values.Average(v => (double)v);
        Assert.Equal(mean, statistics.Mean, 2e-5);
        Assert.Equal(values.Min(), statistics.Min);
        Assert.Equal(values.Max(), statistics.Max);
        var deviation = length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (length - 1));
        Assert.Equal(deviation, ChannelStatistics.Deviation(values, statistics.Mean), 1e-4);
    }

    [Fact]
    public void Intensity_steps_match_the_reference_implementation()
    {
        var golden = GoldenJson.Read("functions", "augmentation.json");
        foreach (var test in GoldenJson.Rows(golden.GetProperty("Gamma"), 16, 4))
        {
            Check(test, 2e-5f, channel => Intensity.Gamma(
                channel, test.GetProperty("gamma").GetSingle(), test.GetProperty("invert").GetBoolean(),
                test.GetProperty("retain_stats").GetBoolean()));
        }

        foreach (var test in GoldenJson.Rows(golden.GetProperty("Contrast"), 8, 2))
        {
            Check(test, 2e-6f, channel => Intensity.Contrast(
                channel, test.GetProperty("factor").GetSingle(), test.GetProperty("preserve_range").GetBoolean()));
        }

        foreach (var test in GoldenJson.Rows(golden.GetProperty("Brightness"), 1, 1))
        {
            Check(test, 1e-6f, channel => Intensity.Brighten(channel, test.GetProperty("factor").GetSingle()));
        }
    }

    // The first axis is the channel.
    internal static void Check(JsonElement test, float tolerance, Action<float[]> step)
    {
        var channels = GoldenJson.ShapeOf(test.GetProperty("in"))[0];
        var input = GoldenJson.Floats(test.GetProperty("in"));
        var expected = GoldenJson.Floats(test.GetProperty("out"));
        foreach (var (from, to) in input.Chunk(input.Length / channels).Zip(expected.Chunk(input.Length / channels)))
        {
            step(from);
            AssertClose(to, from, tolerance);
        }
    }

    internal static void AssertClose(IEnumerable<float> expected, IEnumerable<float> actual, float tolerance = 2e-6f)
    {
        var pairs = expected.Zip(actual).ToList();
        Assert.Equal(expected.Count(), actual.Count());
        Assert.All(pairs, p => Assert.Equal(p.First, p.Second, tolerance));
    }

    private static float[] Repeat(float[] values) => [.. Enumerable.Repeat(values, 13).SelectMany(v => v)];
}
