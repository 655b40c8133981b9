using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Tests.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

public sealed class DatasetTests
{
    [Fact]
    public void A_v2_folder_lists_its_cases_by_full_name()
    {
        using var folder = DatasetFolder.V2("case_10", "case_1");
        folder.Nifti("imagesTr/case_1_0000.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        folder.Nifti("imagesTs/t_0000.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        folder.Text("imagesTr/._case_9_0000.nii.gz", "AppleDouble");
        var dataset = Dataset.Open(folder.Path);
        Assert.Equal(DatasetFormat.NnUnetV2, dataset.Format);
        Assert.Equal(["case_1", "case_10"], dataset.TrainingCases.Select(item => item.Id));
        Assert.Equal([folder.File("imagesTr/case_1_0000.nii.gz")], dataset.TrainingCases[0].ImageFiles);
        Assert.Equal(folder.File("labelsTr/case_1.nii.gz"), dataset.TrainingCases[0].LabelFile);
        Assert.Equal("t", Assert.Single(dataset.TestCases).Id);
        Assert.Equal(DatasetFolder.Ramp.Select(value => (float)value), dataset.LoadImage(dataset.TrainingCases[0]).Channels[0]);
        Assert.Equal(
            DatasetFolder.LabelsOf(1).Select(value => (short)value), dataset.LoadLabels(dataset.TrainingCases[0]).Voxels);
        Assert.Null(dataset.SplitsFile);
        folder.Text("splits_final.json", "[]");
        Assert.Equal(folder.File("splits_final.json"), dataset.SplitsFile);
    }

    [Fact]
    public void A_decathlon_folder_keeps_channels_in_one_file()
    {
        using var folder = new DatasetFolder();
        folder.Text("dataset.json", $$"""
            {"name": "Brain", "modality": {"0": "FLAIR", "1": "T1w"}, "labels": {"0": "background", "1": "a", "2": "b"}, "numTraining": 2,
             "training": [{"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"}, {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
                          {"image": "./imagesTr/._a.nii.gz", "label": "./labelsTr/._a.nii.gz"}],
             "test": ["./imagesTs/t.nii.gz", {"image": "./imagesTs/u.nii.gz"}]}
            """);
        var values = Enumerable.Range(0, 48).Select(i => (double)i).ToArray();
        folder.Nifti("imagesTr/b.nii.gz", new NiftiBytes { Dim = [4, 4, 3, 2, 2, 1, 1, 1] }, values);
        var dataset = Dataset.Open(folder.Path);
        Assert.Equal(
            (DatasetFormat.Decathlon, "Brain", ".nii.gz"),
            (dataset.Format, dataset.Description.Name, dataset.Description.FileEnding));
        Assert.Equal(["FLAIR", "T1w"], dataset.Description.ChannelNames);
        Assert.Equal(["a", "b"], dataset.TrainingCases.Select(item => item.Id));
        Assert.Equal(["t", "u"], dataset.TestCases.Select(item => item.Id));
        Assert.Equal(47, dataset.LoadImage(dataset.TrainingCases[1]).Channels[1][^1]);
    }

    [Fact]
    public void A_v1_folder_is_told_from_a_decathlon_folder_by_its_files()
    {
        using var folder = new DatasetFolder();
        folder.Text("dataset.json", $$"""
            {"modality": {"0": "T1", "1": "T2"}, "labels": {"0": "background", "1": "a", "2": "b"}, "numTraining": 1,
             "training": [{"image": "./imagesTr/case_1.nii.gz", "label": "./labelsTr/case_1.nii.gz"}], "test": ["./imagesTs/t.nii.gz"]}
            """);
        foreach (var name in new[] { "imagesTr/case_1_0000", "imagesTr/case_1_0001", "imagesTr/case_10_0000", "imagesTs/t_0000",
            "imagesTs/t_0001" })
        {
            folder.Nifti($"{name}.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        }

        var dataset = Dataset.Open(folder.Path);
        Assert.Equal(DatasetFormat.NnUnetV1, dataset.Format);
        Assert.Equal(
            [folder.File("imagesTr/case_1_0000.nii.gz"), folder.File("imagesTr/case_1_0001.nii.gz")],
            dataset.TrainingCases[0].ImageFiles);
        Assert.Equal(2, dataset.TestCases[0].ImageFiles.Count);
        Assert.Equal(2, dataset.LoadImage(dataset.TrainingCases[0]).Channels.Count);
    }

    [Fact]
    public void An_explicit_list_names_files_anywhere()
    {
        using var folder = new DatasetFolder();
        Environment.SetEnvironmentVariable("SHARPSEG_TEST_SCANS", folder.File("scans"));
        folder.Text("dataset.json", $$"""
            {"channel_names": {"0": "T1", "1": "T2"}, "labels": {{DatasetFolder.TwoLabels}}, "numTraining": 2, "file_ending": ".nii.gz",
             "dataset": {"z": {"images": ["d/z2.nii.gz", "d/z1.nii.gz"], "label": "d/z_seg.nii.gz"},
                         "a": {"images": ["${SHARPSEG_TEST_SCANS}/a1.nii.gz", "$SHARPSEG_TEST_SCANS/a2.nii.gz"], "label": "%SHARPSEG_TEST_SCANS%/s.nii.gz"} } }
            """);
        var dataset = Dataset.Open(folder.Path);
        Assert.Equal(DatasetFormat.CaseList, dataset.Format);
        Assert.Equal(["a", "z"], dataset.TrainingCases.Select(item => item.Id));
        Assert.Equal([folder.File("scans/a1.nii.gz"), folder.File("scans/a2.nii.gz")], dataset.TrainingCases[0].ImageFiles);
        Assert.Equal(folder.File("scans/s.nii.gz"), dataset.TrainingCases[0].LabelFile);
        Assert.Equal([folder.File("d/z2.nii.gz"), folder.File("d/z1.nii.gz")], dataset.TrainingCases[1].ImageFiles);
    }

    [Fact]
    public void Unusable_folders_are_refused_with_the_reason()
    {
        using var folder = new DatasetFolder();
        Refused("no such folder", folder.File("none/x"));
        Refused("no dataset.json", folder.Path);
        Described("not valid JSON", "{");
        Described("not a JSON object", "[]");
        Described("not a dataset of a known format", "{}");
        Described("none of the 1 images", """{"training": [{"image": "imagesTr/a.nii.gz", "label": "x"}]}""");
        Described("has no `image`", """{"training": [{"label": "x"}]}""");
        Described("`file_ending` is missing", """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}}""");
        Described("cannot be read", """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".webp"}""");
        Described("in which labels would change", """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".jpg"}""");
        Described("no training case", """{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}""");
        Described("channels are 0, 2", """{"channel_names": {"0": "CT", "2": "PET"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}""");

        void Described(string reason, string json)
        {
            folder.Text("dataset.json", json);
            Refused(reason, folder.Path);
        }

        static void Refused(string reason, string path) =>
            Assert.Contains(reason, Assert.Throws<SharpSegException>(() => Dataset.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_cases_are_refused_when_loaded()
    {
        using var folder = DatasetFolder.V2("a", "b");
        folder.Nifti("imagesTr/a_0001.nii.gz", new NiftiBytes(), DatasetFolder.Ramp);
        folder.Nifti("labelsTr/b.nii.gz", new NiftiBytes(), [.. DatasetFolder.LabelValues[..23], 3]);
        var dataset = Dataset.Open(folder.Path);
        var image = Assert.Throws<SharpSegException>(() => dataset.LoadImage(dataset.TrainingCases[0]));
        Assert.Contains("case `a`: 2 channels in 2 files, but the dataset has 1 (CT)", image.Message, StringComparison.Ordinal);
        var label = Assert.Throws<SharpSegException>(() => dataset.LoadLabels(dataset.TrainingCases[1]));
        Assert.Contains("case `b`: the label map has the value 3", label.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Descriptions_survive_writing_and_reading()
    {
        const string json = """
            {"name": "Tümor", "channel_names": {"0": "T1", "1": "noNorm"}, "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
             "regions_class_order": [1, 2], "numTraining": 4, "file_ending": ".nii.gz"}
            """;
        var once = DatasetDescription.FromJson(json);
        var twice = DatasetDescription.FromJson(once.ToJson());
        Assert.Equal(once.ToJson(), twice.ToJson());
        Assert.Equal(("Tümor", ".nii.gz", 4), (twice.Name, twice.FileEnding, twice.NumTraining));
        Assert.Equal(["T1", "noNorm"], twice.ChannelNames);
        Assert.Equal(["background", "whole", "core", "ignore"], twice.Labels.Entries.Select(entry => entry.Name));
        Assert.Equal([1, 2], twice.Labels.RegionsClassOrder);
    }

    [Fact]
    public void The_reference_datasets_are_opened_and_loaded()
    {
        var cases701 = SharedFolder.Rows(4, 1);
        foreach (var (
            name, cases, channels, heads) in new[] { ("Dataset701_SynCT", cases701, 1, 3), ("Dataset702_SynMR", 4, 2, 2),
            ("Dataset703_Syn2D", 4, 3, 3) })
        {
            var dataset = Dataset.Open(SharedFolder.At("golden", "synthetic", name));
            Assert.Equal((cases, heads), (dataset.TrainingCases.Count, dataset.Description.Labels.HeadCount));
            foreach (var item in dataset.TrainingCases)
            {
                var image = dataset.LoadImage(item);
                Assert.Equal(channels, image.Channels.Count);
                Assert.Equal(image.Extent, dataset.LoadLabels(item).Extent);
            }
        }
    }

    [SharedFact]
    public void A_decathlon_folder_is_opened()
    {
        var hippocampus = Dataset.Open(SharedFolder.At("data", "Task04_Hippocampus"));
        Assert.Equal(
            (DatasetFormat.Decathlon, 200, 1),
            (hippocampus.Format, hippocampus.TrainingCases.Count, hippocampus.TestCases.Count));
    }
}
