using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Preprocessing;

/// <summary>End-to-end vectors of docs/method/preprocessing.md §7.</summary>
public sealed class PreprocessorTests
{
    private const double Tolerance = 2e-5; // float32 intermediates
    private static readonly Extent Size = new(5, 6, 7);
    private static readonly LabelScheme Scheme = new([new("background", [0]), new("a", [1]), new("b", [2])]);

    [Fact]
    public void Case_A_z_score() => Check(
        Run(new(2, 1, 1), [1.5, .8, .8], NormalizationScheme.ZScore), new(5, 6, 8), 0.221847, 176.023268, -1.524913, 1.818606,
        [14, 190, 19, 17],
        [.986621, .238586, -1.255027, -1.412397, .765651, .573854, -.81562, -1.403262]);

    [Fact]
    public void Case_B_z_score_in_the_mask() => Check(
        Run(new(2, 1, 1), [1.5, .8, .8], NormalizationScheme.ZScore, useMask: true), new(5, 6, 8), -0.191601, 165.558273,
        -1.828933, 1.862802,
        [14, 190, 19, 17], [.829674, -.205424, -.702002, .122334, .892844, .265073, -.98724, -1.707203]);

    [Fact]
    public void Case_C_anisotropic_CT() => Check(
        Run(new(4, 1, 1), [2.5, .8, .8], NormalizationScheme.CT), new(6, 6, 8), 7.720030, 202.907189, -1.333333, 1.333333,
        [23, 203, 36, 26],
        [1.181975, .316787, -1.211596, -1.210451, 1.136323, .866888, -.712391, -1.333333]);

    [Fact]
    public void Case_D_transposed_anisotropic_CT()
    {
        var result = Run(new(1, 1, 4), [2.5, .8, .8], NormalizationScheme.CT, order: [2, 0, 1]);
        Check(
            result, new(10, 5, 6), 12.610388, 211.302009, -1.333333, 1.333333, [34, 192, 42, 32],
            [1.214761, -1.016389, -.989577, 1.072338, .918392, -1.29592]);
        Assert.Equal(new Extent(7, 5, 6), result.Properties.ShapeBeforeCropping);
        Assert.Equal(new Extent(0, 1, 1), result.Properties.BboxOrigin);
        Assert.Equal(new Extent(6, 4, 5), result.Properties.ShapeAfterCropping);
        Assert.Equal(new Spacing(1, 1, 4), result.Properties.Spacing);
    }

    [Fact]
    public void Case_E_two_dimensional_plan() => Check(
        Run(new(2, 1, 1), [.8, .8], NormalizationScheme.ZScore), new(4, 6, 8), 0.569116, 149.458496, -1.524913, 1.863782,
        [14, 138, 23, 17],
        [.901015, .173873, -1.296295, -1.420835, .815579, .650521, -.726894, -1.302616]);

    [Fact]
    public void Inputs_stay_as_they_were_and_channels_lie_last()
    {
        var (voxels, labels) = Example();
        float[] second = [.. voxels.Select(value => value * 3 - 1)];
        var image = new MedicalImage(Geometry(new(2, 1, 1)), [voxels, second]);
        var map = new LabelImage(image.Geometry, labels);
        float[] before = [.. voxels];
        short[] labelsBefore = [.. labels];
        var recipe = Recipe([1.5, .8, .8], NormalizationScheme.ZScore) with
        {
            Normalization = [NormalizationScheme.ZScore, NormalizationScheme.NoNormalization],
            UseMaskForNorm = [false, false],
            Intensities = [null, null],
        };
        var result = Processor.Preprocess("case", image, map, recipe, Scheme);
        Assert.Equal(before, voxels);
        Assert.Equal(labelsBefore, labels);
        Assert.Equal(2, result.Channels);
        var single = Run(new(2, 1, 1), [1.5, .8, .8], NormalizationScheme.NoNormalization, useSecond: true);
        Assert.Equal(single.Image, Enumerable.Range(0, single.Image.Length).Select(i => result.Image[2 * i + 1]));
    }

