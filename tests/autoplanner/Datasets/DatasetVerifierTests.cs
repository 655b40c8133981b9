using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Tests.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

public sealed class DatasetVerifierTests
{
    [Fact]
    public void A_clean_dataset_has_no_findings_and_progress_counts_its_cases()
    {
        using var folder = DatasetFolder.V2("a", "b", "c");
        var seen = new List<(int, int)>();
        Assert.Empty(DatasetVerifier.Verify(folder.Path, (done, total) => seen.Add((done, total))));
        Assert.Equal([(1, 3), (2, 3), (3, 3)], seen);
    }

    [Fact]
    public void Every_problem_of_every_case_is_reported_at_once()
    {
        using var folder = DatasetFolder.V2(
            "channels", "grid", "spacing", "place", "nan", "value", "half", "empty", "flat", "broken", "nolabel", "zero", "odd");
        var ramp = DatasetFolder.Ramp;
        folder.Nifti("imagesTr/channels_0002.nii.gz", new NiftiBytes { Dim = [3, 3, 4, 2, 1, 1, 1, 1] }, ramp);
        folder.Nifti("labelsTr/grid.nii.gz", new NiftiBytes { Dim = [3, 3, 4, 2, 1, 1, 1, 1] }, DatasetFolder.LabelValues);
        folder.Nifti(
            "labelsTr/spacing.nii.gz", new NiftiBytes { PixDim = [1, 0.5, 0.75, 2.6, 0, 0, 0, 0] }, DatasetFolder.LabelValues);
        folder.Nifti(
            "labelsTr/place.nii.gz", new NiftiBytes { Sform = 1, Srow = [0.5, 0, 0, 7, 0, 0.75, 0, 0, 0, 0, 2.5, 0] },
            DatasetFolder.LabelValues);
        folder.Nifti("imagesTr/nan_0000.nii.gz", new NiftiBytes(), [.. ramp[..22], double.NaN, double.PositiveInfinity]);
        folder.Nifti("labelsTr/value.nii.gz", new NiftiBytes(), [.. DatasetFolder.LabelValues[..22], 3, -7]);
        folder.Nifti("labelsTr/half.nii.gz", new NiftiBytes(), [.. DatasetFolder.LabelValues[..22], 0.5, double.NaN]);
        folder.Nifti("labelsTr/empty.nii.gz", new NiftiBytes(), new double[24]);
        folder.Nifti("imagesTr/flat_0000.nii.gz", new NiftiBytes(), [.. Enumerable.Repeat(5.0, 24)]);
        File.WriteAllBytes(
            folder.File("imagesTr/broken_0000.nii.gz"), File.ReadAllBytes(folder.File("imagesTr/grid_0000.nii.gz"))[..^20]);
        File.Delete(folder.File("labelsTr/nolabel.nii.gz"));
        folder.Nifti("imagesTr/zero_0000.nii.gz", new NiftiBytes { PixDim = [1, 0.5, 0, 2.5, 0, 0, 0, 0] }, ramp);
        folder.Nifti(
            "imagesTr/odd_0000.nii.gz", new NiftiBytes { Sform = 1, Srow = [-0.5, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 2.5, 0] }, ramp);
        folder.Text("labelsTr/notes.txt", "hello");
        folder.Text("dataset.json", File.ReadAllText(folder.File("dataset.json")).Replace("13", "12", StringComparison.Ordinal));

        var findings = DatasetVerifier.Verify(folder.Path);
        var expected = new (Severity Severity, string? Case, string Part)[]
        {
            (Severity.Error, null, "`numTraining` is 12, but 13 training cases"),
            (Severity.Warning, null, "1 file in `labelsTr` belongs to no case: notes.txt"),
            (Severity.Warning, null, "RAS in 11"),
            (Severity.Warning, null, "the images of 2 cases have the same voxels: odd, zero"),
            (Severity.Warning, null, "the label maps of 3 cases have the same voxels, their images have not: channels, place, sp"),
            (Severity.Error, "broken", "cut off"),
            (Severity.Error, "channels", "2 channels in 2 files, but the dataset has 1 (CT)"),
            (Severity.Error, "channels", "`channels_0001.nii.gz` is missing"),
            (Severity.Error, "channels", "`channels_0002.nii.gz` has 2×4×3 voxels (z, y, x), `channels_0000.nii.gz` has 2×3×4"),
            (Severity.Warning, "empty", "only background"),
            (Severity.Warning, "flat", "constant: every voxel is 5"),
            (Severity.Error, "grid", "the label map has 2×4×3 voxels (z, y, x), the image has 2×3×4"),
            (Severity.Error, "half", "the label map has 1 NaN voxel"),
            (Severity.Error, "half", "not whole numbers: 0.5 (1 voxel)"),
            (Severity.Error, "nan", "has 1 NaN and 1 infinite voxel of 24"),
            (Severity.Error, "nolabel", "is missing"),
            (Severity.Warning, "odd", "lies elsewhere in space"),
            (Severity.Warning, "place", "differ by up to 7"),
            (Severity.Error, "spacing", "the label map has spacing 2.6×0.75×0.5 mm (z, y, x), the image has 2.5×0.75×0.5 mm"),
            (Severity.Warning, "spacing", "differ by up to 0.1"),
            (Severity.Error, "value", "(0 to 2): -7 (1 voxel), 3 (1 voxel)"),
            (Severity.Error, "zero", "`zero_0000.nii.gz`: its header has a spacing of 0 mm along y"),
            (Severity.Error, "zero", "the label map has spacing 2.5×0.75×0.5 mm (z, y, x), the image has 2.5×1×0.5 mm"),
            (Severity.Warning, "zero", "lies elsewhere in space"),
        };
        foreach (var (severity, name, part) in expected)
        {
            Assert.Contains(findings, finding =>
                finding.Severity == severity && finding.Case == name && finding.Message.Contains(part, StringComparison.Ordinal));
        }

        Assert.Equal(expected.Length, findings.Count);
        Assert.All(findings, finding => Assert.DoesNotContain('\n', finding.Message));
        Assert.Equal(findings, DatasetVerifier.Verify(folder.Path, workers: 1));
    }

