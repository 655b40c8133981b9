using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Tests.Datasets;
using SharpSeg.AutoPlanner.Tests.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps;

/// <summary>Repaired copies of datasets (docs/method/datasets.md §9).</summary>
public sealed class RepairRunTests
{
    private static readonly double[] Masks = [.. DatasetFolder.LabelValues.Select(value => value == 2 ? 255.0 : 0)];

    private static readonly double[] OtherMasks = [255, .. Masks[1..]];

    [Fact]
    public void Masks_of_0_and_255_become_one_label_and_the_table_keeps_the_value()
    {
        using var folder = DatasetFolder.V2("a", "b");
        Describe(folder, """{"background": 0, "organ": 1}""", cases: 2);
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 2 }, Masks);
        folder.Nifti("labelsTr/b.nii.gz", new NiftiBytes { DataType = 2 }, OtherMasks);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        Assert.Empty(result.Findings);
        Assert.Contains(result.Repairs, line => line.Contains("organ (255)", StringComparison.Ordinal));
        Assert.Equal(2, result.Repairs.Count);
        var dataset = Dataset.Open(result.Folder);
        Assert.Equal([0, 255], dataset.Description.Labels.OriginalValues);
        Assert.Equal(
            Masks.Select(value => (short)(value > 0 ? 1 : 0)), dataset.LoadLabels(dataset.TrainingCases[0]).Voxels);
        Assert.Equal(
            File.ReadAllBytes(folder.File("imagesTr/a_0000.nii.gz")), File.ReadAllBytes(dataset.TrainingCases[0].ImageFiles[0]));
    }

    [Fact]
    public void Files_that_belong_to_no_case_are_named()
    {
        using var folder = DatasetFolder.V2("a", "b");
        Describe(folder, """{"background": 0, "organ": 1, "b": 2}""", cases: 2);
        folder.Nifti("imagesTr/c_0000.nii", new NiftiBytes(), DatasetFolder.Ramp);
        folder.Nifti("labelsTr/c.nii", new NiftiBytes { DataType = 2 }, DatasetFolder.LabelValues);
        folder.Nifti("imagesTs/d_0000.nii", new NiftiBytes(), DatasetFolder.Ramp);
        File.WriteAllText(folder.File("notes.txt"), "n");
        Directory.CreateDirectory(folder.File("imagesTr/series"));
        using var copies = new TemporaryFolder();
        Assert.Equal(
            ["notes.txt", "imagesTr/c_0000.nii", "imagesTr/series", "labelsTr/c.nii", "imagesTs/d_0000.nii"],
            Repair(folder, copies.File("copy")).LeftOut);
    }

    [Fact]
    public void Labels_with_gaps_regions_and_an_ignore_value_keep_their_names()
    {
        using var folder = DatasetFolder.V2("a");
        Describe(
            folder, """{"background": 0, "whole": [2, 7], "core": 7, "ignore": 255}""", cases: 1,
            """, "regions_class_order": [2, 7], "licence": "CC" """);
        double[] values = [.. DatasetFolder.LabelValues.Select((value, i) => i == 5 ? 255 : value == 1 ? 2 : value == 2 ? 7 : 0)];
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 2 }, values);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        Assert.Empty(result.Findings);
        var labels = Dataset.Open(result.Folder).Description.Labels;
        Assert.Equal([0, 2, 7, 255], labels.OriginalValues);
        Assert.Equal(3, labels.IgnoreLabel);
        Assert.Equal([[1, 2], [2]], labels.Regions);
        Assert.Equal([1, 2], labels.RegionsClassOrder);
        Assert.Equal("CC", (string?)JsonFile.Read(Path.Combine(result.Folder, "dataset.json")).Node["licence"]);
    }

    [Fact]
    public void Segmentations_and_references_hold_the_original_values_and_only_the_copys_own_label_maps_do_not()
    {
        using var folder = new TemporaryFolder();
        var labels = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2])], originalValues: [0, 2, 3]);
        var scan = MedicalImage.Of(new(1, 1, 3), new(1, 1, 1), [0, 0, 0]).Geometry;
        SegmentationFile.Write(folder.File("s.nii.gz"), [0, 1, 2], scan, labels);
        Assert.Equal([0, 2, 3], ImageFile.ReadLabels(folder.File("s.nii.gz")).Voxels);
        Assert.Equal([0, 1, 2], SegmentationFile.Read(folder.File("s.nii.gz"), labels).Voxels);

        // 2 alone is a label and a value: where the file lies decides.
        ImageFile.WriteLabels(folder.File("labelsTr", "c.nii.gz"), [0, 2, 2], scan, 2);
        Assert.Equal([0, 1, 1], SegmentationFile.Read(folder.File("labelsTr", "c.nii.gz"), labels).Voxels);
        Directory.CreateDirectory(folder.File("imagesTr"));
        File.WriteAllText(
            folder.File("dataset.json"),
            new DatasetDescription("d", ["CT"], labels, ".nii.gz", 1).ToJson());
        Assert.Equal([0, 2, 2], SegmentationFile.Read(folder.File("labelsTr", "c.nii.gz"), labels).Voxels);

        ImageFile.WriteLabels(folder.File("odd.nii.gz"), [0, 1, 3], scan, 3);
        Assert.Contains(
            "the value 1",
            Assert.Throws<SharpSegException>(() => SegmentationFile.Read(folder.File("odd.nii.gz"), labels)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Names_get_their_channel_headers_lose_their_noise_and_floats_become_whole()
    {
        using var folder = DatasetFolder.V2("scan_2021", "b");
        File.Move(folder.File("imagesTr/scan_2021_0000.nii.gz"), folder.File("imagesTr/scan_2021.nii.gz"));
        File.Move(folder.File("imagesTr/b_0000.nii.gz"), folder.File("imagesTr/b.nii.gz"));
        folder.Nifti(
            "labelsTr/b.nii.gz",
            new NiftiBytes { DataType = 16, PixDim = [1, 0.5003, 0.75, 2.5, 0, 0, 0, 0] }, DatasetFolder.LabelsOf(1));
        folder.Nifti("imagesTs/t.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        Assert.Empty(result.Findings);
        foreach (var (id, part) in new[]
        {
            ("scan_2021", "is named scan_2021_0000.nii.gz"), ("b", "is named b_0000.nii.gz"), ("t", "is named t_0000.nii.gz"),
            ("b", "the header of its label map"), ("b", "floating-point"),
        })
        {
            Assert.Single(
                result.Repairs, line => line.StartsWith($"case `{id}`", StringComparison.Ordinal)
                    && line.Contains(part, StringComparison.Ordinal));
        }

        Assert.Equal(5, result.Repairs.Count);
        var label = ImageFile.ReadHeader(Path.Combine(result.Folder, "labelsTr", "b.nii.gz"));
        Assert.False(label.IsFloat);
        Assert.Equal(new(2.5, 0.75, 0.5), label.Geometry.Spacing);
        Assert.Equal(
            DatasetFolder.LabelsOf(1).Select(value => (short)value),
            ImageFile.ReadLabels(Path.Combine(result.Folder, "labelsTr", "b.nii.gz")).Voxels);
        Assert.True(File.Exists(Path.Combine(result.Folder, "imagesTs", "t_0000.nii.gz")));
    }

    /// <summary>Predictions are scored against them, so they are read as all label maps of the copy are.</summary>
    [Fact]
    public void Label_maps_of_the_cases_to_be_predicted_are_repaired_alike()
    {
        using var folder = DatasetFolder.V2("a");
        Describe(folder, """{"background": 0, "x": 1, "y": 9}""", cases: 1);
        double[] nine = [.. DatasetFolder.LabelValues.Select(value => value == 2 ? 9 : value)];
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 2 }, nine);
        foreach (var image in new[] { "t.nii.gz", "u_2021.nii.gz", "v_0000.nii.gz", "w_0000.nii.gz" })
        {
            folder.Nifti($"imagesTs/{image}", new NiftiBytes(), DatasetFolder.Ramp);
        }

        folder.Nifti(
            "labelsTs/t.nii.gz", new NiftiBytes { DataType = 16, PixDim = [1, 0.5003, 0.75, 2.5, 0, 0, 0, 0] }, nine);
        folder.Nifti("labelsTs/u_2021.nii.gz", new NiftiBytes { DataType = 2 }, nine);
        folder.Nifti("labelsTs/v.nii.gz", new NiftiBytes { DataType = 2 }, [.. nine[..23], 4]);
        folder.Nifti("labelsTs/alone.nii.gz", new NiftiBytes { DataType = 2 }, nine);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));

        Assert.Empty(result.LeftOut);
        var finding = Assert.Single(result.Findings);
        Assert.Equal(("v", Severity.Error), (finding.Case, finding.Severity));
        Assert.Contains("has 4, which dataset.json does not name", finding.Message, StringComparison.Ordinal);
        string Copied(string name) => Path.Combine(result.Folder, name);
        Assert.Equal(
            ["t_0000.nii.gz", "u_2021_0000.nii.gz", "v_0000.nii.gz", "w_0000.nii.gz"],
            Directory.GetFiles(Copied("imagesTs")).Select(Path.GetFileName).Order());
        Assert.Equal(
            ["alone.nii.gz", "t.nii.gz", "u_2021.nii.gz"],
            Directory.GetFiles(Copied("labelsTs")).Select(Path.GetFileName).Order());
        var labels = Dataset.Open(result.Folder).Description.Labels;
        Assert.All(new[] { "alone", "t", "u_2021" }, id => Assert.Equal(
            DatasetFolder.LabelValues.Select(value => (short)value),
            SegmentationFile.Read(Copied($"labelsTs/{id}.nii.gz"), labels).Voxels));
        Assert.Equal(new(2.5, 0.75, 0.5), ImageFile.ReadHeader(Copied("labelsTs/t.nii.gz")).Geometry.Spacing);
        Assert.Single(
            result.Repairs, line => line.StartsWith("case `t`: its label map, stored as floating", StringComparison.Ordinal));
    }

    [Fact]
    public void A_Decathlon_folder_with_several_channels_becomes_a_raw_folder_with_a_file_each()
    {
        using var folder = new TemporaryFolder();
        double[] values = [.. Enumerable.Range(0, 48).Select(i => (double)i)];
        File.WriteAllBytes(
            folder.File("imagesTr", "x.nii.gz"),
            NiftiBytes.Gzip(new NiftiBytes { Dim = [4, 4, 3, 2, 2, 1, 1, 1] }.Build(values)));
        File.WriteAllBytes(
            folder.File("labelsTr", "x.nii.gz"),
            NiftiBytes.Gzip(new NiftiBytes { DataType = 2 }.Build([.. DatasetFolder.LabelValues.Select(v => 3 * v)])));
        File.WriteAllText(folder.File("dataset.json"), """
            {"modality": {"0": "T1", "1": "T2"}, "labels": {"0": "background", "3": "a", "6": "b"}, "numTraining": 1,
             "training": [{"image": "./imagesTr/x.nii.gz", "label": "./labelsTr/x.nii.gz"}], "test": []}
            """);
        using var copies = new TemporaryFolder();
        var result = RepairRun.Execute(folder.Path, copies.File("copy"), SilentReporter.Instance, CancellationToken.None);
        Assert.Empty(result.Findings);
        var dataset = Dataset.Open(result.Folder);
        Assert.Equal(DatasetFormat.NnUnetV2, dataset.Format);
        Assert.Equal(["T1", "T2"], dataset.Description.ChannelNames);
        Assert.Equal([0, 3, 6], dataset.Description.Labels.OriginalValues);
        var image = dataset.LoadImage(dataset.TrainingCases[0]);
        Assert.Equal(values.Select(value => (float)value), [.. image.Channels[0], .. image.Channels[1]]);
    }

    [Fact]
    public void A_folder_without_a_description_gets_one_that_names_labels_by_their_values()
    {
        using var folder = DatasetFolder.V2("a");
        File.Delete(folder.File("dataset.json"));
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 4 }, [.. DatasetFolder.LabelValues.Select(v => 400 * v)]);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        Assert.Empty(result.Findings);
        var description = Dataset.Open(result.Folder).Description;
        Assert.Equal(["background", "label 400", "label 800"], description.Labels.Entries.Select(entry => entry.Name));
        Assert.Equal([0, 400, 800], description.Labels.OriginalValues);
        Assert.Equal(new Dictionary<int, string> { [400] = "label 400", [800] = "label 800" }, description.Labels.OriginalNames);
    }

    [Fact]
    public void What_cannot_be_repaired_is_named_and_the_rest_is_repaired()
    {
        using var folder = DatasetFolder.V2("far", "foreign", "nan", "negative", "ok");
        Describe(folder, """{"background": 0, "a": 1, "b": 9}""", cases: 5);
        double[] nine = [.. DatasetFolder.LabelValues.Select(value => value == 2 ? 9 : value)];
        foreach (var id in new[] { "far", "nan", "ok" })
        {
            folder.Nifti($"labelsTr/{id}.nii.gz", new NiftiBytes { DataType = 2 }, nine);
        }

        folder.Nifti("labelsTr/far.nii.gz", new NiftiBytes { DataType = 2, PixDim = [1, 0.6, 0.75, 2.5, 0, 0, 0, 0] }, nine);
        folder.Nifti("labelsTr/foreign.nii.gz", new NiftiBytes { DataType = 2 }, [.. nine[..23], 4]);
        folder.Nifti("labelsTr/negative.nii.gz", new NiftiBytes { DataType = 4 }, [.. nine[..23], -1]);
        folder.Nifti("imagesTr/nan_0000.nii.gz", new NiftiBytes(), [.. DatasetFolder.Ramp[..23], double.NaN]);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        foreach (var (id, part) in new[]
        {
            ("far", "the image has 2.5×0.75×0.5 mm"), ("foreign", "has 4, which dataset.json does not name"),
            ("negative", "has the value -1"), ("nan", "1 NaN"), ("foreign", "is missing"), ("negative", "is missing"),
        })
        {
            Assert.Contains(result.Findings, finding => finding.Severity == Severity.Error && finding.Case == id
                && finding.Message.Contains(part, StringComparison.Ordinal));
        }

        Assert.DoesNotContain(result.Findings, finding => finding.Case == "ok");
        Assert.Equal(2, ImageFile.ReadLabels(Path.Combine(result.Folder, "labelsTr", "ok.nii.gz")).Voxels.Max());
    }

    [Fact]
    public void Values_that_the_description_names_in_part_are_not_guessed()
    {
        using var folder = DatasetFolder.V2("a");
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 2 }, [.. DatasetFolder.LabelValues[..23], 5]);
        using var copies = new TemporaryFolder();
        var result = Repair(folder, copies.File("copy"));
        Assert.Empty(result.Repairs);
        Assert.Contains("labels (0 to 2): 5", Assert.Single(result.Findings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unfinished_copy_is_continued_and_nothing_is_written_over()
    {
        using var folder = DatasetFolder.V2("a", "b");
        Describe(folder, """{"background": 0, "x": 1, "y": 3}""", cases: 2);
        double[] values = [.. DatasetFolder.LabelValues.Select(value => value == 2 ? 3 : value)];
        folder.Nifti("labelsTr/a.nii.gz", new NiftiBytes { DataType = 2 }, values);
        folder.Nifti("labelsTr/b.nii.gz", new NiftiBytes { DataType = 2 }, [3, .. values[1..]]);
        using var copies = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        var output = copies.File("copy");
        Assert.Throws<OperationCanceledException>(() => RepairRun.Execute(
            folder.Path, output, new StopAfterFirst(stop), stop.Token));
        Assert.False(Directory.Exists(output));
        var first = Path.Combine(output + ".unfinished", "labelsTr", "a.nii.gz");
        var written = File.GetLastWriteTimeUtc(first);
        Assert.False(File.Exists(Path.Combine(output + ".unfinished", "labelsTr", "b.nii.gz")));

        // Of another dataset it is not continued.
        using var other = DatasetFolder.V2("a");
        Assert.Contains(
            "unfinished copy", Assert.Throws<SharpSegException>(() => Repair(other, output)).Message, StringComparison.Ordinal);
        var result = Repair(folder, output);
        Assert.Empty(result.Findings);
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path.Combine(output, "labelsTr", "a.nii.gz")));
        Assert.False(Directory.Exists(output + ".unfinished"));
        Assert.Equal(
            ["dataset.json", "imagesTr", "labelsTr", "repairs.json"],
            Directory.EnumerateFileSystemEntries(output).Select(path => Path.GetFileName(path)).Order());
        foreach (var taken in new[] { output, folder.Path, folder.File("sub/copy") })
        {
            Assert.Throws<SharpSegException>(() => Repair(folder, taken));
        }
    }

    [Fact]
    public void A_table_that_is_no_table_is_refused()
    {
        foreach (var table in new[]
        {
            """{"0": 0, "1": 255}""", """{"0": 0, "1": 5, "2": 5}""", """{"0": 0, "1": 1, "2": 40000}""",
            """{"0": 0, "1": 1, "3": 7}""", "[0, 1, 2]", """{"0": 0, "1": "x", "2": 7}""",
        })
        {
            Assert.Throws<SharpSegException>(() => With(table));
        }

        var good = With("""{"0": 0, "1": 9, "2": 7}""");
        Assert.Equal([0, 9, 7], DatasetDescription.FromJson(good.ToJson()).Labels.OriginalValues);
    }

    private static DatasetDescription With(string table) => DatasetDescription.FromJson(
        $$"""
        {"channel_names": {"0": "CT"}, "labels": {{DatasetFolder.TwoLabels}}, "file_ending": ".nii.gz",
         "original_values": {{table}} }
        """);

    private static RepairResult Repair(DatasetFolder folder, string output) =>
        RepairRun.Execute(folder.Path, output, SilentReporter.Instance, CancellationToken.None);

    private static void Describe(DatasetFolder folder, string labels, int cases, string more = "") => folder.Text(
        "dataset.json",
        $$"""{"channel_names": {"0": "CT"}, "labels": {{labels}}, "numTraining": {{cases}}, "file_ending": ".nii.gz"{{more}}}""");

    /// <summary>Stops when the first case is written.</summary>
    private sealed class StopAfterFirst(CancellationTokenSource stop) : IReporter
    {
        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
            if (detail.StartsWith("write case 1/", StringComparison.Ordinal))
            {
                stop.Cancel();
            }
        }

        public void Info(string line)
        {
        }

        public void Warning(string line)
        {
        }
    }
}
