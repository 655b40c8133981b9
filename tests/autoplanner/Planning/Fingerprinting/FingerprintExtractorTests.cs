using System.Text.Json;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Tests.Datasets;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning.Fingerprinting;

/// <summary>
/// Fingerprints of real and synthetic image sets against docs/method/planning.md §1 and the reference's own fingerprints.
/// </summary>
public sealed class FingerprintExtractorTests
{
    private static readonly Lazy<Fingerprint> ModernHippocampus =
        new(() => FingerprintExtractor.Extract(Dataset.Open(Hippocampus), Profile.Modern, workers: 2));

    private static string Hippocampus => SharedFolder.At("data", "Task04_Hippocampus");

    [SharedFact]
    public void Hippocampus_modern_statistics_equal_the_specification()
    {
        var fingerprint = ModernHippocampus.Value;

        Assert.Equal(200, fingerprint.CaseCount);
        Assert.Equal(1, fingerprint.MedianRelativeSizeAfterCropping);
        Assert.Equal(new Extent(24, 40, 31), Extreme(fingerprint, Enumerable.Min));
        Assert.Equal(new Extent(47, 59, 43), Extreme(fingerprint, Enumerable.Max));
        Assert.Equal(
            [36.0, 50, 35], Enumerable.Range(0, 3)
                .Select(axis => OrderStatistics.Median(fingerprint.ShapesAfterCrop.Select(s => (double)s[axis]))));
        var values = Assert.Single(fingerprint.IntensityProperties)!;
        Assert.Equal(23095.24, values.Mean, 0.01);
        Assert.Equal(61862.82, values.Std, 0.01);
        Assert.Equal(363.663, values.Median, 0.001);
        Assert.Equal(28, values.Percentile005, 0.001);
        Assert.Equal(281611.7, values.Percentile995, 0.1);
        Assert.Equal(0, values.Min);
        Assert.Equal(486420.22, values.Max, 0.01);
        Assert.Equal(["Anterior", "Posterior"], fingerprint.Classes.Select(one => one.Name));
        Assert.All(fingerprint.Classes, one => Assert.Equal(200, one.CasesPresent));
        Assert.Equal(657_377, fingerprint.Classes.Sum(one => one.Voxels));
    }

    [SharedFact]
    public void Hippocampus_classic_statistics_equal_the_specification()
    {
        var fingerprint = FingerprintExtractor.Extract(Dataset.Open(Hippocampus), Profile.Classic, workers: 1);

        var values = Assert.Single(fingerprint.IntensityProperties)!;
        var tolerance = 0.001 * (values.Max - values.Min);
        Assert.Equal(22435.17, values.Mean, 0.01);
        Assert.Equal(61107.67, values.Std, 0.01);
        Assert.Equal(365.4126, values.Median, tolerance);
        Assert.Equal(280873.75, values.Percentile995, tolerance);
    }

    [Fact]
    public void Labels_that_lie_elsewhere_are_one_line_and_doubtful_affines_one_each()
    {
        using var folder = DatasetFolder.V2("a", "b", "c", "d", "e", "f", "g");
        List<string> Warnings()
        {
            var lines = new List<string>();
            FingerprintExtractor.Extract(Dataset.Open(folder.Path), Profile.Modern, workers: 2, warn: lines.Add);
            return lines;
        }

        Assert.Empty(Warnings());
        var moved = new NiftiBytes { DataType = 2, Sform = 1, Srow = [0.5, 0, 0, 100, 0, 0.75, 0, 0, 0, 0, 2.5, 0] };
        folder.Nifti("labelsTr/b.nii.gz", moved, DatasetFolder.LabelValues);
        Assert.Equal(
            "1 label map of 7 cases lies elsewhere in space than the image: b; voxels are taken by their position in the file "
                + $"(`sharpseg verify {folder.Path}` shows by how much)",
            Assert.Single(Warnings()));
        foreach (var id in new[] { "c", "d", "e", "f", "g" })
        {
            folder.Nifti($"labelsTr/{id}.nii.gz", moved, DatasetFolder.LabelValues);
        }

        folder.Nifti(
            "imagesTr/a_0000.nii.gz", new NiftiBytes { Sform = 1, Srow = [1, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 5, 0] },
            DatasetFolder.Ramp);
        Assert.Collection(
            Warnings(),
            zoom => Assert.StartsWith(
                "case `a`: `a_0000.nii.gz`: its sform makes voxels of 5×1.5×1 mm", zoom, StringComparison.Ordinal),
            labels => Assert.StartsWith(
                "6 label maps of 7 cases lie elsewhere in space than the image: b, c, d, e, f, …; ", labels,
                StringComparison.Ordinal));
    }

