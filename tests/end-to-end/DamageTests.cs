using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A bit that flips on the disk is noticed before it can change a result.</summary>
[Collection(TrainedWorkspaceTests.Interruptions)]
public sealed class DamageTests(TrainedWorkspace trained)
{
    private static readonly string[] Schedule = ["--epochs", "6", "--iterations", "4", "--batch", "2"];

    [Fact]
    public void A_flipped_bit_in_the_weights_is_refused_by_every_reader()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        Flip(Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors"), fromEnd: 5000);
        var image = TinyDataset.Image(trained.Dataset, "case_0");
        SharpSegProcess.Run("predict", work, "-i", image, "-o", folder.At("out"))
            .AssertErrorWithHint(1, "checkpoint_final.safetensors", "is damaged");
        SharpSegProcess.Run("export", work, "-o", folder.At("model.zip"))
            .AssertErrorWithHint(1, "checkpoint_final.safetensors", "is damaged");
        Directory.Delete(Path.Combine(work, "runs", "3d_fullres", "fold_0", "validation"), recursive: true);
        SharpSegProcess.Run("train", work, "--resume", "--seed", "7")
            .AssertErrorWithHint(1, "checkpoint_final.safetensors", "is damaged");

        var model = folder.At("good.zip");
        SharpSegProcess.Succeed("export", trained.Work, "-o", model);
        Flip(model, fromEnd: 5000);
        SharpSegProcess.Run("predict", model, "-i", image, "-o", folder.At("out2")).AssertErrorWithHint(1, "good.zip");
    }

    [Fact]
    public void A_flipped_bit_in_a_preprocessed_case_is_refused_in_training_and_validation()
    {
        using var folder = new TemporaryFolder();
        foreach (var ending in new[] { "image", "labels", "locations" })
        {
            var work = folder.Copy(trained.Planned, "work-" + ending);
            foreach (var file in Directory.GetFiles(
                Path.Combine(work, "preprocessed"), "*." + ending, SearchOption.AllDirectories))
            {
                Flip(file, fromEnd: 10);
            }

            SharpSegProcess.Run(["train", work, .. Schedule]).AssertErrorWithHint(1, "." + ending, "the file is damaged");
        }

        var validated = folder.Copy(trained.Work, "validated");
        Directory.Delete(Path.Combine(validated, "runs", "3d_fullres", "fold_0", "validation"), recursive: true);
        foreach (var file in Directory.GetFiles(Path.Combine(validated, "preprocessed"), "*.image", SearchOption.AllDirectories))
        {
            Flip(file, fromEnd: 10);
        }

        SharpSegProcess.Run("train", validated, "--resume", "--seed", "7")
            .AssertErrorWithHint(1, ".image", "the file is damaged");
    }

    [FactWith(Needs.Signals)]
    public void A_damaged_latest_checkpoint_is_left_for_the_best_one()
    {
        using var folder = new TemporaryFolder();
        var undisturbed = folder.Copy(trained.Planned, "undisturbed");
        SharpSegProcess.Succeed(["train", undisturbed, "--threads", "1", .. Schedule]);
        var work = folder.Copy(trained.Planned, "work");
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        using (var training = SharpSegProcess.Start(["train", work, "--threads", "1", .. Schedule]))
        {
            training.Reach(() => File.Exists(Path.Combine(run, "checkpoint_best.safetensors")));
            training.Signal("INT");
            training.WaitForEnd().AssertError(130);
        }

        Flip(Path.Combine(run, "checkpoint_latest.safetensors"), fromEnd: 5000);
        var resumed = SharpSegProcess.Succeed("train", work, "--resume", "--threads", "1");
        Assert.Contains("going back to checkpoint_best.safetensors", resumed.Errors, StringComparison.Ordinal);
        Assert.Contains("resumed from checkpoint_best.safetensors", resumed.Errors, StringComparison.Ordinal);
        var final = Path.Combine("runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors");
        Assert.Equal(
            WorkspaceFiles.ReadTensors(Path.Combine(undisturbed, final)), WorkspaceFiles.ReadTensors(Path.Combine(work, final)));
    }

    private static void Flip(string path, int fromEnd)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^Math.Min(fromEnd, bytes.Length)] ^= 4;
        File.WriteAllBytes(path, bytes);
    }
}
