using System.Text.Json.Nodes;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A training that is killed or interrupted goes on with --resume, and no file is ever half-written.</summary>
[Collection(TrainedWorkspaceTests.Interruptions)]
public sealed class InterruptionTests(TrainedWorkspace trained)
{
    private const int FewestEpochs = 6;

    private static string[] Schedule(int epochs) => ["--epochs", $"{epochs}", "--iterations", "4", "--batch", "2"];

    [FactWith(Needs.Signals)]
    public void A_killed_training_is_resumed_to_its_end()
    {
        Repeat((folder, epochs) =>
        {
            var work = folder.Copy(trained.Planned, "work");
            var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
            var best = Path.Combine(run, "checkpoint_best.safetensors");
            if (!KilledWhen(["train", work, .. Schedule(epochs)], () => File.Exists(best)))
            {
                return false;
            }

            WorkspaceFiles.AssertAllWhole(work);

            // Without --resume nothing is trained over; with it, the run goes on, is killed while it predicts, and goes on.
            SharpSegProcess.Run(["train", work, .. Schedule(epochs)]).AssertErrorWithHint(1, "already holds a run");
            if (!KilledWhen(["train", work, "--resume"], () => Directory.Exists(Path.Combine(run, "validation"))))
            {
                return false;
            }

            WorkspaceFiles.AssertAllWhole(work);
            AssertFinished(SharpSegProcess.Succeed("train", work, "--resume", "--json"), run, epochs);
            WorkspaceFiles.AssertAllWhole(work);
            return true;
        });
    }

    [FactWith(Needs.Signals)]
    public void A_killed_preparation_is_taken_up_again()
    {
        Repeat((folder, _) =>
        {
            var work = folder.Copy(trained.Planned, "work");
            var preprocessed = Path.Combine(work, "preprocessed");
            Directory.Delete(preprocessed, recursive: true);
            if (!KilledWhen(["preprocess", work], () => Directory.Exists(preprocessed)
                && Directory.EnumerateFiles(preprocessed, "*.json", SearchOption.AllDirectories).Any()))
            {
                return false;
            }

            WorkspaceFiles.AssertAllWhole(work);
            SharpSegProcess.Succeed("preprocess", work, "-c", "3d_fullres");
            WorkspaceFiles.AssertAllWhole(work);
            Assert.Equal(
                ImagesOf(trained.Planned).Select(File.ReadAllBytes),
                ImagesOf(work).Where(path => path.Contains("3d_fullres", StringComparison.Ordinal)).Select(File.ReadAllBytes));
            return true;
        });
    }

    [TheoryWith(Needs.Signals)]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    public void An_interrupted_training_saves_and_goes_on(string signal)
    {
        Repeat((folder, epochs) =>
        {
            var work = folder.Copy(trained.Planned, "work");
            var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
            using (var training = SharpSegProcess.Start(["train", work, .. Schedule(epochs)]))
            {
                training.Reach(() => File.Exists(Path.Combine(run, "checkpoint_best.safetensors")));
                training.Signal(signal);
                var outcome = training.WaitForEnd();
                if (File.Exists(Path.Combine(run, "checkpoint_final.safetensors")))
                {
                    return false;
                }

                outcome.AssertErrorWithHint(130, "interrupted", "saved");
            }

            Assert.True(File.Exists(Path.Combine(run, "checkpoint_latest.safetensors")));
            Assert.Equal(0, WorkspaceFiles.AssertAllWhole(work));

            var resumed = SharpSegProcess.Succeed("train", work, "--resume", "--json");
            Assert.Contains("resumed from checkpoint_latest.safetensors", resumed.Errors, StringComparison.Ordinal);
            AssertFinished(resumed, run, epochs);
            Assert.Equal(0, WorkspaceFiles.AssertAllWhole(work));
            return true;
        });
    }

    /// <summary>As after nohup(1), which ignores the signal of a closed terminal before it starts the program.</summary>
    [FactWith(Needs.Signals)]
    public void A_training_under_nohup_continues_when_the_terminal_is_closed()
    {
        using var folder = new TemporaryFolder();
        var work = folder.Copy(trained.Planned, "work");
        var run = Path.Combine(work, "runs", "3d_fullres", "fold_0");
        using var training = SharpSegProcess.StartUnderNohup(["train", work, .. Schedule(FewestEpochs)]);
        training.Reach(() => File.Exists(Path.Combine(run, "checkpoint_best.safetensors")));
        training.Signal("HUP");
        Assert.Equal(0, training.WaitForEnd().Code);
        Assert.True(File.Exists(Path.Combine(run, "checkpoint_final.safetensors")));
    }

    [TheoryWith(Needs.Signals)]
    [InlineData("verify", "DATASET")]
    [InlineData("plan", "DATASET", "-o", "WORK")]
    [InlineData("auto", "DATASET", "-o", "WORK")]
    [InlineData("evaluate", "DATASET/labelsTr", "REFERENCES")]
    public void Reading_answers_an_interruption_at_once(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        TinyDataset.MakeSlow(TinyDataset.Label(dataset, "case_1"));
        string[] placed =
        [
            .. arguments.Select(
                argument => argument.Replace("DATASET", dataset, StringComparison.Ordinal)
                    .Replace("WORK", folder.At("work"), StringComparison.Ordinal)
                .Replace("REFERENCES", Path.Combine(trained.Dataset, "labelsTr"), StringComparison.Ordinal)),
        ];
        using var running = SharpSegProcess.Start(placed);
        running.Reach(() => running.Errors.Contains("case 1/6", StringComparison.Ordinal));
        running.Signal("INT");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        running.WaitForEnd().AssertError(130, "interrupted");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.Empty(FolderSnapshot.Of(folder.At("work"), "run.json", "log.txt").Names);
        Assert.False(File.Exists(Path.Combine(dataset, "labelsTr", "summary.json")));
    }