    [Fact]
    public void An_affine_that_contradicts_the_spacing_or_is_none_is_told_per_file()
    {
        using var folder = DatasetFolder.V2("nan", "zoom");
        folder.Nifti(
            "imagesTr/zoom_0000.nii.gz", new NiftiBytes { Sform = 1, Srow = [1, 0, 0, 0, 0, 1.5, 0, 0, 0, 0, 5, 0] },
            [.. DatasetFolder.Ramp.Reverse()]);
        folder.Nifti(
            "labelsTr/nan.nii.gz",
            new NiftiBytes { DataType = 2, Sform = 1, Srow = [double.NaN, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 2.5, 0] },
            DatasetFolder.LabelValues);
        var findings = DatasetVerifier.Verify(folder.Path);
        Assert.Equal(
            [
                "case `nan`: `nan.nii.gz`: its sform holds NaN or infinity and is not used; only the spacing says how the "
                    + "voxels lie",
                "case `zoom`: `zoom_0000.nii.gz`: its sform makes voxels of 5×1.5×1 mm (zyx), its pixdim of 2.5×0.75×0.5 mm, "
                    + "which counts",
            ],
            findings.Select(finding => finding.Line));
        Assert.All(findings, finding => Assert.Equal(Severity.Warning, finding.Severity));

        // Prediction says the same of its scans.
        var lines = new List<string>();
        var dataset = Dataset.Open(folder.Path);
        foreach (var item in dataset.TrainingCases)
        {
            PredictionInputs.CheckHeaders(item, dataset.Description, lines.Add);
        }

        Assert.Equal(findings[1].Line, Assert.Single(lines));
    }

