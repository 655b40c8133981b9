using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>
/// docs/method/augmentation.md §10: how often things happen, within four standard errors of fixed seeds.
/// </summary>
public sealed class FrequencyTests
{
    private const int Draws = 100_000;

    private static readonly AugmentationRecipe Nothing = new() { Rotation = 0, Scaling = 0, Gamma = 0, MirrorPerAxis = 0 };

    [Theory]
    [InlineData(Profile.Modern, 0.64)]
    [InlineData(Profile.Classic, 0.512)]
    public void Spatial_transforms_fire_as_often_as_specified(Profile profile, double identity)
    {
        var recipe = AugmentationRecipe.For(profile);
        var geometry = PatchGeometry.For(profile, new(40, 56, 40), is2D: false);
        var random = new CounterRandom(1);
        int none = 0, elastic = 0, rotated = 0, scaled = 0, below = 0;
        double scales = 0, largest = 0;
        for (var i = 0; i < Draws; i++)
        {
            var transform = SpatialTransform.Draw(recipe, geometry, random);
            none += transform.IsIdentity ? 1 : 0;
            elastic += transform.ElasticStrength > 0 ? 1 : 0;
            var m = transform.Matrix;
            var scale = Math.Cbrt(Determinant(m));
            rotated += Math.Abs(m.Zy) > 1e-12 ? 1 : 0;
            if (Math.Abs(scale - 1) > 1e-9)
            {
                scaled++;
                scales += scale;
                below += scale < 1 ? 1 : 0;
            }

            // Modern: the matrix's lower right corner carries the first angle alone: tan a₀ = m.Xy/m.Xx.
            largest = Math.Max(largest, Math.Abs(Math.Atan2(profile == Profile.Modern ? m.Xy : m.Yx, m.Xx)));
        }

        AssertFrequency(identity, none, Draws);
        AssertFrequency(recipe.Elastic, elastic, Draws);
        AssertFrequency(0.2, rotated, Draws);
        AssertFrequency(0.2, scaled, Draws);
        AssertFrequency(profile == Profile.Modern ? 0.428571 : 0.5, below, scaled);
        Assert.Equal(profile == Profile.Modern ? 1.05 : 1.025, scales / scaled, 4 * 0.21 / Math.Sqrt(scaled));
        if (profile == Profile.Modern)
        {
            Assert.InRange(largest, geometry.RotationRadians * 0.99, geometry.RotationRadians);
        }
    }

    [Theory]
    [InlineData(0.7, 1.5, 1.05)]
    [InlineData(0.85, 1.25, 1.025)]
    [InlineData(0.7, 1.4, 1.025)]
    public void Two_sided_factors_are_below_one_half_of_the_time(double low, double high, double mean)
    {
        var random = new CounterRandom(2);
        var range = RandomRange.AroundOne(low, high);
        double sum = 0;
        var below = 0;
        for (var i = 0; i < Draws; i++)
        {
            var factor = range.Draw(random);
            Assert.InRange(factor, low, high);
            sum += factor;
            below += factor < 1 ? 1 : 0;
        }

        AssertFrequency(0.5, below, Draws);
        Assert.Equal(mean, sum / Draws, 4 * 0.25 / Math.Sqrt(Draws));
    }