    /// <summary>Cases "a" and "b" of 4×3×2 voxels (x, y, z), 0.5×0.75×2.5 mm; the third one differs.</summary>
    private static Fingerprint WithThirdCase(NiftiBytes third, int voxels)
    {
        using var folder = DatasetFolder.V2("a", "b", "c");
        Put(folder, "c", third, voxels);
        return FingerprintExtractor.Extract(Dataset.Open(folder.Path), Profile.Modern, workers: 1);
    }

    private static Fingerprint AllAlike(long[] dim, double[] pixdim)
    {
        using var folder = DatasetFolder.V2("a", "b", "c");
        foreach (var id in new[] { "a", "b", "c" })
        {
            Put(folder, id, new NiftiBytes { Dim = dim, PixDim = pixdim }, (int)(dim[1] * dim[2] * dim[3]));
        }

        return FingerprintExtractor.Extract(Dataset.Open(folder.Path), Profile.Modern, workers: 1);
    }

    private static void Put(DatasetFolder folder, string id, NiftiBytes header, int voxels)
    {
        folder.Nifti($"imagesTr/{id}_0000.nii.gz", header, [.. Enumerable.Range(1, voxels).Select(i => (double)i)]);
        folder.Nifti($"labelsTr/{id}.nii.gz", header, [.. Enumerable.Range(0, voxels).Select(i => (double)(i % 3))]);
    }

    [Fact]
    public void One_slice_among_volumes_keeps_its_thickness()
    {
        var fingerprint = WithThirdCase(new NiftiBytes { Dim = [3, 4, 3, 1, 1, 1, 1, 1] }, 12);
        Assert.All(fingerprint.Spacings, spacing => Assert.Equal(new Spacing(2.5, 0.75, 0.5), spacing));
        Assert.Equal(new Extent(1, 3, 4), fingerprint.ShapesAfterCrop[2]);
    }