    /// <summary>A header in m or cm among others; half the cases of another protocol are none.</summary>
    [Theory]
    [InlineData(1000, 1000, 1000, true)]
    [InlineData(0.1, 0.1, 0.1, true)]
    [InlineData(5, 5, 5, true)]
    [InlineData(1, 1, 20, false)]
    [InlineData(3, 4, 4, false)]
    public void Spacings_in_other_units_are_told(double x, double y, double z, bool isTold)
    {
        var median = new Spacing(2.5, 0.75, 0.5);
        var size = new Extent(4, 5, 6);
        (Extent, Spacing)[] grids =
            [(size, median), (size, new Spacing(median.Z * z, median.Y * y, median.X * x)), (size, median)];
        Assert.Equal(isTold ? [1] : [], SpacingUnits.Among(grids).Select(found => found.Index));
        Assert.Equal(
            isTold, SpacingUnits.Doubt(new(1, 5, 6), grids[1].Item2 with { Z = median.Z }, median, "all cases") is not null);
    }

    [Fact]
    public void A_scan_in_other_units_is_told_by_every_verb_that_reads_it()
    {
        double[] metres = [1, 0.0005, 0.00075, 0.0025, 0, 0, 0, 0];
        using var folder = DatasetFolder.V2("a", "b", "m");
        folder.Nifti("imagesTr/m_0000.nii.gz", new NiftiBytes { PixDim = metres }, [.. DatasetFolder.Ramp.Reverse()]);
        folder.Nifti("labelsTr/m.nii.gz", new NiftiBytes { PixDim = metres }, DatasetFolder.LabelValues);
        const string line = "case `m`: its voxels are 0.0025×0.00075×0.0005 mm, the median of all cases is 2.5×0.75×0.5 mm (z, y, x): "
            + "is the spacing in its header in mm?";
        Assert.Contains(line, DatasetVerifier.Verify(folder.Path).Select(finding => finding.Line));
        var lines = new List<string>();
        FingerprintExtractor.Extract(Dataset.Open(folder.Path), Profile.Modern, 1, warn: lines.Add);
        Assert.Contains(line, lines);
    }

    [Fact]
    public void A_label_map_in_place_of_a_scan_is_told()
    {
        using var folder = DatasetFolder.V2("b", "a");
        folder.Nifti("imagesTr/b_0000.nii.gz", new NiftiBytes(), DatasetFolder.LabelValues);
        var finding = Assert.Single(DatasetVerifier.Verify(folder.Path));
        Assert.Equal("case `b`: `b_0000.nii.gz` has the same voxels as the label map", finding.Line);
    }

    [Fact]
    public void A_label_map_that_was_copied_to_another_case_is_told_by_voxels_and_empty_ones_are_not()
    {
        using var folder = DatasetFolder.V2("a", "b", "c", "d", "e", "f");
        folder.Nifti("labelsTr/c.nii.gz", new NiftiBytes { DataType = 16 }, DatasetFolder.LabelValues); // stored otherwise
        folder.Nifti("labelsTr/d.nii.gz", new NiftiBytes(), new double[24]);
        folder.Nifti("labelsTr/e.nii.gz", new NiftiBytes(), new double[24]);
        const string Empty = "the label map holds only background";
        var findings = DatasetVerifier.Verify(folder.Path);
        Assert.Equal(
            [(null, "the label maps of 2 cases have the same voxels, their images have not: a, c"), ("d", Empty), ("e", Empty)],
            findings.Select(finding => (finding.Case, finding.Message)));
        Assert.All(findings, finding => Assert.Equal(Severity.Warning, finding.Severity));

        // A case that is there twice is one finding, of its images.
        File.Copy(folder.File("imagesTr/a_0000.nii.gz"), folder.File("imagesTr/c_0000.nii.gz"), overwrite: true);
        Assert.DoesNotContain(
            DatasetVerifier.Verify(folder.Path), finding => finding.Message.Contains("label maps", StringComparison.Ordinal));
    }

