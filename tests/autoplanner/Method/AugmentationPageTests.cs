using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests.Batches;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/augmentation.md.</summary>
public sealed class AugmentationPageTests
{
    private const double Float32 = 4e-6;                   // float32 on values up to 8, and fast exponentials
    private const double Degree = Math.PI / 180;

    private static readonly MethodPage Page = MethodPage.Open("docs/method/augmentation.md");

    [Fact]
    public void Augmentation_page_recipe()
    {
        var (classic, modern) = (AugmentationRecipe.For(Profile.Classic), AugmentationRecipe.For(Profile.Modern));
        foreach (var row in Page.Table("recipe"))
        {
            Func<AugmentationRecipe, double>? probability = row["#"] switch
            {
                "2a" => r => r.Elastic,
                "2b" => r => r.Rotation,
                "2c" => r => r.Scaling,
                "4" => r => r.Noise,
                "5" => r => r.Blur,
                "6" => r => r.Brightness,
                "7" => r => r.Contrast,
                "8" => r => r.LowResolution,
                "9" => r => r.InvertedGamma,
                "10" => r => r.Gamma,
                "11" => r => r.MirrorPerAxis,
                "15" => r => r.CascadeMorphology,
                "16" => r => r.CascadeRemoval,
                _ => null,
            };
            Assert.Equal(probability is null, row["p `classic`"].Length == 0);
            if (probability is not null)
            {
                Assert.Equal(probability(classic), row.Number("p `classic`").Value);
                Assert.Equal(probability(modern), row.Number("p `modern`").Value);
            }
        }

        Range("2c", "classic", classic.ScalingRange);
        Range("2c", "modern", modern.ScalingRange);
        Range("4", "modern", modern.NoiseSigma);
        Range("5", "modern", modern.BlurSigma);
        Range("6", "modern", modern.BrightnessRange);
        Range("7", "modern", modern.ContrastRange);
        Range("8", "modern", modern.LowResolutionZoom);
        Range("9", "modern", modern.GammaRange);
        Range("10", "classic", classic.GammaRange);
        Range("10", "modern", modern.GammaRange);
        Assert.Equal(
            [
                0, classic.ElasticStrength.Space, 0, classic.ElasticStrength.Plane, classic.ElasticSmoothness.Low,
                classic.ElasticSmoothness.High,
            ],
            Row("2a").Numbers("range `classic`").Select(n => n.Value));
        Assert.Equal(modern.BlurPerChannel, Row("5").Number("per channel").Value);
        Assert.Equal(modern.LowResolutionPerChannel, Row("8").Number("per channel").Value);

        static PageRow Row(string number) => Page.Table("recipe").Single(row => row["#"] == number);

        static void Range(string number, string profile, RandomRange range) => Assert.Equal(
            FormattableString.Invariant($"{(range.TwoSided ? "T" : "U")} {range.Low} {range.High}"),
            Row(number)[$"range `{profile}`"]);
    }

    [Fact]
    public void Augmentation_page_rotation_ranges()
    {
        foreach (var row in Page.Table("rotation-ranges"))
        {
            var sizes = row.Ints("patch");
            var patch = sizes.Length == 2 ? new Extent(1, sizes[0], sizes[1]) : Extent.FromArray(sizes);
            foreach (var profile in new[] { Profile.Classic, Profile.Modern })
            {
                var geometry = PatchGeometry.For(profile, patch, sizes.Length == 2);
                Assert.Equal(row["case"].StartsWith("dummy-2D", StringComparison.Ordinal), geometry.Dummy2D);
                row.Number(profile == Profile.Classic ? "classic" : "modern").Agrees(geometry.RotationRadians / Degree, 1e-9);
            }
        }
    }

    [Fact]
    public void Augmentation_page_matrices()
    {
        foreach (var row in Page.Table("matrices"))
        {
            var a = row.Reals("angles");
            var m = SpatialTransform.MatrixOf(
                a[0] * Degree, a[1] * Degree, a[2] * Degree, row.Number("k").Value, planar: false,
                classic: row["profile"] == "classic");
            row.Agrees("M, row by row", [m.Zz, m.Zy, m.Zx, m.Yz, m.Yy, m.Yx, m.Xz, m.Xy, m.Xx]);
        }
    }

    [Fact]
    public void Augmentation_page_centre_crop()
    {
        foreach (var row in Page.Table("centre-crop"))
        {
            Extent initial = new(1, (int)row.Whole("N"), 1), patch = new(1, (int)row.Whole("P"), 1);
            Assert.Equal(row.Whole("modern"), CentreCrop.Start(Profile.Modern, initial, patch).Y);
            Assert.Equal(row.Whole("classic"), CentreCrop.Start(Profile.Classic, initial, patch).Y);
        }
    }

