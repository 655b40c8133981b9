using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Tests.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Method;

/// <summary>The numbers of docs/method/preprocessing.md.</summary>
public sealed class PreprocessingPageTests
{
    private const double Float32 = 1e-4; // values up to 10 in float32, several operations deep
    private static readonly MethodPage Page = MethodPage.Open("docs/method/preprocessing.md");

    [Fact]
    public void The_box_of_the_crop_is_the_pages()
    {
        var extent = new Extent(4, 5, 6);
        var image = new float[extent.Voxels];
        for (var z = 1; z <= 2; z++)
        {
            for (var y = 1; y <= 3; y++)
            {
                image.AsSpan((((z * extent.Y) + y) * extent.X) + 2, 3).Fill(5);
            }
        }

        image[(((1 * extent.Y) + 2) * extent.X) + 3] = 0;
        var crop = NonZeroCrop.Find([image], extent);
        var rows = Page.Table("crop");
        string[] axes = ["z", "y", "x"];
        for (var axis = 0; axis < 3; axis++)
        {
            Assert.Equal(rows[0].Whole(axes[axis]), crop.Origin[axis]);
            Assert.Equal(rows[1].Whole(axes[axis]), crop.Origin[axis] + crop.Size[axis]);
        }

        Assert.Equal(-1, NonZeroCrop.CropLabels(null, extent, crop)[4]); // (0, 1, 1) of the box: the zero is no hole
    }

    [Fact]
    public void Normalised_values_are_the_pages()
    {
        var statistics = new IntensityProperties(
            Mean: 100, Median: 100, Std: 50, Min: -1000, Max: 2000, Percentile005: -50, Percentile995: 300);
        foreach (var row in Page.Table("normalisation"))
        {
            float[] voxels = [.. row.Reals("values").Select(value => (float)value)];
            var masked = row["scheme"] == "masked";
            var scheme = row["scheme"] switch
            {
                "z-score" or "masked" => NormalizationScheme.ZScore,
                "CT" => NormalizationScheme.CT,
                "rescale" => NormalizationScheme.RescaleTo01,
                "RGB" => NormalizationScheme.RgbTo01,
                var other => throw new FormatException(other),
            };
            short[] labels = masked ? [-1, -1, 0, 1, 0, 0] : new short[voxels.Length];
            var channel = new ArrayStore<float>(voxels, new Extent(1, 1, voxels.Length));
            Normalization.Apply(scheme, masked, Profile.Modern, channel, labels, statistics, "case");
            row.Agrees("result", [.. voxels.Select(value => (double)value)], 1e-6);
        }
    }

    [Fact]
    public void Separate_axes_are_the_pages() => Assert.All(Page.Table("separate-axis"), row => Assert.Equal(
        row["separate axis"] == "none" ? null : (int?)row.Whole("separate axis"),
        Resampling.SeparateAxis(row.Spacing("current"), row.Spacing("new"))));

    [Fact]
    public void Nearest_indices_are_the_pages()
    {
        foreach (var row in Page.Table("nearest-index"))
        {
            int from = (int)row.Whole("from"), to = (int)row.Whole("to");
            float[] ramp = [.. Enumerable.Range(0, from).Select(i => (float)i)];
            Assert.Equal(
                row.Ints("indices"),
                Processor.ResampleImage(ramp, new(1, 1, from), new(1, 1, to), 0).Select(value => (int)value));
        }
    }

    [Fact]
    public void Interpolated_samples_are_the_pages() => Assert.All(Page.Table("spline"), row => row.Agrees(
        "result", Reals(Processor.ResampleImage([0, 1, 4, 9], new(1, 1, 4), new(1, 1, 8), (int)row.Whole("order"))), Float32));

    [Fact]
    public void Plain_and_separate_resampling_are_the_pages()
    {
        float[] volume = [0, 1, 2, 3, 4, 5, 9, 7, 8, 2, 0, 1, 1, 0, 3, 5, 2, 8, 6, 4, 7, 7, 1, 2];
        foreach (var row in Page.Table("separate-z"))
        {
            var separate = row["mode"] == "separate";
            var result = Processor.ResampleImage(volume, new(2, 3, 4), new(3, 4, 6), 3, separate ? 0 : null);
            row.Number("sum").Agrees(result.Sum(value => (double)value), 72 * Float32);
            var start = ((separate ? 1 : 2) * 24) + (2 * 6);
            row.Agrees("row (2, 2) or (1, 2)", Reals(result[start..(start + 6)]), Float32);
        }
    }

    [Fact]
    public void Interpolated_labels_are_the_pages()
    {
        foreach (var row in Page.Table("label-interpolation"))
        {
            var rows = row["labels"].Split(';').Length;
            short[] labels = [.. row.Ints("labels").Select(label => (short)label)];
            var to = row.Ints("to");
            var result = Processor.ResampleLabels(labels, new(1, rows, labels.Length / rows), new(1, to[0], to[1]), order: 1);
            Assert.Equal(row.Ints("result"), result.Select(label => (int)label));
        }
    }

    [Fact]
    public void Numbers_of_locations_are_the_pages() =>
        Assert.All(
            Page.Table("location-count"), row => Assert.Equal(row.Whole("n"), ForegroundLocations.SampleCount(row.Whole("N"))));

    [Fact]
    public void Whole_cases_are_the_pages()
    {
        foreach (var row in Page.Table("end-to-end"))
        {
            var result = PreprocessorTests.Run(
                row.Spacing("spacing"), row.Reals("target"),
                row["scheme"] == "CT" ? NormalizationScheme.CT : NormalizationScheme.ZScore,
                useMask: row["scheme"] == "masked", order: row["case"] == "D" ? [2, 0, 1] : null);
            Assert.Equal(row.Extent("shape"), result.Shape);
            row.Number("sum").Agrees(result.Image.Sum(value => (double)value), 5 * Float32);
            row.Number("sum of squares").Agrees(result.Image.Sum(value => (double)value * value), 5 * Float32);
            Assert.Equal(
                row.Ints("labels −1, 0, 1, 2"),
                Enumerable.Range(-1, 4).Select(label => result.Labels.Count(value => value == label)));
        }
    }

    private static double[] Reals(float[] values) => [.. values.Select(value => (double)value)];
}