    [Fact]
    public void All_problems_of_the_description_are_reported_at_once()
    {
        using var folder = new DatasetFolder();
        folder.Text("dataset.json", """{"channel_names": {"0": "CT", "2": "PET"}, "labels": {"background": 0, "a": 2, "ignore": 2}}""");
        var messages = string.Join("\n", DatasetVerifier.Verify(folder.Path).Select(finding => finding.Message));
        foreach (var part in new[]
        {
            "`numTraining` is missing", "`file_ending` is missing", "the channels are 0, 2", "without gaps", "it must be 3",
            "`imagesTr`", "`labelsTr`",
        })
        {
            Assert.Contains(part, messages, StringComparison.Ordinal);
        }

        Assert.Contains("no such folder", DatasetVerifier.Verify(folder.File("none/x"))[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_ending_that_differs_from_dataset_json_is_told_with_the_way_out()
    {
        using var folder = DatasetFolder.V2();
        folder.Text("imagesTr/a_0000.nii", "");
        folder.Text("imagesTr/b_0000.nii", "");
        folder.Text("labelsTr/a.nii", "");
        var finding = Assert.Single(DatasetVerifier.Verify(folder.Path));
        Assert.Contains(
            "dataset.json says that files end in .nii.gz, but imagesTr holds 2 that end in .nii", finding.Message,
            StringComparison.Ordinal);
        Assert.Contains("\"file_ending\": \".nii\"", finding.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_finding_keeps_the_hint_of_the_error()
    {
        using var folder = DatasetFolder.V2("a");
        File.WriteAllBytes(folder.File("labelsTr/a.nii.gz"), [1, 2, 3]);
        Assert.NotNull(Assert.Single(DatasetVerifier.Verify(folder.Path)).Hint);
    }

    [Fact]
    public void The_file_with_the_voxels_of_a_header_is_no_stray()
    {
        using var folder = new DatasetFolder();
        folder.Text("dataset.json", """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 1, "file_ending": ".mhd"}""");
        (string, string, byte)[] files = [("imagesTr/a_0000", "./a_0000.raw", 9), ("labelsTr/a", "a.raw", 1)];
        foreach (var (name, data, bright) in files)
        {
            folder.Text(name + ".mhd", $"NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = {data}\n");
            File.WriteAllBytes(folder.File(name + ".raw"), [0, 1, 0, 1, 0, 1, 0, bright]);
        }

        Assert.Empty(DatasetVerifier.Verify(folder.Path));
        folder.Text("labelsTr/b.raw", "x");
        Assert.Contains("b.raw", Assert.Single(DatasetVerifier.Verify(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_listed_case_that_occurs_twice_is_an_error_and_the_count_only_a_warning()
    {
        using var folder = DatasetFolder.V2("a");
        File.Move(folder.File("imagesTr/a_0000.nii.gz"), folder.File("imagesTr/a.nii.gz"));
        const string entry = """{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}""";
        folder.Text("dataset.json", $$"""
            {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "a", "2": "b"}, "numTraining": 5, "training": [{{entry}}, {{entry}}]}
            """);
        var findings = DatasetVerifier.Verify(folder.Path);
        Assert.Equal(
            [(Severity.Warning, null), (Severity.Error, "a")], findings.Select(finding => (finding.Severity, finding.Case)));
    }

    [Trait("Tier", "slow")]
    [SharedFact]
    public void The_hippocampus_data_have_no_errors()
    {
        var findings = DatasetVerifier.Verify(SharedFolder.At("data", "Task04_Hippocampus"));
        Assert.DoesNotContain(findings, finding => finding.Severity == Severity.Error);
    }

    [SharedFact]
    public void The_reference_datasets_lack_only_the_cases_that_were_left_out()
    {
        Assert.Equal(
            ["`numTraining` is 6, but 4 training cases were found",
                "the axes point in different directions: RAS in 2 (ct_0, ct_2); LPS in 2 (ct_1, ct_3)"],
            DatasetVerifier.Verify(SharedFolder.At("golden", "synthetic", "Dataset701_SynCT"))
                .Select(finding => finding.Message));
    }

    [Fact]
    public void The_reference_datasets_have_no_errors()
    {
        Assert.DoesNotContain(
            DatasetVerifier.Verify(SharedFolder.At("golden", "synthetic", "Dataset702_SynMR")), finding =>
                finding.Severity == Severity.Error);
        Assert.DoesNotContain(
            DatasetVerifier.Verify(SharedFolder.At("golden", "synthetic", "Dataset703_Syn2D")), finding =>
                finding.Severity == Severity.Error);
    }
}
