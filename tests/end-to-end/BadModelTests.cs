using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What is wrong with a workspace, a model or an input is said in one line, and what is there stays there.</summary>
[Collection(TrainedWorkspaceTests.Refusals)]
public sealed class BadModelTests(TrainedWorkspace trained)
{
    [Fact]
    public void Training_needs_a_plan()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Run("train", folder.At("work")).AssertErrorWithHint(1, "plans.json", "no such file");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Training_needs_preprocessed_cases()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        Directory.Delete(Path.Combine(work, "preprocessed"), recursive: true);
        SharpSegProcess.Run("train", work, "--epochs", "1", "--iterations", "1")
            .AssertErrorWithHint(1, "case_", "not preprocessed");
    }

    [Theory]
    [InlineData(2, "--folds nine", "-f", "nine")]
    [InlineData(2, "--folds -3", "-f", "-3")]
    [InlineData(1, "4d_fullres", "-c", "4d_fullres")]
    public void Training_needs_a_fold_and_a_configuration_that_exist(int code, string says, params string[] options) =>
        SharpSegProcess.Run(["train", trained.Planned, "--epochs", "1", .. options]).AssertError(code, says);

    [Fact]
    public void A_finished_run_is_not_trained_over()
    {
        var before = FolderSnapshot.Of(trained.Work, "run.json", "log.txt");
        SharpSegProcess.Run("train", trained.Work, "--epochs", "1", "--iterations", "1", "--seed", "7")
            .AssertErrorWithHint(1, "checkpoint_final.safetensors", "finished");
        SharpSegProcess.Run("auto", trained.Dataset, "-o", trained.Work, "--max-time", "1m")
            .AssertErrorWithHint(1, "already holds trained runs");
        SharpSegProcess.Run("train", trained.Work, "--resume", "--seed", "8").AssertErrorWithHint(1, "seed 7, not 8");
        before.AssertUnchanged();
    }

    [Fact]
    public void A_workspace_is_not_given_another_dataset_or_other_plans()
    {
        using var folder = new TemporaryFolder();
        var other = TinyDataset.Write(folder.At("other"), cases: 7);
        var before = FolderSnapshot.Of(trained.Work, "run.json", "log.txt");
        foreach (var command in new string[][] { ["plan", other, "-o", trained.Work],
            ["auto", other, "-o", trained.Work, "--resume", "--max-time", "1m"] })
        {
            SharpSegProcess.Run(command).AssertErrorWithHint(1, trained.Work, trained.Dataset, other);
        }

        SharpSegProcess.Run("plan", trained.Dataset, "-o", trained.Work, "--profile", "classic")
            .AssertErrorWithHint(1, trained.Work, "3d_fullres", "classic");
        before.AssertUnchanged();
    }

    [Fact]
    public void Preprocessing_and_training_notice_that_the_data_changed()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        TinyDataset.Spoil(TinyDataset.Image(dataset, "case_3"), 1000);
        SharpSegProcess.Run("preprocess", work).AssertErrorWithHint(1, dataset, work, "has changed since");
        SharpSegProcess.Run("train", work).AssertErrorWithHint(1, dataset, work, "has changed since");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
    }

    [Fact]
    public void What_is_no_workspace_is_told_what_it_is()
    {
        using var folder = new TemporaryFolder();
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        foreach (var arguments in new string[][]
        {
            ["train", model], ["export", model, "-o", folder.At("again.zip")], ["find-best", model], ["preprocess", model],
            ["trace", model, "case_0", "-o", folder.At("trace")],
        })
        {
            SharpSegProcess.Run(arguments).AssertErrorWithHint(1, $"`{model}` is a file");
        }

        SharpSegProcess.Run("find-best", trained.Dataset)
            .AssertErrorWithHint(1, "is a dataset, not a workspace");
        foreach (var checkpoint in new[] { "best", "latest" })
        {
            SharpSegProcess.Run("predict", model, "-i", Image("case_0"), "-o", folder.At("out"), "--checkpoint", checkpoint)
                .AssertErrorWithHint(1, "holds final checkpoints only");
        }

        var work = folder.Copy(trained.Work, "work");
        File.Delete(Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_best.safetensors"));
        SharpSegProcess.Run("predict", work, "-i", Image("case_0"), "-o", folder.At("out"), "--checkpoint", "best", "-f", "0")
            .AssertErrorWithHint(1, "has no best checkpoint of 3d_fullres");
        SharpSegProcess.Run("inspect", work, "--scan", folder.At("nosuch")).AssertError(1, "no such file");
        Assert.False(Directory.Exists(folder.At("out")));
    }

    [Fact]
    public void A_workspace_means_its_dataset_where_one_is_checked_or_repaired()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Succeed("verify", trained.Planned);
        SharpSegProcess.Succeed("verify", trained.Planned, "--fix", folder.At("copy"));
        Assert.Equal(6, Directory.GetFiles(folder.At("copy", "labelsTr")).Length);
        SharpSegProcess.Run("verify", trained.Planned, "--fix", Path.Combine(trained.Dataset, "copy"))
            .AssertErrorWithHint(1, "never written to");
    }

    [Fact]
    public void Predicting_needs_a_trained_model()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Run("predict", trained.Planned, "-i", Image("case_0"), "-o", folder.At("out"))
            .AssertErrorWithHint(1, "no trained model");
        SharpSegProcess.Run("predict", trained.Work, "-i", Image("case_0"), "-o", folder.At("out"), "-f", "3")
            .AssertErrorWithHint(1, "fold_3");
        SharpSegProcess.Run("predict", trained.Work, "-i", Image("case_0"), "-o", folder.At("out"), "--checkpoint", "worst")
            .AssertErrorWithHint(2, "--checkpoint worst");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("cut")]
    [InlineData("rubbish")]
    [InlineData("empty")]
    public void A_damaged_checkpoint_is_named(string damage)
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        var path = Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors");
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, damage switch
        {
            "cut" => bytes[..(bytes.Length / 2)],
            "rubbish" => [.. bytes.Select(b => (byte)~b)],
            _ => [],
        });
        SharpSegProcess.Run("predict", work, "-i", Image("case_0"), "-o", folder.At("out"))
            .AssertErrorWithHint(1, "checkpoint_final.safetensors");
        SharpSegProcess.Run("train", work, "--resume", "--seed", "7").AssertErrorWithHint(1, "checkpoint_final.safetensors");
    }

    [Fact]
    public void A_checkpoint_of_other_plans_is_refused()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        var path = Path.Combine(work, "plans.json");
        var plans = JsonNode.Parse(File.ReadAllText(path))!;
        var features = Find(plans["configurations"]!["3d_fullres"]!.AsObject(), "features_per_stage")!.AsArray();
        features[0] = 8;
        File.WriteAllText(path, plans.ToJsonString());
        SharpSegProcess.Run("predict", work, "-i", Image("case_0"), "-o", folder.At("out"))
            .AssertErrorWithHint(1, "checkpoint_final.safetensors", "does not fit the plan");
    }

    [Fact]
    public void Broken_plans_are_named()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        File.WriteAllText(Path.Combine(work, "plans.json"), "{");
        SharpSegProcess.Run("train", work, "--epochs", "1").AssertError(1, "plans.json");
        File.WriteAllText(Path.Combine(work, "plans.json"), """{"plans_name": "x"}""");
        SharpSegProcess.Run("train", work, "--epochs", "1").AssertError(1, "plans.json");
    }

    [Fact]
    public void A_dataset_that_is_gone_is_named()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var path = Path.Combine(work, "dataset.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace(trained.Dataset, folder.At("gone"), StringComparison.Ordinal));
        SharpSegProcess.Run("preprocess", work).AssertErrorWithHint(1, folder.At("gone"), "is gone");
    }

    [Fact]
    public void Inputs_are_looked_at_before_anything_is_written()
    {
        using var folder = new TemporaryFolder();
        var input = Directory.CreateDirectory(folder.At("in")).FullName;
        string Predict(string file)
        {
            SharpSegProcess.Run("predict", trained.Work, "-i", file, "-o", folder.At("out"))
                .AssertError(1, Path.GetFileName(file).Replace(".nii.gz", "", StringComparison.Ordinal));
            return file;
        }

        Predict(folder.At("in", "absent.nii.gz"));
        Predict(input); // empty
        var channels = Predict(Changed("channels.nii.gz", TwoChannels));
        SharpSegProcess.Run("predict", trained.Work, "-i", channels, "-o", folder.At("out"))
            .AssertErrorWithHint(1, "2 channels", "trained on 1 (T1)");
        Predict(Changed("rubbish.nii.gz", bytes => [.. bytes.Select(b => (byte)~b)]));
        Assert.False(Directory.Exists(folder.At("out")));

        string Changed(string name, Func<byte[], byte[]> change)
        {
            var path = Path.Combine(input, name);
            File.Copy(Image("case_0"), path);
            TinyDataset.Rewrite(path, change);
            return path;
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Voxels_that_are_no_numbers_are_not_predicted(float value)
    {
        using var folder = new TemporaryFolder();
        var path = folder.At("scan.nii.gz");
        File.Copy(Image("case_0"), path);
        TinyDataset.Spoil(path, value);
        SharpSegProcess.Run("predict", trained.Work, "-i", path, "-o", folder.At("out"))
            .AssertErrorWithHint(1, "`scan`", "not numbers");
        Assert.False(File.Exists(folder.At("out", "scan.nii.gz")));
    }

    [Fact]
    public void Predictions_never_replace_inputs_datasets_or_the_workspace()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("in"));
        File.Copy(Image("case_0"), folder.At("in", "scan.nii.gz"));
        var before = FolderSnapshot.Of(folder.Path);
        SharpSegProcess.Run("predict", trained.Work, "-i", folder.At("in"), "-o", folder.At("in"))
            .AssertErrorWithHint(1, "`scan`", "would replace");
        before.AssertUnchanged();

        var (dataset, work) = (FolderSnapshot.Of(trained.Dataset), FolderSnapshot.Of(trained.Work));
        SharpSegProcess.Run("predict", trained.Work, "-i", Image("case_0"), "-o", trained.Dataset)
            .AssertErrorWithHint(1, "holds a dataset");
        SharpSegProcess.Run("predict", trained.Work, "-i", Image("case_0"), "-o", trained.Work)
            .AssertErrorWithHint(1, "is a workspace itself");
        SharpSegProcess.Run("plan", trained.Dataset, "-o", trained.Dataset).AssertErrorWithHint(1, "holds a dataset");
        SharpSegProcess.Run("auto", trained.Dataset, "-o", trained.Dataset, "--max-time", "1m")
            .AssertErrorWithHint(1, "holds a dataset");
        dataset.AssertUnchanged();
        work.AssertUnchanged();
    }

    [Fact]
    public void Scores_need_predictions_on_the_references_grid_and_count_the_missing_ones()
    {
        using var folder = new TemporaryFolder();
        var predictions = Directory.CreateDirectory(folder.At("predictions")).FullName;
        string[] evaluate = ["evaluate", predictions, Path.Combine(trained.Dataset, "labelsTr")];
        SharpSegProcess.Run(evaluate).AssertError(1, "predictions");
        File.Copy(TinyDataset.Label(trained.Dataset, "case_0"), Path.Combine(predictions, "case_0.nii.gz"));
        SharpSegProcess.Run([.. evaluate, "--require-all"]).AssertErrorWithHint(1, "case_1");
        var partial = SharpSegProcess.Succeed([.. evaluate, "--json"]);
        Assert.Equal(5, (int)partial.Json()["missing"]!);
        Assert.Contains("5 of 6 references have no prediction", partial.Errors, StringComparison.Ordinal);
        File.Delete(Path.Combine(predictions, "summary.json"));
        ImageFile.WriteLabels(
            Path.Combine(predictions, "case_1.nii.gz"), TinyDataset.Labels(1),
            TinyDataset.Geometry(new Extent(20, 16, 16), new Spacing(1, 1, 1)), 2);
        SharpSegProcess.Run(evaluate).AssertErrorWithHint(3, "`case_1`", "20×16×16", "16×20×16"); // the others are scored
        var scored = JsonNode.Parse(File.ReadAllText(Path.Combine(predictions, "summary.json")))!;
        Assert.Single(scored["metric_per_case"]!.AsArray());
        SharpSegProcess.Run("evaluate", folder.At("none"), predictions).AssertErrorWithHint(1, "none", "no such folder");
        SharpSegProcess.Run("evaluate", predictions, predictions).AssertErrorWithHint(1, "no dataset.json");
    }

    private string Image(string id) => TinyDataset.Image(trained.Dataset, id);

    private static JsonNode? Find(JsonObject node, string key) =>
        node.TryGetPropertyValue(key, out var value)
            ? value
            : node.Select(pair => pair.Value).OfType<JsonObject>()
                .Select(inner => Find(inner, key)).FirstOrDefault(inner => inner is not null);

    /// <summary>
    /// A fourth axis of two: NIfTI-1 keeps the number of axes at byte 40, the axes behind it, and the voxels from 352 on.
    /// </summary>
    private static byte[] TwoChannels(byte[] bytes)
    {
        BitConverter.GetBytes((short)4).CopyTo(bytes, 40);
        BitConverter.GetBytes((short)2).CopyTo(bytes, 48);
        return [.. bytes, .. bytes[352..]];
    }
}