    [Theory]
    [InlineData("noise", 0.1)]
    [InlineData("blur", 0.2 * 0.5)]
    [InlineData("brightness", 0.15)]
    [InlineData("contrast", 0.15)]
    [InlineData("low resolution", 0.25 * 0.5)]
    [InlineData("inverted gamma", 0.1)]
    [InlineData("gamma", 0.3)]
    [InlineData("all", 1 - (0.9 * 0.9 * 0.85 * 0.85 * 0.875 * 0.9 * 0.7))]
    public void Modern_intensity_steps_change_a_channel_as_often_as_specified(string step, double probability)
    {
        var modern = AugmentationRecipe.For(Profile.Modern);
        var recipe = step switch
        {
            "noise" => Nothing with { Noise = modern.Noise },
            "blur" => Nothing with { Blur = modern.Blur },
            "brightness" => Nothing with { Brightness = modern.Brightness },
            "contrast" => Nothing with { Contrast = modern.Contrast },
            "low resolution" =>
                Nothing with { LowResolution = modern.LowResolution, LowResolutionZoom = RandomRange.Uniform(0.5, 0.7) },
            "inverted gamma" => Nothing with { InvertedGamma = modern.InvertedGamma },
            "gamma" => Nothing with { Gamma = modern.Gamma },
            _ => modern with { LowResolutionZoom = RandomRange.Uniform(0.5, 0.7) },
        };
        AssertChanges(recipe, Profile.Modern, probability);
    }

    [Fact]
    public void Classic_changes_intensities_by_gamma_only() =>
        AssertChanges(AugmentationRecipe.For(Profile.Classic), Profile.Classic, 0.3);

    [Fact]
    public void Every_allowed_axis_is_mirrored_half_of_the_time()
    {
        foreach (var is2D in new[] { false, true })
        {
            var size = new Extent(is2D ? 1 : 2, 2, 2);
            var geometry = PatchGeometry.For(Profile.Modern, size, is2D);
            var pipeline = new AugmentationPipeline(
                AugmentationRecipe.For(Profile.Modern), Profile.Modern, geometry, [], Processor.Sampling);
            var sample = new PatchSample(size, 1, withPrevious: false);
            var random = new CounterRandom(5);
            var seen = new int[8];
            const int Few = 8000;
            for (var i = 0; i < Few; i++)
            {
                for (short v = 0; v < sample.Voxels; v++)
                {
                    sample.Labels[v] = v;
                }

                pipeline.MirrorAxes(random, sample);
                seen[sample.Labels[0]]++;
            }

            for (var corner = 0; corner < sample.Voxels; corner++)
            {
                AssertFrequency(1.0 / sample.Voxels, seen[corner], Few);
            }
        }
    }

    // Two channels: the second draw per channel must be independent of the other channel's.
    private static void AssertChanges(AugmentationRecipe recipe, Profile profile, double probability)
    {
        var size = new Extent(1, 3, 4);
        var geometry = PatchGeometry.For(profile, size, is2D: true);
        var pipeline = new AugmentationPipeline(recipe, profile, geometry, [], Processor.Sampling);
        var sample = new PatchSample(size, 2, withPrevious: false);
        float[] image = [1, 5, 3, 2, 8, 4, 7, 0.5f, 6, 2.5f, 9, 3.5f, 2, 4, 1, 6, 3, 9, 5, 8, 7, 0.5f, 1.5f, 6.5f];
        int first = 0, second = 0;
        for (var i = 0; i < Draws; i++)
        {
            image.CopyTo(sample.Image, 0);
            pipeline.ChangeIntensity(new CounterRandom(4, i), sample);
            first += sample.Channel(0).SequenceEqual(image.AsSpan(0, 12)) ? 0 : 1;
            second += sample.Channel(1).SequenceEqual(image.AsSpan(12)) ? 0 : 1;
        }

        AssertFrequency(probability, first, Draws);
        AssertFrequency(probability, second, Draws);
    }

    private static void AssertFrequency(double expected, int count, int draws)
    {
        var error = 4 * Math.Sqrt(expected * (1 - expected) / draws);
        Assert.InRange(count / (double)draws, expected - error, expected + error);
    }

    private static double Determinant(Matrix3 m) =>
        (m.Zz * ((m.Yy * m.Xx) - (m.Yx * m.Xy))) - (m.Zy * ((m.Yz * m.Xx) - (m.Yx * m.Xz)))
            + (m.Zx * ((m.Yz * m.Xy) - (m.Yy * m.Xz)));
}