    [Fact]
    public void A_2D_image_without_thickness_among_volumes_is_refused()
    {
        var error = Assert.Throws<SharpSegException>(() => WithThirdCase(new NiftiBytes { Dim = [2, 4, 3, 1, 1, 1, 1, 1] }, 12));
        Assert.Contains("case `c` is a 2D image without a slice thickness", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData(3, 0.25)] // thinner than the pixels
    [InlineData(3, 50)]
    [InlineData(3, 0)]
    [InlineData(2, 1)]
    public void Slices_throughout_are_planned_over_x_and_y(int rank, double thickness)
    {
        var fingerprint = AllAlike([rank, 40, 30, 1, 1, 1, 1, 1], [1, 0.5, 0.75, thickness, 0, 0, 0, 0]);
        Assert.All(fingerprint.Spacings, spacing => Assert.Equal(new Spacing(999 * 0.75, 0.75, 0.5), spacing));
        AssertPlanar(fingerprint, [30, 40]);
    }

    [Theory]
    [InlineData(1, 48, 40)]
    [InlineData(48, 1, 40)]
    public void Images_that_are_all_flat_along_another_axis_are_planned_over_the_other_two(int x, int y, int z)
    {
        var fingerprint = AllAlike([3, x, y, z, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0, 0]);
        Assert.All(
            fingerprint.Spacings, spacing => Assert.Equal(x == 1 ? new Spacing(1, 1, 999) : new Spacing(1, 999, 1), spacing));
        AssertPlanar(fingerprint, [40, 48]);
    }

    private static void AssertPlanar(Fingerprint fingerprint, int[] size)
    {
        foreach (var profile in Enum.GetValues<Profile>())
        {
            var labels = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])]);
            var description = new DatasetDescription("flat", ["MRI"], labels, ".nii.gz", 3);
            var plans = Planner.Plan(
                fingerprint with { Profile = profile }, description, new PlannerOptions { Profile = profile }).Plans;
            var (name, planar) = Assert.Single(plans.Configurations);
            Assert.Equal("2d", name);
            Assert.Equal(size.Select(edge => (double)edge), planar.MedianImageSize);
        }
    }

    [Trait("Tier", "slow")]
    [Fact]
    public void The_number_of_workers_does_not_change_a_byte()
    {
        var dataset = Dataset.Open(SharedFolder.At("golden", "synthetic", "Dataset702_SynMR"));
        foreach (var profile in Enum.GetValues<Profile>())
        {
            var texts = new[] { 1, 2, 4 }.Select(
                workers => FingerprintJson.ToJson(FingerprintExtractor.Extract(dataset, profile, workers))).ToArray();
            Assert.Equal(texts[0], texts[1]);
            Assert.Equal(texts[0], texts[2]);
        }
    }

    // The reference draws at random and counts ignore voxels; both are deliberate differences of the specification, hence a few
    // percent.
    [Fact]
    public void Fingerprint_of_two_channel_MR_agrees_with_the_reference() => CompareWithReference("Dataset702_SynMR", 0.15);

    [Fact]
    public void Fingerprint_of_colour_images_agrees_with_the_reference() => CompareWithReference("Dataset703_Syn2D", 0.02);

    [SharedFact]
    public void Fingerprint_of_anisotropic_CT_agrees_with_the_reference() => CompareWithReference("Dataset701_SynCT", 0.02);

    [Trait("Tier", "slow")]
    [SharedFact]
    public void Each_hippocampus_case_has_the_shape_and_extremes_that_the_reference_measured()
    {
        var fingerprint = ModernHippocampus.Value;
        var cases = GoldenJson.Read("hippocampus", "per_case_stats.json");
        var compared = 0;
        double least = double.PositiveInfinity, most = double.NegativeInfinity, means = 0;
        for (var i = 0; i < fingerprint.CaseCount; i++)
        {
            if (!cases.TryGetProperty(fingerprint.CaseIds[i], out var one))
            {
                continue;
            }

            compared++;
            Assert.Equal(
                fingerprint.ShapesAfterCrop[i].ToArray(),
                one.GetProperty("shape_after_crop").EnumerateArray().Select(e => e.GetInt32()));
            var statistics = one.GetProperty("fg_stats_exact")[0];
            least = Math.Min(least, statistics.GetProperty("min").GetDouble());
            most = Math.Max(most, statistics.GetProperty("max").GetDouble());
            means += statistics.GetProperty("mean").GetDouble();
        }

        Assert.Equal(200, compared);
        var values = fingerprint.IntensityProperties[0]!;
        Assert.Equal(least, values.Min);
        Assert.Equal(most, values.Max);
        Assert.Equal(means / compared, values.Mean, 0.05);      // the reference's means are float32
    }

    private static void CompareWithReference(string name, double tolerance)
    {
        var folder = SharedFolder.At("golden", "synthetic", name);
        var expected = FingerprintJson.Read(Path.Combine(folder, "dataset_fingerprint.json"));

        var actual = FingerprintExtractor.Extract(Dataset.Open(folder), Profile.Modern, workers: 2);

        Assert.Equal(4, actual.CaseCount);
        Assert.Equal(expected.ShapesAfterCrop.Take(4), actual.ShapesAfterCrop);
        for (var i = 0; i < actual.CaseCount; i++)
        {
            Assert.All(Enumerable.Range(0, 3), axis => Assert.Equal(expected.Spacings[i][axis], actual.Spacings[i][axis], 1e-6));
        }

        Assert.Equal(expected.IntensityProperties.Count, actual.IntensityProperties.Count);
        if (expected.CaseCount != actual.CaseCount)
        {
            return;       // two of the CT cases that the reference measured were not published
        }

        Assert.Equal(expected.MedianRelativeSizeAfterCropping, actual.MedianRelativeSizeAfterCropping, 12);
        foreach (var (theirs, ours) in expected.IntensityProperties.Zip(actual.IntensityProperties))
        {
            var range = theirs!.Max - theirs.Min;
            Assert.Equal(theirs.Mean, ours!.Mean, tolerance * range);
            Assert.Equal(theirs.Median, ours.Median, tolerance * range);
            Assert.Equal(theirs.Std, ours.Std, tolerance * range);
            Assert.Equal(theirs.Percentile005, ours.Percentile005, tolerance * range);
            Assert.Equal(theirs.Percentile995, ours.Percentile995, tolerance * range);
        }
    }

    private static Extent Extreme(Fingerprint fingerprint, Func<IEnumerable<int>, int> pick) => new(
        pick(fingerprint.ShapesAfterCrop.Select(shape => shape.Z)),
        pick(fingerprint.ShapesAfterCrop.Select(shape => shape.Y)),
        pick(fingerprint.ShapesAfterCrop.Select(shape => shape.X)));
}
