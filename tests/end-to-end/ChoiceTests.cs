using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Two configurations on two folds, trained for a few iterations: comparing, ensembling, postprocessing and exporting them.
/// </summary>
public sealed class ChoiceWorkspace : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ChoiceWorkspace()
    {
        Dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        Work = folder.At("work");
        SharpSegProcess.Succeed("plan", Dataset, "-o", Work);
        SharpSegProcess.Succeed("preprocess", Work);
        File.WriteAllText(Path.Combine(Work, "splits.json"), """
            [{"train": ["case_0", "case_1"], "val": ["case_2", "case_3"]}, {"train": ["case_2", "case_3"], "val": ["case_0", "case_1"]}]
            """);
        Untrained = SharpSegProcess.Run("find-best", Work);
        Train("2d", "0", "--save-probabilities");
        Train("2d", "1", "--save-probabilities");
        Train("3d_fullres", "0", "--save-probabilities", "--seed", "7");
        Unfinished = SharpSegProcess.Run("find-best", Work);
        Train("3d_fullres", "1");
        WithoutProbabilities = SharpSegProcess.Run("find-best", Work);
        SharpSegProcess.Succeed("train", Work, "-c", "3d_fullres", "-f", "1", "--resume", "--save-probabilities");
        Json = SharpSegProcess.Succeed("find-best", Work, "--json").Json();
        Table = SharpSegProcess.Succeed("find-best", Work).Output;
    }

    public string Dataset { get; }

    public string Work { get; }

    public JsonObject Json { get; }

    public string Table { get; }

    internal Outcome Untrained { get; }

    internal Outcome Unfinished { get; }

    internal Outcome WithoutProbabilities { get; }

    public void Dispose() => folder.Dispose();

    /// <summary>
    /// A copy whose best.json is the pair with both kinds of steps, whatever the few iterations would have chosen.
    /// </summary>
    internal string Chosen(TemporaryFolder target, params string[] configurations)
    {
        var copy = target.Copy(Work, "chosen");
        var path = Path.Combine(copy, "best.json");
        var best = JsonNode.Parse(File.ReadAllText(path))!;
        best["configurations"] = new JsonArray([.. configurations.Select(name => (JsonNode)name)]);
        best["postprocessing"]!["keep_largest_component"] = new JsonArray(new JsonArray(1, 2), new JsonArray(2));
        File.WriteAllText(path, best.ToJsonString());
        return copy;
    }

    private void Train(string configuration, string fold, params string[] options) => SharpSegProcess.Succeed(
        ["train", Work, "-c", configuration, "-f", fold, "--epochs", "1", "--iterations", "4", "--batch", "2", .. options]);
}

