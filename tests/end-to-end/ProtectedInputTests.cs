using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// No verb writes into a dataset or over its own inputs, whichever way the path goes; the files are compared byte by byte.
/// </summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class ProtectedInputTests(TrainedWorkspace trained)
{
    private static readonly Dictionary<string, string[]> Verbs = new()
    {
        ["demo"] = ["demo", "-o", "OUT", "--cases", "24"],
        ["auto"] = ["auto", "DATASET", "-o", "OUT", "--max-time", "1m"],
        ["plan"] = ["plan", "DATASET", "-o", "OUT"],
        ["predict"] = ["predict", "TRAINED", "-i", "SCANS", "-o", "OUT"],
        ["predict-zip"] = ["predict", "MODEL", "-i", "SCANS", "-o", "OUT"],
        ["evaluate"] = ["evaluate", "PREDICTIONS", "REFERENCES", "-d", "DESCRIPTION", "-o", "OUT/summary.json"],
        ["ensemble"] = ["ensemble", "PREDICTIONS", "PREDICTIONS2", "-d", "DESCRIPTION", "-o", "OUT"],
        ["postprocess"] = ["postprocess", "PREDICTIONS", "-o", "OUT", "-b", "BEST", "-d", "DESCRIPTION"],
        ["export"] = ["export", "TRAINED", "-o", "OUT/model.zip"],
    };

    private static readonly string[] Places =
        ["DATASET", "DATASET/labelsTr", "DATASET/imagesTr", "DATASET/new/deeper", "LINK", "LINK/labelsTr", "LABELS",
            "UP/labelsTr", "CASELIST", "CASELIST/new"];

    [Fact]
    public void A_dataset_is_never_an_output()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        var predictions = Directory.CreateDirectory(folder.At("predictions")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(dataset, "labelsTr")))
        {
            File.Copy(file, Path.Combine(predictions, Path.GetFileName(file)));
        }

        folder.Copy(predictions, "predictions2");
        File.Copy(Path.Combine(dataset, "dataset.json"), folder.At("description.json"));
        File.WriteAllText(folder.At("best.json"), Best);
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        var listed = Directory.CreateDirectory(folder.At("listed")).FullName;
        File.Copy(TinyDataset.Image(dataset, "case_0"), Path.Combine(listed, "case_0.nii.gz"));
        File.WriteAllText(Path.Combine(listed, "dataset.json"), """{"channel_names": {"0": "T1"}, "labels": {"background": 0, "a": 1}, "numTraining": 1, "file_ending": ".nii.gz", "dataset": {"case_0": {"images": ["case_0.nii.gz"], "label": "case_0.nii.gz"}}}""");
        if (!OperatingSystem.IsWindows())
        {
            Directory.CreateSymbolicLink(folder.At("link"), dataset);
            Directory.CreateSymbolicLink(folder.At("labels"), Path.Combine("link", "labelsTr"));
            Directory.CreateDirectory(folder.At("elsewhere", "inner"));
            Directory.CreateSymbolicLink(folder.At("up"), folder.At("elsewhere", "inner"));
            Directory.CreateSymbolicLink(
                folder.At("elsewhere", "inner", "labelsTr"), Path.Combine("..", "..", "link", "labelsTr"));
        }

        var before = FolderSnapshot.Of(folder.Path);
        var failures = new List<string>();
        foreach (var (verb, place) in Verbs.Keys.SelectMany(verb => Places.Select(place => (verb, place))))
        {
            var output = place.Replace("DATASET", dataset, StringComparison.Ordinal)
                .Replace("LINK", folder.At("link"), StringComparison.Ordinal)
                .Replace("LABELS", folder.At("labels"), StringComparison.Ordinal)
                .Replace("UP", folder.At("up"), StringComparison.Ordinal)
                .Replace("CASELIST", listed, StringComparison.Ordinal);
            string[] arguments =
            [
                .. Verbs[verb].Select(argument => argument.Replace("OUT", output, StringComparison.Ordinal))
                .Select(argument => argument switch
                {
                    "DATASET" => dataset,
                    "TRAINED" => trained.Work,
                    "MODEL" => model,
                    "SCANS" => Path.Combine(dataset, "imagesTr"),
                    "PREDICTIONS" => predictions,
                    "PREDICTIONS2" => folder.At("predictions2"),
                    "REFERENCES" => Path.Combine(dataset, "labelsTr"),
                    "DESCRIPTION" => folder.At("description.json"),
                    "BEST" => folder.At("best.json"),
                    _ => argument,
                }),
            ];
            var outcome = SharpSegProcess.Run(arguments);
            if (outcome.Code != 1 || !outcome.Errors.Contains("which is never written to", StringComparison.Ordinal))
            {
                failures.Add($"{verb} -o {place}: {outcome.Code}: {outcome.Errors}");
            }
        }

        before.AssertUnchanged();
        Assert.Empty(failures);
    }

    /// <summary>Whichever workspace it is, not only the one that predicts; a new folder in one is allowed.</summary>
    [Fact]
    public void A_workspace_is_no_output_of_what_is_none_of_its_own()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        var predictions = folder.At("predictions");
        var scans = folder.At("scans");
        Directory.CreateDirectory(scans);
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), Path.Combine(scans, "case_0_0000.nii.gz"));
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scans, "-o", predictions, "--save-probabilities");
        File.WriteAllText(folder.At("best.json"), Best);
        var model = Path.Combine(work, "model.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        string[][] verbs =
        [
            ["predict", trained.Work, "-i", scans, "-o", "OUT"],
            ["predict", model, "-i", scans, "-o", "OUT"],
            ["ensemble", predictions, predictions, "-o", "OUT"],
            ["postprocess", predictions, "-o", "OUT", "-b", folder.At("best.json")],
            ["jobs", "predict", model, "-i", scans, "-o", "OUT", "--parts", "2", "--dry-run"],
            ["trace", trained.Work, "case_0", "-o", "OUT"],
        ];
        string[] validation = ["runs", "3d_fullres", "fold_0", "validation"];
        string[] places = [work, Path.Combine([work, .. validation]), Path.Combine(work, "preprocessed", "new", "deeper")];
        var inside = Path.Combine(places[1], "new");
        string[][] files =
        [
            ["predict", trained.Work, "-i", scans, "-o", Path.Combine(inside, "s.nii.gz")],
            ["evaluate", predictions, labels, "-o", Path.Combine(work, "best.json")],
            ["evaluate", predictions, labels, "-o", Path.Combine(places[1], "summary.json")],
            ["evaluate", predictions, labels, "-o", Path.Combine(work, "plans", "mine.json")],
            ["report", trained.Work, "-o", Path.Combine(work, "best.html")],
            ["plan", trained.Dataset, "-o", inside],
            ["verify", trained.Dataset, "--fix", inside],
            ["demo", "-o", inside, "--cases", "24"],
        ];
        var before = FolderSnapshot.Of(folder.Path);
        foreach (var arguments in places.SelectMany(place => verbs.Select(
            verb => verb.Select(word => word == "OUT" ? place : word).ToArray())).Concat(files))
        {
            var outcome = SharpSegProcess.Run(arguments);
            Assert.True(
                outcome.Code == 1 && outcome.Errors.Contains("the workspace `", StringComparison.Ordinal)
                    || outcome.Errors.Contains("is a workspace itself", StringComparison.Ordinal),
                $"{string.Join(' ', arguments)}: {outcome.Code}: {outcome.Errors}");
        }

        // Nor are segmentations a workspace, though they lie beside a plans.json and a dataset.json.
        foreach (var words in new string[][] { ["plan"], ["plan", "--plan", "mine"], ["auto"], ["auto", "--plan", "mine"] })
        {
            SharpSegProcess.Run([.. words, trained.Dataset, "-o", predictions])
                .AssertErrorWithHint(1, "holds the dataset.json of something else");
        }

        before.AssertUnchanged();
        SharpSegProcess.Succeed("predict", trained.Work, "-i", scans, "-o", Path.Combine(work, "segmentations"));
        SharpSegProcess.Succeed("evaluate", predictions, labels, "-o", Path.Combine(work, "scores.json"));
    }

    [FactWith(Needs.Links)]
    public void A_segmentation_never_replaces_a_scan_behind_a_link()
    {
        using var folder = new TemporaryFolder();
        var scans = Directory.CreateDirectory(folder.At("scans")).FullName;
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), Path.Combine(scans, "a.nii.gz"));
        File.Copy(TinyDataset.Image(trained.Dataset, "case_1"), Path.Combine(scans, "b_0000.nii.gz"));
        Directory.CreateSymbolicLink(folder.At("link"), scans);
        Directory.CreateSymbolicLink(folder.At("second"), folder.At("link"));
        var before = FolderSnapshot.Of(scans);
        foreach (var output in new[] { "link", "second", "scans" })
        {
            SharpSegProcess.Run("predict", trained.Work, "-i", scans, "-o", folder.At(output))
                .AssertErrorWithHint(1, "would replace the image");
            SharpSegProcess.Run("predict", trained.Work, "-i", Path.Combine(scans, "a.nii.gz"), "-o", folder.At(output))
                .AssertErrorWithHint(1, "would replace the image");
            SharpSegProcess.Run("predict", trained.Work, "-i", folder.At("link"), "-o", folder.At(output))
                .AssertErrorWithHint(1, "would replace the image");
        }

        // Nothing would be replaced here, but dataset.json and plans.json do not belong among scans.
        File.Delete(Path.Combine(scans, "a.nii.gz"));
        SharpSegProcess.Run("predict", trained.Work, "-i", scans, "-o", folder.At("link"))
            .AssertErrorWithHint(1, "is an input and cannot be the output as well");
        File.Copy(TinyDataset.Image(trained.Dataset, "case_0"), Path.Combine(scans, "a.nii.gz"));
        before.AssertUnchanged();
    }

    [Fact]
    public void Scores_of_a_datasets_own_labels_are_printed_and_not_left_there()
    {
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        var before = FolderSnapshot.Of(trained.Dataset);
        var outcome = SharpSegProcess.Succeed("evaluate", labels, labels);
        Assert.Contains("mean foreground Dice 1.0000", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("no summary.json", outcome.Output, StringComparison.Ordinal);
        Assert.Null(SharpSegProcess.Succeed("evaluate", labels, labels, "--json").Json()["summary"]);
        before.AssertUnchanged();
    }

    [Fact]
    public void A_summary_replaces_summaries_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var labels = Path.Combine(trained.Dataset, "labelsTr");
        File.WriteAllText(folder.At("notes.json"), """{"precious": true}""");
        SharpSegProcess.Run("evaluate", labels, labels, "-o", folder.At("notes.json"))
            .AssertErrorWithHint(1, "notes.json", "holds no scores");
        Assert.Equal("""{"precious": true}""", File.ReadAllText(folder.At("notes.json")));
        SharpSegProcess.Succeed("evaluate", labels, labels, "-o", folder.At("scores.json"));
        SharpSegProcess.Succeed("evaluate", labels, labels, "-o", folder.At("scores.json"));
        File.Copy(TinyDataset.Label(trained.Dataset, "case_0"), folder.At("case_0.nii.gz"));
        SharpSegProcess.Run(
            "evaluate", folder.Path, folder.Path, "-d", Path.Combine(trained.Dataset, "dataset.json"), "-o",
            folder.At("case_0.nii.gz"))
            .AssertErrorWithHint(1, "ends in .json");
        ImageFile.ReadLabels(folder.At("case_0.nii.gz"));
    }

    internal const string Best =
        """
        {"format": "sharpseg-best", "version": 1, "configurations": ["3d_fullres"], "folds": ["0"],
         "postprocessing": {"keep_largest_component": [[1]], "connectivity": "full"},
         "mean_foreground_dice": {"before_postprocessing": 0.5, "after_postprocessing": 0.5}, "scores": []}
        """;
}
