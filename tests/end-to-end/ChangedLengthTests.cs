using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What is asked of a training's length counts, or is refused by name; unequal and unfinished folds are told.</summary>
[Collection(TrainedWorkspaceTests.Interruptions)]
public sealed class ChangedLengthTests(TrainedWorkspace trained)
{
    [FactWith(Needs.Signals)]
    public void An_interrupted_run_takes_another_number_of_epochs_and_says_so()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        using (var training = SharpSegProcess.Start("train", work, "--epochs", "50", "--iterations", "4", "--batch", "2"))
        {
            training.Reach(() => File.Exists(Path.Combine(run, "checkpoint_best.safetensors")));
            training.Signal("INT");
            training.WaitForEnd().AssertError(130);
        }

        SharpSegProcess.Run("train", work, "--resume", "--batch", "3").AssertErrorWithHint(1, "--batch 3", "begun with batch 2");
        SharpSegProcess.Run("train", work, "--resume", "--max-time", "1h")
            .AssertErrorWithHint(1, "--max-time", "fixed number of epochs");
        RefusesOtherSplits(work);
        var json = SharpSegProcess.Succeed("train", work, "--resume", "--epochs", "30", "--iterations", "2", "--json");
        Assert.Contains(
            "the schedule is changed: 30 epochs of 2 iterations instead of 50 of 4", json.Errors, StringComparison.Ordinal);
        Assert.Equal(30, (int)json.Json()["epochs"]!);
        var rates = File.ReadAllLines(Path.Combine(run, "log.jsonl")).Skip(1).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(30, rates.Length);

        // A finished one has no optimiser state: it is refused, whichever way the length differs.
        SharpSegProcess.Run("train", work, "--resume", "--epochs", "60")
            .AssertErrorWithHint(1, "finished after 30 epochs", "cannot be lengthened");
        SharpSegProcess.Run("train", work, "--resume", "--max-time", "1h").AssertErrorWithHint(1, "cannot be lengthened");
        SharpSegProcess.Succeed("train", work, "--resume", "--epochs", "30");
        SharpSegProcess.Succeed("train", work, "--resume");
        RefusesOtherSplits(work);
    }

    /// <summary>
    /// A network that goes on, or is scored, behind other splits knows cases that it is scored on; whatever else is asked.
    /// </summary>
    private static void RefusesOtherSplits(string work)
    {
        var file = Path.Combine(work, "splits.json");
        var before = File.ReadAllText(file);
        var folds = JsonNode.Parse(before)!.AsArray();
        File.WriteAllText(file, new JsonArray([.. folds.Reverse().Select(fold => fold!.DeepClone())]).ToJsonString());
        SharpSegProcess.Run("train", work, "--resume")
            .AssertErrorWithHint(1, "trained on other cases than fold 0 has now", "the splits were changed");
        File.WriteAllText(file, before);
    }

    [Fact]
    public void Folds_that_are_unfinished_or_trained_unequally_are_told()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        SharpSegProcess.Succeed("train", work, "-f", "1", "--epochs", "1", "--iterations", "1", "--batch", "2");
        var unfinished = folder.Copy(
            Path.Combine(work, "runs", "3d_fullres", "fold_0"), Path.Combine("work", "runs", "3d_fullres", "fold_2"));
        File.Delete(Path.Combine(unfinished, "checkpoint_final.safetensors"));
        var predicted = SharpSegProcess.Succeed(
            "predict", work, "-i", TinyDataset.Image(trained.Dataset, "case_0"), "-o", folder.At("out"));
        var exported = SharpSegProcess.Succeed("export", work, "-o", folder.At("model.zip"));
        foreach (var outcome in new[] { predicted, exported })
        {
            Assert.Contains(
                "trained unequally and count alike: fold 1 for 1 iteration, fold 0 for 4", outcome.Errors,
                StringComparison.Ordinal);
            Assert.Contains("fold 2 of 3d_fullres is not finished", outcome.Errors, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("unequally", SharpSegProcess.Succeed(
            "predict", work, "-i", TinyDataset.Image(trained.Dataset, "case_0"), "-o", folder.At("one"), "-f", "0").Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Fold_all_says_what_it_is()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var outcome = SharpSegProcess.Succeed(
            "train", work, "-f", "every-case", "--epochs", "1", "--iterations", "1", "--batch", "2");
        Assert.Contains("`every-case` is ONE network that learns from all 6 cases", outcome.Errors, StringComparison.Ordinal);
    }
}