/// <summary>`find-best`, `predict` by its choice, `ensemble`, `postprocess`, `export`, as users call them.</summary>
public sealed class ChoiceTests(ChoiceWorkspace trained) : IClassFixture<ChoiceWorkspace>
{
    [Fact]
    public void What_is_missing_is_told_with_the_commands_that_make_it()
    {
        trained.Untrained.AssertErrorWithHint(1, "2d is not trained; 3d_fullres is not trained");
        trained.Unfinished.AssertErrorWithHint(1, "3d_fullres: fold 1 not trained");
        Assert.Contains(
            $"sharpseg train {trained.Work} -c 3d_fullres -f 1 --save-probabilities", trained.Unfinished.Errors,
            StringComparison.Ordinal);
        trained.WithoutProbabilities.AssertErrorWithHint(1, "3d_fullres: fold 1 without validation probabilities");
        Assert.Contains(
            $"sharpseg train {trained.Work} -c 3d_fullres -f 1 --resume --save-probabilities\n",
            trained.WithoutProbabilities.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("-f 0", trained.WithoutProbabilities.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("sharpseg preprocess", trained.WithoutProbabilities.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_best_scores_singles_and_pairs_on_all_cases()
    {
        var json = trained.Json;
        Assert.Equal(4, (int)json["cases"]!);
        Assert.Equal(["0", "1"], json["folds"]!.AsArray().Select(fold => (string)fold!));
        Assert.Equal(
            ["2d", "3d_fullres", "2d+3d_fullres"],
            json["scores"]!.AsArray()
                .Select(score => string.Join('+', score!["configurations"]!.AsArray().Select(name => (string)name!))));
        Assert.NotNull(json["mean_foreground_dice"]);
        Assert.True((double)json["seconds"]! > 0);
        foreach (var candidate in new[] { "2d/crossval", "3d_fullres/crossval", "ensembles/2d+3d_fullres" })
        {
            var folder = Path.Combine(trained.Work, "runs", candidate);
            Assert.Equal(4, Directory.GetFiles(folder, "*.nii.gz").Length);
        }

        // The score is what `evaluate` says of the same segmentations.
        var scored = SharpSegProcess.Succeed(
            "evaluate", Path.Combine(trained.Work, "runs", "ensembles", "2d+3d_fullres"),
            Path.Combine(trained.Dataset, "labelsTr"), "--no-surface",
            "-o", Path.Combine(trained.Work, "evaluated.json"), "--json").Json();
        Assert.Equal((double?)json["scores"]![2]!["mean_foreground_dice"], (double?)scored["mean_foreground_dice"]);
        Assert.Contains("mean foreground Dice", trained.Table, StringComparison.Ordinal);
        Assert.Contains("2d+3d_fullres", trained.Table, StringComparison.Ordinal);
        Assert.Contains(
            $"predict: sharpseg predict {trained.Work} -i SCANS -o SEGMENTATIONS", trained.Table, StringComparison.Ordinal);
        Assert.Equal(0, WorkspaceFiles.AssertAllWhole(trained.Work));
    }

    [Fact]
    public void Among_zeros_nothing_is_chosen()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        File.Delete(Path.Combine(work, "best.json"));
        foreach (var validation in Directory.GetDirectories(work, "validation", SearchOption.AllDirectories))
        {
            foreach (var file in Directory.GetFiles(validation, "*.nii.gz"))
            {
                var read = ImageFile.ReadLabels(file);
                ImageFile.WriteLabels(file, new short[read.Voxels.Length], read.Geometry, 2);
            }
        }

        var outcome = SharpSegProcess.Run("find-best", work, "--no-ensemble");
        outcome.AssertErrorWithHint(1, "there is nothing to choose, and best.json is not written");
        Assert.Contains("warning: 2d: mean foreground Dice 0\n", outcome.Errors, StringComparison.Ordinal);
        Assert.Contains("warning: 3d_fullres: mean foreground Dice 0\n", outcome.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(work, "best.json")));
    }

    [Fact]
    public void Predicting_by_choice_is_the_same_as_step_by_step_and_from_an_exported_model()
    {
        using var folder = new TemporaryFolder();
        var work = trained.Chosen(folder, "2d", "3d_fullres");
        string[] scans = ["-i", Path.Combine(trained.Dataset, "imagesTr"), "--no-tta"];
        var chosen = SharpSegProcess.Succeed(["predict", work, .. scans, "-o", folder.At("chosen-out")]);
        Assert.Contains("best.json (2d+3d_fullres)", chosen.Errors, StringComparison.Ordinal);
        Assert.Contains("keep the largest component of lower+upper, then of upper", chosen.Errors, StringComparison.Ordinal);

        var plain = Averaged("--full-probabilities");
        var removed =
            SharpSegProcess.Succeed("postprocess", plain, "-o", folder.At("final"), "--work", work, "--json").Json();
        Assert.Equal(4, removed["removed_voxels"]!.AsObject().Count);
        AssertSame(folder.At("chosen-out"), folder.At("final"));

        // The compact ones are rounded and may decide a tie the other way (docs/method/inference.md §8).
        AssertSame(plain, Averaged("--save-probabilities"), share: 1e-3);

        // Saving probabilities changes no label, and -c means that configuration, plain.
        SharpSegProcess.Succeed(["predict", work, .. scans, "-o", folder.At("c"), "-c", "3d_fullres"]);
        AssertSame(folder.At("b--save-probabilities"), folder.At("c"));

        // The model alone, without workspace and dataset.
        var exported = SharpSegProcess.Succeed("export", work, "-o", folder.At("model.zip"), "--json").Json();
        Assert.Equal(new FileInfo(folder.At("model.zip")).Length, (long)exported["bytes"]!);
        var (first, elsewhere) = (
            File.ReadAllBytes(folder.At("model.zip")), folder.Copy(Path.Combine(trained.Dataset, "imagesTr"), "scans"));
        Directory.Delete(work, recursive: true);
        SharpSegProcess.Succeed("predict", folder.At("model.zip"), "-i", elsewhere, "--no-tta", "-o", folder.At("from-zip"));
        AssertSame(folder.At("final"), folder.At("from-zip"));
        Assert.Equal(first, File.ReadAllBytes(folder.At("model.zip")));

        string Averaged(string kept)
        {
            var (a, b, both) = (folder.At("a" + kept), folder.At("b" + kept), folder.At("plain" + kept));
            SharpSegProcess.Succeed(["predict", work, .. scans, "-o", a, "-c", "2d", kept]);
            SharpSegProcess.Succeed(["predict", work, .. scans, "-o", b, "-c", "3d_fullres", kept]);
            var averaged = SharpSegProcess.Succeed("ensemble", a, b, "-o", both, "--json").Json();
            Assert.Equal(4, averaged["segmentations"]!.AsArray().Count);
            return both;
        }
    }

    [Fact]
    public void A_single_configuration_can_be_exported_and_chosen()
    {
        using var folder = new TemporaryFolder();
        var work = trained.Chosen(folder, "2d");
        string[] scan = ["-i", TinyDataset.Image(trained.Dataset, "case_0"), "--no-tta"];
        SharpSegProcess.Succeed("export", work, "-o", folder.At("plain.zip"), "-c", "3d_fullres", "-f", "1");
        SharpSegProcess.Succeed(["predict", folder.At("plain.zip"), .. scan, "-o", folder.At("zip")]);
        SharpSegProcess.Succeed(["predict", work, .. scan, "-o", folder.At("work"), "-c", "3d_fullres", "-f", "1"]);
        AssertSame(folder.At("zip"), folder.At("work"));

        var plain = SharpSegProcess.Succeed(["predict", work, .. scan, "-o", folder.At("2d"), "--no-postprocessing"]);
        Assert.DoesNotContain("keep the largest", plain.Errors, StringComparison.Ordinal);
        SharpSegProcess.Run("export", work, "-o", folder.At("model.tar")).AssertErrorWithHint(1, "model.tar", ".zip");
        SharpSegProcess.Run("export", work, "-o", folder.At("model.zip"), "-f", "3").AssertErrorWithHint(1, "fold_3");
        File.WriteAllText(folder.At("bad.zip"), "zip");
        SharpSegProcess.Run(["predict", folder.At("bad.zip"), .. scan, "-o", folder.At("out")])
            .AssertErrorWithHint(1, "bad.zip", "not a model");
        SharpSegProcess.Run(["predict", folder.At("none.zip"), .. scan, "-o", folder.At("out")])
            .AssertErrorWithHint(1, "none.zip`: no such file");
        Assert.False(Directory.Exists(folder.At("out")));
        Assert.False(File.Exists(folder.At("model.zip")));
    }

    /// <summary>A named pipe that nobody writes to stands for a segmentation that takes for ever to read.</summary>
    [FactWith(Needs.NamedPipes)]
    public void An_interrupted_comparison_keeps_the_earlier_choice()
    {
        using var folder = new TemporaryFolder();
        var work = trained.Chosen(folder, "2d");
        var before = File.ReadAllText(Path.Combine(work, "best.json"));
        var pipe = Path.Combine(work, "runs", "2d", "fold_0", "validation", "case_2.nii.gz");
        File.Delete(pipe);
        using (var mkfifo = System.Diagnostics.Process.Start("/usr/bin/mkfifo", [pipe]))
        {
            mkfifo.WaitForExit();
        }

        using var running = SharpSegProcess.Start("find-best", work);
        running.Reach(() => running.Errors.Contains("score 2d", StringComparison.Ordinal));
        running.Signal("INT");
        running.WaitForEnd().AssertErrorWithHint(130, "interrupted");
        Assert.Equal(before, File.ReadAllText(Path.Combine(work, "best.json")));
    }

    [Fact]
    public void Folders_and_decisions_that_do_not_fit_are_named()
    {
        using var folder = new TemporaryFolder();
        var validation = Path.Combine(trained.Work, "runs", "2d", "fold_0", "validation");
        var other = Path.Combine(trained.Work, "runs", "3d_fullres", "fold_1", "validation");
        SharpSegProcess.Run("ensemble", validation, other, "-o", folder.At("out"))
            .AssertErrorWithHint(1, "case_2.probabilities.safetensors");
        SharpSegProcess.Run("ensemble", validation, folder.At("none"), "-o", folder.At("out"))
            .AssertErrorWithHint(1, "none", "no such folder");
        SharpSegProcess.Run("postprocess", validation, "-o", folder.At("out"), "--best", folder.At("none"))
            .AssertErrorWithHint(1, "none", "no such file");
        SharpSegProcess.Run("postprocess", validation, "-o", validation, "--work", trained.Work)
            .AssertErrorWithHint(1, "validation", "is an input");
        var best = JsonNode.Parse(File.ReadAllText(Path.Combine(trained.Work, "best.json")))!;
        best["postprocessing"]!["keep_largest_component"] = new JsonArray(new JsonArray(1, 5));
        File.WriteAllText(folder.At("best.json"), best.ToJsonString());
        SharpSegProcess.Run("postprocess", validation, "-o", folder.At("out"), "--best", folder.At("best.json"))
            .AssertErrorWithHint(1, "best.json", "label 5");
        Assert.False(Directory.Exists(folder.At("out")));
    }

    /// <param name="expected">A folder of segmentations.</param>
    /// <param name="actual">Another.</param>
    /// <param name="share">Voxels of a case that may differ.</param>
    private static void AssertSame(string expected, string actual, double share = 0)
    {
        var names = Directory.GetFiles(expected, "*.nii.gz").Select(path => Path.GetFileName(path)).Order().ToArray();
        Assert.NotEmpty(names);
        Assert.Equal(names, Directory.GetFiles(actual, "*.nii.gz").Select(path => Path.GetFileName(path)).Order());
        Assert.All(names, name =>
        {
            var (a, b) = (ImageFile.ReadLabels(Path.Combine(expected, name)), ImageFile.ReadLabels(Path.Combine(actual, name)));
            var different = a.Voxels.Zip(b.Voxels, (x, y) => x != y).Count(differs => differs);
            Assert.Equal(a.Voxels.Length, b.Voxels.Length);
            Assert.InRange(different, 0, share * a.Voxels.Length);
            Assert.Equal(a.Geometry.RawHeader, b.Geometry.RawHeader);
        });
    }
}