    [Fact]
    public void Without_labels_the_mask_remains_and_no_locations()
    {
        var (voxels, _) = Example();
        var image = new MedicalImage(Geometry(new(2, 1, 1)), [voxels]);
        var result = Processor.Preprocess("case", image, null, Recipe([1.5, .8, .8], NormalizationScheme.ZScore), Scheme);
        Assert.Empty(result.Locations);
        Assert.Equal([-1, 0], result.Labels.Distinct().Order().Select(label => (int)label));
    }

    [Fact]
    public void Classic_resamples_first_and_keeps_nearest_labels()
    {
        var (voxels, labels) = Example();
        var image = new MedicalImage(Geometry(new(2, 1, 1)), [voxels]);
        var recipe = Recipe([1.5, .8, .8], NormalizationScheme.ZScore) with
        {
            Profile = Profile.Classic,
            Resampling = ResamplingPlan.Of(Profile.Classic),
        };
        var result = Processor.Preprocess("case", image, new LabelImage(image.Geometry, labels), recipe, Scheme);

        // Normalised last, so the resampled image itself has zero mean and unit variance.
        Assert.Equal(0, result.Image.Average(), 1e-5);
        Assert.Equal(1, result.Image.Average(value => (double)value * value), 1e-4);
        Assert.NotEqual(
            Run(new(2, 1, 1), [1.5, .8, .8], NormalizationScheme.ZScore).Labels, result.Labels);
    }

    [Fact]
    public void Bad_cases_are_named()
    {
        var (voxels, labels) = Example();
        var recipe = Recipe([1.5, .8, .8], NormalizationScheme.ZScore);
        voxels[17] = float.NaN;
        var image = new MedicalImage(Geometry(new(2, 1, 1)), [voxels]);
        Assert.Contains("`case_7`", Fail(image, null, recipe).Message, StringComparison.Ordinal);
        Assert.Contains(
            "2 channels", Fail(new(image.Geometry, [voxels, voxels]), null, recipe).Message, StringComparison.Ordinal);
        var other = new LabelImage(image.Geometry with { Extent = new Extent(7, 6, 5) }, labels);
        Assert.Contains("7×6×5", Fail(image, other, recipe).Message, StringComparison.Ordinal);
        voxels[17] = 1;
        Assert.Contains(
            "more than can be held", Fail(image, null, recipe with { Spacing = [1e-4, 1e-4, 1e-4] }).Message,
            StringComparison.Ordinal);

        static SharpSegException Fail(MedicalImage image, LabelImage? labels, PreprocessingRecipe recipe) =>
            Assert.Throws<SharpSegException>(() => Processor.Preprocess("case_7", image, labels, recipe, Scheme));
    }

    /// <summary>
    /// A large volume is cropped in its own arrays, which stay larger than what they hold: stored it is the same bytes as the box
    /// alone, which is small.
    /// </summary>
    [Theory]
    [InlineData(1, false)]
    [InlineData(2.5, true)]
    public void A_large_case_that_is_cropped_equals_its_box(double spacing, bool isTransposed)
    {
        Extent large = new(258, 257, 256), box = new(40, 50, 60), origin = new(7, 9, 11);
        Assert.True(Preprocessor.IsInPlace(large) && !Preprocessor.IsInPlace(box));
        var (voxels, labels) = (new float[box.Voxels], new short[box.Voxels]);
        for (var i = 0; i < voxels.Length; i++)
        {
            voxels[i] = i % 11 == 0 ? 0 : 1 + (i * 7919L % 101);
            labels[i] = (short)(i * 31L % 3);
        }

        voxels[0] = voxels[^1] = 1; // the box's corners
        var recipe = Recipe([spacing, spacing, spacing], NormalizationScheme.ZScore) with
        {
            UseMaskForNorm = [true],
            TransposeForward = isTransposed ? [2, 0, 1] : [0, 1, 2],
        };
        using var folder = new TemporaryFolder();
        var spaced = new Spacing(1, 1, 1);
        Save("box", box, voxels, labels);
        Save("large", large, Framed(voxels), Framed(labels));
        foreach (var ending in new[] { ".image", ".labels", ".locations" })
        {
            Assert.Equal(
                File.ReadAllBytes(folder.File("box" + ending)), File.ReadAllBytes(folder.File("large" + ending)));
        }

        T[] Framed<T>(T[] values)
        {
            var framed = new T[large.Voxels];
            for (var row = 0; row < box.Z * box.Y; row++)
            {
                var at = ((((origin.Z + (row / box.Y)) * large.Y) + origin.Y + (row % box.Y)) * large.X) + origin.X;
                values.AsSpan(row * box.X, box.X).CopyTo(framed.AsSpan(at));
            }

            return framed;
        }

        void Save(string id, Extent size, float[] image, short[] map)
        {
            var geometry = new ImageGeometry(size, spaced, new double[12], "none", []);
            var before = (short[])map.Clone();
            StoredCase.Save(folder.Path, Processor.Preprocess(
                id, new MedicalImage(geometry, [image]), new LabelImage(geometry, map), recipe, Scheme));
            Assert.True(before.AsSpan().SequenceEqual(map));
        }
    }