    /// <summary>A pipe that nobody writes to would be waited for without end.</summary>
    [TheoryWith(Needs.NamedPipes)]
    [InlineData("verify", "DATASET")]
    [InlineData("plan", "DATASET", "-o", "WORK")]
    [InlineData("predict", "PIPE", "-i", "DATASET/imagesTr", "-o", "WORK")]
    [InlineData("predict", "TRAINED", "-i", "PIPE", "-o", "WORK")]
    [InlineData("plan", "--fingerprint", "PIPE", "--dataset-json", "DATASET/dataset.json", "-o", "WORK")]
    [InlineData("plan", "--fingerprint", "DATASET/dataset.json", "--dataset-json", "PIPE", "-o", "WORK")]
    [InlineData("evaluate", "DATASET/labelsTr", "DATASET/labelsTr", "-d", "PIPE")]
    [InlineData("postprocess", "DATASET/labelsTr", "-o", "WORK", "-b", "PIPE")]
    [InlineData("predict", "TRAINED", "-i", "SERIES", "-o", "WORK")]
    [InlineData("import", "PIPE", "-o", "WORK.zip")]
    public void A_pipe_is_not_waited_for(params string[] arguments)
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"));
        var label = TinyDataset.Label(dataset, "case_1");
        File.Delete(label);
        Directory.CreateDirectory(folder.At("pipes"));
        foreach (var path in new[] { label, folder.At("pipe.nii.gz"), folder.At("pipes", "IM0001") })
        {
            using var mkfifo = System.Diagnostics.Process.Start("/usr/bin/mkfifo", [path]);
            mkfifo.WaitForExit();
        }

        string[] placed =
        [
            .. arguments.Select(
                argument => argument.Replace("DATASET", dataset, StringComparison.Ordinal)
                    .Replace("WORK", folder.At("work"), StringComparison.Ordinal)
                .Replace("PIPE", folder.At("pipe.nii.gz"), StringComparison.Ordinal)
                .Replace("SERIES", folder.At("pipes"), StringComparison.Ordinal)
                .Replace("TRAINED", trained.Work, StringComparison.Ordinal)),
        ];
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var outcome = SharpSegProcess.Run(placed);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("pipe", outcome.Output + outcome.Errors, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    [FactWith(Needs.Signals)]
    public void An_interrupted_prediction_goes_on_with_continue()
    {
        using var folder = new TemporaryFolder();
        string[] predict =
            ["predict", trained.Work, "-i", Path.Combine(trained.Dataset, "imagesTr"), "-o", folder.At("out"), "--threads", "1",
                "--step", "0.05"];
        using (var running = SharpSegProcess.Start(predict))
        {
            running.Reach(() => File.Exists(folder.At("out", "case_0.nii.gz")));
            running.Signal("INT");
            var outcome = running.WaitForEnd();
            outcome.AssertErrorWithHint(130, "interrupted");
            Assert.Contains("--continue", outcome.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("--resume", outcome.Errors, StringComparison.Ordinal);
        }

        Assert.Empty(Directory.GetFiles(folder.At("out"), ".*"));
        var first = File.GetLastWriteTimeUtc(folder.At("out", "case_0.nii.gz"));
        SharpSegProcess.Succeed([.. predict, "--continue"]);
        Assert.Equal(first, File.GetLastWriteTimeUtc(folder.At("out", "case_0.nii.gz")));
        Assert.Equal(6, Directory.GetFiles(folder.At("out"), "*.nii.gz").Length);
    }

    private static void AssertFinished(Outcome outcome, string run, int epochs)
    {
        Assert.Equal(epochs * 4, (int)outcome.Json()["iterations"]!);
        var trained = File.ReadAllLines(Path.Combine(run, "log.jsonl"))
            .Skip(1).Select(line => (int)JsonNode.Parse(line)!["epoch"]!);
        Assert.Equal(Enumerable.Range(0, epochs), trained);
        Assert.True(File.Exists(Path.Combine(run, "checkpoint_final.safetensors")));
        Assert.False(File.Exists(Path.Combine(run, "checkpoint_latest.safetensors")));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(run, "validation"), "*.nii.gz").Length);
        Assert.True(File.Exists(Path.Combine(run, "validation", "summary.json")));
    }

    /// <summary>
    /// Does it in a fresh folder, and again with a longer training if it answers that the process was done before the signal
    /// reached it: which of the two is faster must not decide a test, and on a busy machine the test may look seldom.
    /// </summary>
    private static void Repeat(Func<TemporaryFolder, int, bool> attempt)
    {
        const int most = 20, longest = 3; // 48 epochs
        for (var i = 0; i < most; i++)
        {
            using var folder = new TemporaryFolder();
            if (attempt(folder, FewestEpochs << Math.Min(i, longest)))
            {
                return;
            }
        }

        Assert.Fail($"{most} times the process ended before the signal");
    }

    /// <summary>Kills a process as soon as a condition holds; false if it had ended by itself.</summary>
    private static bool KilledWhen(string[] arguments, Func<bool> condition)
    {
        using var running = SharpSegProcess.Start(arguments);
        running.WaitFor(condition);
        running.Signal("KILL");
        var outcome = running.WaitForEnd();
        Assert.True(outcome.Code is 0 or 128 + 9, $"ended with {outcome.Code}:\n{outcome.Errors}");
        return outcome.Code != 0;
    }

    private static IOrderedEnumerable<string> ImagesOf(string work) =>
        Directory.EnumerateFiles(Path.Combine(work, "preprocessed"), "*.image", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal);
}
