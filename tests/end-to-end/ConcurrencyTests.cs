using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>Processes that are started together all finish, and what may not run twice says so.</summary>
[Collection(TrainedWorkspaceTests.Interruptions)]
public sealed class ConcurrencyTests(TrainedWorkspace trained)
{
    private static int Rounds =>
        int.TryParse(Environment.GetEnvironmentVariable("SHARPSEG_TEST_ROUNDS"), out var rounds) ? rounds : 1;

    [Fact]
    public void Parts_of_a_prediction_that_start_together_all_finish()
    {
        for (var round = 0; round < Rounds; round++)
        {
            using var folder = new TemporaryFolder();
            string[] predict =
                ["predict", trained.Work, "-i", Path.Combine(trained.Dataset, "imagesTr"), "-o", folder.At("out"), "--threads",
                    "1", "--no-tta", "--parts", "4"];
            var running = Enumerable.Range(0, 4)
                .Select(part => SharpSegProcess.Start([.. predict, "--part", $"{part}"])).ToArray();
            var outcomes = running.Select(process => process.WaitForEnd()).ToArray();
            Assert.All(outcomes, outcome => Assert.True(outcome.Code == 0, outcome.Errors));
            Assert.Equal(
                ["case_0.nii.gz", "case_1.nii.gz", "case_2.nii.gz", "case_3.nii.gz", "case_4.nii.gz", "case_5.nii.gz",
                    "dataset.json", "log.part-0.txt", "log.part-1.txt", "log.part-2.txt", "log.part-3.txt", "plans.json",
                    "run.part-0.json", "run.part-1.json", "run.part-2.json", "run.part-3.json"],
                Directory.GetFiles(folder.At("out")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Folds_that_start_together_all_finish_with_the_bytes_they_have_alone()
    {
        for (var round = 0; round < Rounds; round++)
        {
            using var folder = new TemporaryFolder();
            var work = folder.Copy(trained.Planned, "work");
            string[] Train(string work, int fold) =>
                ["train", work, "-f", $"{fold}", "--epochs", "1", "--iterations", "2", "--batch", "2", "--threads", "1",
                    "--device", "cpu"];
            var running = Enumerable.Range(0, 3).Select(fold => SharpSegProcess.Start(Train(work, fold))).ToArray();
            Assert.All(
                running.Select(process => process.WaitForEnd()).ToArray(), outcome =>
                    Assert.True(outcome.Code == 0, outcome.Errors));
            Assert.Equal(0, WorkspaceFiles.AssertAllWhole(work));
            var alone = folder.Copy(trained.Planned, "alone");
            SharpSegProcess.Succeed(Train(alone, 1));
            var final = Path.Combine("runs", "3d_fullres", "fold_1", "checkpoint_final.safetensors");
            Assert.Equal(
                WorkspaceFiles.ReadTensors(Path.Combine(alone, final)), WorkspaceFiles.ReadTensors(Path.Combine(work, final)));
        }
    }

    [FactWith(Needs.Signals)]
    public void A_run_that_is_being_trained_is_not_trained_a_second_time()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        using var first = SharpSegProcess.Start(
            "train", work, "--epochs", "500", "--iterations", "50", "--batch", "2", "--threads", "1");
        first.Reach(() => File.Exists(Path.Combine(run, ".lock")));
        SharpSegProcess.Run("train", work, "--epochs", "500", "--threads", "1")
            .AssertErrorWithHint(1, run, "being trained by another process");
        first.Signal("KILL");
        first.WaitForEnd();

        // The lock of a killed process is none.
        SharpSegProcess.Succeed("train", work, "--resume", "--epochs", "1", "--iterations", "1", "--batch", "2");
        Assert.False(File.Exists(Path.Combine(run, ".lock")));
    }

    [FactWith(Needs.Signals)]
    public void A_run_has_one_process_also_where_the_file_system_knows_no_locks()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        (string, string)[] withoutLocks = [("DOTNET_SYSTEM_IO_DISABLEFILELOCKING", "1")];
        using var first = SharpSegProcess.StartWith(
            withoutLocks, "train", work, "--epochs", "500", "--iterations", "50", "--batch", "2", "--threads", "1");
        first.Reach(() => File.Exists(Path.Combine(run, ".owner.lock")));
        using var second = SharpSegProcess.StartWith(
            withoutLocks, "train", work, "--epochs", "1", "--iterations", "1", "--batch", "2", "--threads", "1");
        second.WaitForEnd().AssertErrorWithHint(1, run, $"being trained by another process (process {first.Id} on ");
        first.Signal("TERM");
        first.WaitForEnd();
        Assert.False(File.Exists(Path.Combine(run, ".owner.lock")));
    }

    /// <summary>Where locks do not count, nobody's working folder is taken for that of a killed process.</summary>
    [Fact]
    public void Working_folders_are_swept_only_where_locks_say_that_nobody_holds_them()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Work, "work");
        var other = Path.Combine(work, "runs", "3d_fullres", ".sharpseg-scratch-other");
        Directory.CreateDirectory(other);
        File.WriteAllText(Path.Combine(other, ".lock"), "");
        string[] findBest = ["find-best", work, "-f", "0", "--trained-only"];
        using var unlocked = SharpSegProcess.StartWith([("DOTNET_SYSTEM_IO_DISABLEFILELOCKING", "1")], findBest);
        Assert.Equal(0, unlocked.WaitForEnd().Code);
        Assert.True(Directory.Exists(other));
        SharpSegProcess.Succeed(findBest);
        Assert.False(Directory.Exists(other));
    }
}