    [Fact]
    public void Augmentation_page_spatial_example()
    {
        foreach (var row in Page.Table("spatial-example"))
        {
            var (transform, sample) = Example(row);
            var q = transform.Position(new(1, 4, 4), new(1, 6, 6), 0, 0, 0);
            row.Agrees("position (y, x) of output (0, 0)", [q.Y, q.X]);

            // Splines of values up to 55, in float32.
            row.Agrees("first row of the image", [.. sample.Image[..4].Select(v => (double)v)], 1e-5);
        }

        foreach (var row in Page.Table("spatial-example-labels"))
        {
            Assert.Equal(row.Ints("labels, row by row"), Example(row).Sample.Labels.Select(label => (int)label));
        }
    }

    [Fact]
    public void Augmentation_page_elastic_strength()
    {
        var recipe = AugmentationRecipe.For(Profile.Classic);
        foreach (var row in Page.Table("elastic-strength"))
        {
            var kernel = ElasticField.Kernel(row.Number("σ").Value);
            Assert.Equal((2 * row.Whole("radius")) + 1, kernel.Length);
            var q = kernel.Sum(w => (double)w * w);
            row.Number("q").Agrees(q, 1e-8);
            row.Number("deviation in 3D, α = 900").Agrees(recipe.ElasticStrength.Space * Math.Sqrt(q * q * q / 3), 1e-6);
            row.Number("deviation in the plane, α = 200").Agrees(recipe.ElasticStrength.Plane * Math.Sqrt(q * q / 3), 1e-6);
        }
    }

    [Fact]
    public void Augmentation_page_spline()
    {
        var row = Page.Table("spline-coefficients").Single();
        float[] line = [.. row.Reals("samples").Select(v => (float)v)];
        double[] c = [.. row.Reals("coefficients")];
        for (var i = 0; i < line.Length; i++)
        {
            // The spline passes through the samples; beyond the ends coefficients are mirrored.
            Assert.Equal(line[i], (c[Math.Abs(i - 1)] + (4 * c[i]) + c[i + 1 < c.Length ? i + 1 : i - 1]) / 6, 1e-5);
        }

        // A patch of two voxels around the middle of the line, scaled so that its first voxel is taken from q.
        var source = new MemoryCase("line", new(1, 1, line.Length), line, new short[line.Length], []);
        foreach (var at in Page.Table("spline-values"))
        {
            var geometry = new PatchGeometry(new(1, 1, 2), source.Shape, Is2D: true, Dummy2D: false, 0);
            var scale = 2 * (2.5 - at.Number("q").Value);
            var sample = new PatchSample(geometry.Patch, 1, withPrevious: false);
            Processor.Transform(
                Profile.Classic, source, default, geometry, new SpatialTransform(Matrix3.Scaling(1, 1, scale), 0, 0, false),
                sample);
            at.Number("value").Agrees(sample.Image[0], 2e-5);
        }
    }

    [Fact]
    public void Augmentation_page_blur()
    {
        foreach (var row in Page.Table("blur"))
        {
            var kernel = GaussianBlur.Kernel(row.Number("σ").Value);
            Assert.Equal(row.Whole("length"), kernel.Length);
            var half = kernel[..((kernel.Length / 2) + 1)];
            row.Agrees("kernel, from one end to the middle", [.. half.Select(w => (double)w)], 1e-7);
            float[] line = [0, 0, 1, 4, 2, 0, 0, 8];
            GaussianBlur.Apply(line, new(1, 1, 8), 2, kernel, new float[8]);
            row.Agrees("the line 0 0 1 4 2 0 0 8 becomes", [.. line.Select(v => (double)v)], Float32);
        }
    }

    [Fact]
    public void Augmentation_page_intensity()
    {
        foreach (var row in Page.Table("intensity"))
        {
            float[] values = [-1, 0, 0.5f, 2, 3, -0.5f, 1, 0.25f];
            var value = (float)row.Number("value").Value;
            switch (row["step"])
            {
                case "contrast":
                    Intensity.Contrast(values, value, keepRange: true);
                    break;
                case "gamma":
                    Intensity.Gamma(values, value, invert: false, keepStatistics: true);
                    break;
                case "gamma, statistics not kept":
                    Intensity.Gamma(values, value, invert: false, keepStatistics: false);
                    break;
                case "inverted gamma":
                    Intensity.Gamma(values, value, invert: true, keepStatistics: true);
                    break;
                default:
                    Assert.Fail(row["step"]);
                    break;
            }

            row.Agrees("result", [.. values.Select(v => (double)v)], Float32);
        }
    }

