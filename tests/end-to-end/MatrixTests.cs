using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Folds × configurations: from a dataset to the best model in one command that may be killed, and lists of folds everywhere.
/// </summary>
public sealed class MatrixTests
{
    private static readonly string[] Schedule = ["--epochs", "1", "--iterations", "2", "--batch", "2"];

    [Fact]
    public void The_whole_matrix_is_one_command_that_may_be_killed()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        string[] auto =
            ["auto", dataset, "-o", folder.At("work"), "--folds", "all", "--configurations", "all", "--max-time", "60s"];
        Kill(auto, "3 of 8 runs done");
        SharpSegProcess.Run(auto).AssertErrorWithHint(1, "already holds trained runs");
        Kill([.. auto, "--resume"], "6 of 8 runs done");
        var kept = File.GetLastWriteTimeUtc(
            Path.Combine(folder.At("work"), "runs", "2d", "fold_0", "checkpoint_final.safetensors"));

        // What is left goes to two devices, one run each.
        var outcome = SharpSegProcess.Succeed([.. auto, "--resume", "--json", "--devices", "cpu,cpu", "--threads", "2"]);
        var json = outcome.Json();
        Assert.Equal(4, (int)json["cases"]!);
        Assert.Equal(["0", "1", "2", "3"], json["folds"]!.AsArray().Select(fold => (string)fold!));
        var trained = (int)json["trained_now"]!;
        Assert.InRange(trained, 1, 2);
        Assert.Equal(
            trained,
            Regex.Matches(outcome.Errors, @"cpu \(([12])\): train ").Select(match => match.Groups[1].Value).Distinct().Count());
        Assert.Contains("of validation probabilities", outcome.Errors, StringComparison.Ordinal);
        Assert.Equal(
            kept, File.GetLastWriteTimeUtc(
                Path.Combine(folder.At("work"), "runs", "2d", "fold_0", "checkpoint_final.safetensors")));
        Assert.True(File.Exists(Path.Combine(folder.At("work"), "best.json")));

        SharpSegProcess.Succeed(
            "predict", (string)json["model"]!, "-i", TinyDataset.Image(dataset, "case_0"), "--no-tta", "-o", folder.At("out"));
        Assert.Equal(TinyDataset.Size, ImageFile.ReadLabels(folder.At("out", "case_0.nii.gz")).Extent);

        // Nothing is trained again, and the table says so.
        var again = SharpSegProcess.Succeed([.. auto, "--resume"]);
        Assert.DoesNotContain("train 2d, fold", again.Errors, StringComparison.Ordinal);
        Assert.Equal(8, again.Output.Split("done").Length - 1);
    }

    [Fact]
    public void Train_all_runs_the_stages_of_a_cascade_in_order()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 2);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--memory", "0.0015GB");
        SharpSegProcess.Succeed("preprocess", work);
        var json = SharpSegProcess.Succeed(["train", work, "--all", .. Schedule, "--json"]).Json();
        Assert.Equal(
            [
                "3d_lowres 0", "3d_lowres 1", "3d_cascade_fullres 0", "3d_cascade_fullres 1", "2d 0", "2d 1", "3d_fullres 0",
                "3d_fullres 1",
            ],
            json["runs"]!.AsArray().Select(run => $"{run!["configuration"]} {run["fold"]}"));

        // Every pair can be compared: the probabilities were kept.
        Assert.Equal(10, SharpSegProcess.Succeed("find-best", work, "--json").Json()["scores"]!.AsArray().Count);
        var matrix = TrainingMatrix.Of(
            new Workspace(work), AutoPlanner.Datasets.Dataset.Open(dataset), ["3d_cascade_fullres"], ["0"],
            withFirstStages: true);
        Assert.Equal(
            ["3d_lowres 0", "3d_lowres 1", "3d_cascade_fullres 0"],
            matrix.Cells.Select(cell => $"{cell.Configuration} {cell.Fold}"));
        Assert.All(matrix.Cells, cell => Assert.True(matrix.IsDone(cell)));
        Assert.Equal((0, 0), matrix.DiskBytes(_ => SavedProbabilities.Compact));
    }

    [Fact]
    public void Folds_are_lists_and_every_case_has_a_name_of_its_own()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d,3d_fullres");
        var outcome = SharpSegProcess.Succeed(["train", work, "-c", "2d", "-f", "0,2,every-case", .. Schedule]);
        Assert.Contains("2d fold every-case: mean foreground Dice", outcome.Output, StringComparison.Ordinal);
        Assert.Equal(
            ["fold_0", "fold_2", "fold_every-case"],
            Directory.GetDirectories(Path.Combine(work, "runs", "2d")).Select(Path.GetFileName).Order());
        SharpSegProcess.Succeed(
            "predict", work, "-c", "2d", "-f", "every-case", "-i", TinyDataset.Image(dataset, "case_0"), "--no-tta", "-o",
            folder.At("out"));

        // A matrix of which nothing is left, and nothing can be compared, has its scores.
        SharpSegProcess.Succeed(["train", work, "-c", "3d_fullres", "-f", "every-case", .. Schedule]);
        var done = SharpSegProcess.Succeed(
            "auto", dataset, "-o", work, "--resume", "-c", "2d,3d_fullres", "-f", "every-case", "--json").Json();
        Assert.Equal(0, (int)done["trained_now"]!);
        Assert.Equal(4, (int)done["cases"]!);
    }

    [Fact]
    public void What_is_done_is_not_taken_for_what_is_asked_for()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var work = folder.At("work");
        var recipe = folder.At("recipe.json");
        File.WriteAllText(recipe, """{"augmentation_strength": 0.5}""");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
        SharpSegProcess.Succeed(["train", work, "-c", "2d", "-f", "0,1", .. Schedule]);
        var start = Path.Combine(work, "runs", "2d", "fold_1", "checkpoint_final.safetensors");
        string[] auto = ["auto", dataset, "-o", work, "--resume", "-c", "2d", "-f", "0,1"];
        string[] jobs = ["jobs", "train", work, "-c", "2d", "-f", "0,1", "--local", "1", "--device", "cpu"];
        string[] train = ["train", work, "-c", "2d", "-f", "0,1", "--resume"];
        void Refuses(string says, string[] command, params string[] asked) =>
            SharpSegProcess.Run([.. command, .. asked]).AssertErrorWithHint(1, says);
        foreach (var command in new[] { auto, jobs, train })
        {
            Refuses("trained with seed 12345, not 9", command, "--seed", "9");
            Refuses("begun with its profile's settings, not with loss ce", command, "--loss", "ce");
            Refuses(", recipe published, and cannot be lengthened or changed", command, "--recipe", recipe);
        }

        Refuses("finished after 1 epoch", jobs, "--epochs", "500");
        Refuses("started from random weights, not from checkpoint_final.safetensors", jobs, "--pretrained", start);
        Refuses("started from random weights, not from checkpoint_final.safetensors", train, "--pretrained", start);
        Assert.DoesNotContain(
            "train 2d, fold", SharpSegProcess.Succeed([.. auto, "--loss", "dice_ce"]).Errors, StringComparison.Ordinal);
        SharpSegProcess.Succeed([.. jobs, "--epochs", "1"]);
    }

    /// <summary>Starts a command and kills it, without warning, once it has said something.</summary>
    private static void Kill(string[] command, string when)
    {
        using var running = SharpSegProcess.Start(command);
        running.Reach(() => running.Errors.Contains(when, StringComparison.Ordinal));
        running.Signal("KILL");
        running.WaitForEnd();
    }
}
