using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Preprocessing;

/// <summary>Vectors of docs/method/preprocessing.md §3.</summary>
public sealed class NormalizationTests
{
    private static readonly short[] MaskLabels = [-1, -1, 0, 1, 0, 0];
    private static readonly float[] MaskVoxels = [0, 0, 10, 20, 30, 0];

    [Fact]
    public void Z_score_has_zero_mean_and_unit_deviation()
    {
        AssertClose([-1.341641, -.447214, .447214, 1.341641], Apply(NormalizationScheme.ZScore, [1, 2, 3, 4]));
        AssertClose([0, 0, 0], Apply(NormalizationScheme.ZScore, [5, 5, 5]));
        AssertClose([0, 0, 0], Apply(NormalizationScheme.ZScore, [5, 5, 5], profile: Profile.Classic));
        AssertClose(
            [-.866025, -.866025, 0, .866025, 1.732051, -.866025],
            Apply(NormalizationScheme.ZScore, MaskVoxels, labels: MaskLabels));
    }

    [Fact]
    public void Z_score_in_the_mask_leaves_the_outside_and_classic_clears_it()
    {
        AssertClose(
            [0, 0, -.447214, .447214, 1.341641, -1.341641],
            Apply(NormalizationScheme.ZScore, MaskVoxels, useMask: true, labels: MaskLabels));
        float[] blurred = [3, 0, 10, 20, 30, 0];
        AssertClose(
            [3, 0, -.447214, .447214, 1.341641, -1.341641],
            Apply(NormalizationScheme.ZScore, blurred, useMask: true, labels: MaskLabels));
        AssertClose(
            [0, 0, -.447214, .447214, 1.341641, -1.341641],
            Apply(NormalizationScheme.ZScore, blurred, useMask: true, labels: MaskLabels, profile: Profile.Classic));
        AssertClose([1, 2], Apply(NormalizationScheme.ZScore, [1, 2], useMask: true, labels: [-1, -1]));
    }

    [Fact]
    public void CT_clips_and_scales_by_the_dataset()
    {
        var properties = new IntensityProperties(100, 0, 50, 0, 0, -50, 300);
        AssertClose(
            [-3, -3, -2, 0, 4, 4], Apply(NormalizationScheme.CT, [-1000, -50, 0, 100, 300, 2000], properties: properties));
        Assert.Contains(
            "plans have none", Assert.Throws<SharpSegException>(() => Apply(NormalizationScheme.CT, [1])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Other_schemes_equal_the_worked_examples()
    {
        AssertClose([0, .25, .5, 1], Apply(NormalizationScheme.RescaleTo01, [-5, 0, 5, 15]));
        AssertClose([0, 0], Apply(NormalizationScheme.RescaleTo01, [7, 7]));
        AssertClose([0, .2, 1], Apply(NormalizationScheme.RgbTo01, [0, 51, 255]));
        AssertClose([-4, 4], Apply(NormalizationScheme.NoNormalization, [-4, 4]));
        Assert.Throws<SharpSegException>(() => Apply(NormalizationScheme.RgbTo01, [0, -1]));
        Assert.Throws<SharpSegException>(() => Apply(NormalizationScheme.RgbTo01, [256]));
    }

    [Fact]
    public void Golden_arrays_are_equal()
    {
        foreach (var item in GoldenJson.Rows("normalization.json", 24, 7))
        {
            var scheme = NormalizationSchemes.FromClassName(item.GetProperty("scheme").GetString()!)!.Value;
            var statistics = item.GetProperty("intensityproperties");
            double Number(string key) => statistics.TryGetProperty(key, out var value) ? GoldenJson.Number(value) : 0;
            var properties = new IntensityProperties(
                Number("mean"), 0, Number("std"), 0, 0, Number("percentile_00_5"), Number("percentile_99_5"));
            float[] Run() => Apply(
                scheme, GoldenJson.Floats(item.GetProperty("image")), item.GetProperty("use_mask").GetBoolean(),
                GoldenJson.Labels(item.GetProperty("seg")), properties);
            if (item.TryGetProperty("assertion", out _))
            {
                Assert.Throws<SharpSegException>(Run);
                continue;
            }

            AssertClose([.. GoldenJson.Floats(item.GetProperty("output")).Select(value => (double)value)], Run(), 2e-5);
        }
    }

    private static float[] Apply(
        NormalizationScheme scheme, float[] voxels, bool useMask = false, short[]? labels = null,
        IntensityProperties? properties = null,
        Profile profile = Profile.Modern)
    {
        var channel = new ArrayStore<float>([.. voxels], new Extent(1, 1, voxels.Length));
        Normalization.Apply(scheme, useMask, profile, channel, labels ?? new short[voxels.Length], properties, "case");
        return channel.Values;
    }

    private static void AssertClose(double[] expected, float[] actual, double tolerance = 1e-6)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], tolerance * Math.Max(1, Math.Abs(expected[i])));
        }
    }
}