    [Fact]
    public void Augmentation_page_low_resolution()
    {
        foreach (var row in Page.Table("low-resolution"))
        {
            var size = new Extent(1, 1, 8);
            var small = LowResolution.SmallSize(size, row.Number("ζ").Value, keepZ: false);
            Assert.Equal(row.Whole("m"), small.X);
            float[] line = [1, 3, 2, 5, 4, 0, 6, 7];
            LowResolution.Apply(line, size, small, new float[3 * small.X]);
            row.Agrees("the line 1 3 2 5 4 0 6 7 becomes", [.. line.Select(v => (double)v)], Float32);
        }
    }

    [Fact]
    public void Augmentation_page_structuring_elements()
    {
        foreach (var row in Page.Table("structuring-elements"))
        {
            var r = row.Number("r").Value;
            Assert.Equal(row.Whole("m"), (long)Math.Floor((2 * r) + 1));
            Assert.Equal(row.Whole("voxels in 3D"), new StructuringElement(r, planar: false).Voxels);
        }
    }

    [Fact]
    public void Augmentation_page_morphology_figure()
    {
        var lines = Page.Lines("morphology-figure")
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(words => words[0], words => words[1..]);
        var size = new Extent(1, 5, 5);
        var morphology = new Morphology(new BitVolume(size), new BitVolume(size));
        var element = new StructuringElement(1, planar: true);
        Assert.Equal(5, element.Voxels);
        Check("opening", morphology.Open);
        Check("closing", morphology.Close);

        void Check(string name, Action<BitVolume, StructuringElement> operation)
        {
            var mask = new BitVolume(size);
            for (var v = 0; v < 25; v++)
            {
                mask[0, v / 5, v % 5] = lines["figure"][v / 5][v % 5] == '1';
            }

            operation(mask, element);
            var rows = Enumerable.Range(0, 5)
                .Select(y => string.Concat(Enumerable.Range(0, 5).Select(x => mask[0, y, x] ? '1' : '0')));
            Assert.Equal(lines[name], rows);
        }
    }

    /// <summary>Counting is the business of FrequencyTests; here the printed numbers are held against the recipe's own.</summary>
    [Fact]
    public void Augmentation_page_frequencies()
    {
        var rows = Page.Table("frequencies").ToDictionary(row => row["what"]);
        foreach (var profile in new[] { Profile.Classic, Profile.Modern })
        {
            var column = profile == Profile.Classic ? "classic" : "modern";
            var recipe = AugmentationRecipe.For(profile);
            var nothing = (1 - recipe.Elastic) * (1 - recipe.Rotation) * (1 - recipe.Scaling);
            rows["no spatial transform"].Number(column).Agrees(nothing);
            var range = recipe.ScalingRange;
            var (mean, below) = range.TwoSided
                ? ((((range.Low + 1) / 2) + ((1 + range.High) / 2)) / 2, 0.5)
                : ((range.Low + range.High) / 2, (1 - range.Low) / (range.High - range.Low));
            rows["mean scaling factor"].Number(column).Agrees(mean);
            rows["share of scaling factors below 1"].Number(column).Agrees(below);
        }
    }

    private static (SpatialTransform Transform, PatchSample Sample) Example(PageRow row)
    {
        var classic = row["profile"] == "classic";
        var angle = row.Number("angle").Value * Degree;
        var matrix = SpatialTransform.MatrixOf(angle, 0, 0, row.Number("k").Value, planar: true, classic);
        var transform = new SpatialTransform(matrix, 0, 0, IsIdentity: false);
        var image = new float[36];
        var labels = new short[36];
        for (var v = 0; v < 36; v++)
        {
            int y = v / 6, x = v % 6;
            image[v] = (10 * y) + x;
            labels[v] = (short)(y is >= 2 and <= 4 && x is >= 1 and <= 3 ? 1 : y <= 1 && x >= 4 ? 2 : 0);
        }

        // The whole case is the initial patch.
        var source = new MemoryCase("example", new(1, 6, 6), image, labels, [1, 2]);
        var sample = new PatchSample(new(1, 4, 4), 1, withPrevious: false);
        var geometry = new PatchGeometry(sample.Size, source.Shape, Is2D: true, Dummy2D: false, 0);
        Processor.Transform(classic ? Profile.Classic : Profile.Modern, source, default, geometry, transform, sample);
        return (transform, sample);
    }
}
