using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Datasets;

public sealed class PredictionInputsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_folder_may_hold_a_file_a_channel_or_a_file_a_case()
    {
        Touch(
            "b_0001.nii.gz", "b_0000.nii.gz", "a.nii.gz", "case_10_0000.nii.gz", "case_10_0001.nii.gz", "case_1_0000.nii.gz",
            "case_1_0001.nii.gz", "x.txt", ".b_0000.nii.gz");
        Assert.Equal(
            ["a: a.nii.gz", "b: b_0000.nii.gz b_0001.nii.gz", "case_1: case_1_0000.nii.gz case_1_0001.nii.gz",
                "case_10: case_10_0000.nii.gz case_10_0001.nii.gz"],
            Found(2, folder.Path));
    }

    [Fact]
    public void Names_that_end_in_a_number_are_not_mistaken_for_channels()
    {
        Touch("scan_2020.nii.gz", "scan_2021.nii.gz", "t_0000.nii.gz");
        Assert.Equal(["scan_2020: scan_2020.nii.gz", "scan_2021: scan_2021.nii.gz", "t: t_0000.nii.gz"], Found(1, folder.Path));
    }

    [Fact]
    public void Files_may_be_given_one_by_one()
    {
        Touch("b_0000.nii.gz", "b_0001.nii.gz", "c.png", "d.nii.gz");
        Assert.Equal(
            ["b: b_0000.nii.gz b_0001.nii.gz", "c: c.png"], Found(2, At("b_0001.nii.gz"), At("c.png"), At("b_0000.nii.gz")));
    }

    [Fact]
    public void All_endings_of_the_datasets_format_are_taken_and_other_files_are_named()
    {
        Touch("a_0000.nii.gz", "b_0000.nii", "c_0000.NII", "overview.png", "notes.txt", "dataset.json", ".hidden.png");
        var warnings = new List<string>();
        var cases = PredictionInputs.Find([folder.Path], Description(1), warnings.Add);
        Assert.Equal(["a", "b", "c"], cases.Select(item => item.Id));
        Assert.Contains("2 files in", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.EndsWith("are not predicted: notes.txt, overview.png", warnings[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_another_format_are_taken_where_there_are_no_others()
    {
        Touch("a.mha", "b.nrrd");
        var warnings = new List<string>();
        Assert.Equal(["a", "b"], PredictionInputs.Find([folder.Path], Description(1), warnings.Add).Select(item => item.Id));
        Assert.Empty(warnings);
    }

    [Fact]
    public void Images_and_series_side_by_side_are_both_taken_and_other_folders_are_named()
    {
        Touch("a.nii.gz", "preview.png", "out/dataset.json", ".cache/1.dcm");
        Write("x", "p1/s1.dcm", "p2/study/series/s1.dcm", "p3/notes.txt", "DICOMDIR");
        Directory.CreateDirectory(At("p4"));
        var warnings = new List<string>();
        var cases = PredictionInputs.Find([folder.Path], Description(1), warnings.Add);
        Assert.Equal(["a", "p1"], cases.Select(item => item.Id));
        Assert.Equal(At("p1"), Assert.Single(cases[1].ImageFiles));
        Assert.Equal(
            [$"1 file in `{folder.Path}` is not predicted: preview.png",
                $"3 folders in `{folder.Path}` are not predicted: p2 (a DICOM series lies deeper: give `{At("p2/study/series")}`), "
                    + "p3 (no DICOM series in it), p4 (no DICOM series in it)"],
            warnings);

        // Outputs are named after the case.
        Touch("p1.nii.gz");
        Assert.Contains("case `p1` is given twice", Refused(1, folder.Path).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_of_contents_does_not_make_a_folder_a_series()
    {
        Write("x", "p1/s1.dcm", "p2/s1.dcm");
        File.WriteAllBytes(At("DICOMDIR"), [.. new byte[128], .. "DICM"u8]);
        Assert.False(DicomSeries.IsIn(folder.Path));
        if (SimpleItk.Installed is null && Dcm2Niix.Program is null)
        {
            Assert.Equal(SimpleItk.Missing(At("p1")).Message, Refused(1, folder.Path).Message);
        }
        else
        {
            Assert.Equal(["p1: p1", "p2: p2"], Found(1, folder.Path));
        }
    }

    [Fact]
    public void A_folder_of_nothing_but_nested_series_is_refused_with_their_place()
    {
        Write("x", "p1/study/series/s1.dcm");
        Assert.EndsWith(
            $"it holds 0 other files and 1 folder: p1 (a DICOM series lies deeper: give `{At("p1/study/series")}`))",
            Refused(1, folder.Path).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unusable_inputs_are_refused_with_the_reason()
    {
        Assert.Contains("no input", Refused(1).Message, StringComparison.Ordinal);
        Assert.Contains("no images", Refused(1, folder.Path).Message, StringComparison.Ordinal);
        Directory.CreateDirectory(At("imagesTs"));
        Assert.Contains("imagesTs", Refused(1, folder.Path).Hint!, StringComparison.Ordinal);
        Assert.Contains("no such file", Refused(1, At("none.nii.gz")).Message, StringComparison.Ordinal);
        Touch("x.txt", "b_0000.nii.gz", "b_0002.nii.gz", "imagesTs/b.nii.gz");
        Assert.Contains("unknown image format", Refused(1, At("x.txt")).Message, StringComparison.Ordinal);
        Write("x", "one/s1.dcm");
        Assert.Equal(
            (At("one/s1.dcm"), At("one")),
            (Refused(1, At("one/s1.dcm")).Message.Split('`')[1], Refused(1, At("one/s1.dcm")).Hint!.Split('`')[1]));
        Assert.Contains("one file of a DICOM series", Refused(1, At("one/s1.dcm")).Message, StringComparison.Ordinal);
        Assert.Contains("channel 1 (c1), `b_0001.nii.gz`, is missing", Refused(3, folder.Path).Message, StringComparison.Ordinal);
        Assert.Contains(
            "given twice", Refused(1, At("b_0000.nii.gz"), At("imagesTs/b.nii.gz")).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static DatasetDescription Description(int channels) => new(
        "d", [.. Enumerable.Range(0, channels).Select(c => $"c{c}")], new([new("background", [0]), new("a", [1])]),
        ".nii.gz", null);

    private static string[] Found(int channels, params string[] paths) => [.. PredictionInputs.Find(paths, Description(channels))
        .Select(item => $"{item.Id}: {string.Join(' ', item.ImageFiles.Select(file => Path.GetFileName(file)))}")];

    private static SharpSegException Refused(int channels, params string[] paths) =>
        Assert.Throws<SharpSegException>(() => PredictionInputs.Find(paths, Description(channels)));

    private string At(string name) => Path.Combine(folder.Path, name);

    private void Touch(params string[] names) => Write("", names);

    private void Write(string text, params string[] names)
    {
        foreach (var name in names)
        {
            File.WriteAllText(folder.File(name.Split('/')), text);
        }
    }
}