    internal static PreprocessedCase Run(
        Spacing spacing, double[] target, NormalizationScheme scheme, bool useMask = false, int[]? order = null,
        bool useSecond = false)
    {
        var (voxels, labels) = Example();
        if (useSecond)
        {
            // The crop must stay the same, so the mask comes from the first formula.
            float[] second = [.. voxels.Select(value => value * 3 - 1)];
            var both = new MedicalImage(Geometry(spacing), [voxels, second]);
            var pair = Recipe(target, scheme) with
            {
                Normalization = [scheme, scheme],
                UseMaskForNorm = [false, false],
                Intensities = [null, null],
            };
            var result = Processor.Preprocess("case", both, new LabelImage(both.Geometry, labels), pair, Scheme);
            return result with { Image = [.. result.Image.Where((_, i) => i % 2 == 1)], Channels = 1 };
        }

        var image = new MedicalImage(Geometry(spacing), [voxels]);
        var recipe = Recipe(target, scheme) with { UseMaskForNorm = [useMask], TransposeForward = order ?? [0, 1, 2] };
        return Processor.Preprocess("case", image, new LabelImage(image.Geometry, labels), recipe, Scheme);
    }

    private static PreprocessingRecipe Recipe(double[] target, NormalizationScheme scheme) => new()
    {
        Profile = Profile.Modern,
        TransposeForward = [0, 1, 2],
        Spacing = target,
        Normalization = [scheme],
        UseMaskForNorm = [false],
        Intensities = [new IntensityProperties(5, 5, 3, 0, 12, 1, 9)],
        Resampling = ResamplingPlan.Of(Profile.Modern),
    };

    private static ImageGeometry Geometry(Spacing spacing) => new(Size, spacing, new double[12], "none", []);

    /// <summary>v = (3z² + 5y + 7x + 2xyz) mod 13, zero where z = 0, y = 0 or x = 6.</summary>
    private static (float[] Voxels, short[] Labels) Example()
    {
        var voxels = new float[Size.Voxels];
        var labels = new short[Size.Voxels];
        for (var i = 0; i < voxels.Length; i++)
        {
            int x = i % 7, y = i / 7 % 6, z = i / 42;
            var v = z == 0 || y == 0 || x == 6 ? 0 : (3 * z * z + 5 * y + 7 * x + 2 * x * y * z) % 13;
            voxels[i] = v;
            labels[i] = v > 5 && v <= 9 && y > 2 ? (short)2 : v > 9 && z > 1 ? (short)1 : (short)0;
        }

        Assert.Equal(648, voxels.Sum());
        Assert.Equal(15, labels.Count(label => label == 2));
        return (voxels, labels);
    }

    private static void Check(
        PreprocessedCase result, Extent shape, double sum, double squares, double min, double max, int[] counts,
        double[] firstRow)
    {
        Assert.Equal(shape, result.Shape);
        Assert.Equal(counts, Enumerable.Range(-1, 4).Select(label => result.Labels.Count(value => value == label)));
        for (var i = 0; i < firstRow.Length; i++)
        {
            Assert.Equal(firstRow[i], result.Image[i], Tolerance);
        }

        Assert.Equal(min, result.Image.Min(), Tolerance);
        Assert.Equal(max, result.Image.Max(), Tolerance);
        Assert.Equal(sum, result.Image.Sum(value => (double)value), 20 * Tolerance);
        Assert.Equal(squares, result.Image.Sum(value => (double)value * value), 20 * Tolerance);
        Assert.Equal(counts[2], result.Locations[0].Count);
        Assert.Equal(counts[3], result.Locations[1].Count);
    }
}
