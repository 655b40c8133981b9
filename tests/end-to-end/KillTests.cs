using System.Diagnostics;
using System.Globalization;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Tests;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// SIGKILL at random moments, which no program can answer: every file is whole or absent, and what comes out after `--resume` has
/// the bytes of a run that nobody disturbed. SHARPSEG_KILLS=30 kills so often; the suite does it a few times.
/// </summary>
[Collection(TrainedWorkspaceTests.Interruptions)]
public sealed class KillTests(TrainedWorkspace trained, ITestOutputHelper output)
{
    private const int Epochs = 6, Iterations = 4;
    private static readonly string[] Length = ["--epochs", "6", "--iterations", "4", "--batch", "2"];

    private static readonly bool IsByHand = Environment.GetEnvironmentVariable("SHARPSEG_KILLS") is not null;

    private static readonly int Kills = int.TryParse(
        Environment.GetEnvironmentVariable("SHARPSEG_KILLS"), NumberStyles.None, CultureInfo.InvariantCulture, out var kills)
        ? kills
        : 3;

    private readonly Random random = Seeded();
    private readonly Dictionary<string, string> undisturbedLatest = []; // the checkpoint of a moment

    /// <summary>
    /// While starting, training, saving or validating; half of the kills follow a SIGTERM, into the saving or after it.
    /// </summary>
    [FactWith(Needs.Signals)]
    public void A_training_killed_at_random_moments_gives_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        var undisturbed = folder.Copy(trained.Planned, "undisturbed");
        var clock = Stopwatch.StartNew();
        Succeed("train", undisturbed, Length);
        var whole = clock.Elapsed;
        var (killed, runs, compared) = (0, 0, 0);
        while (killed < Kills)
        {
            var work = folder.Copy(trained.Planned, $"work{runs}");
            var done = false;
            while (!done && killed < Kills)
            {
                done = !Killed(["train", work, "--threads", "1", "--resume", .. Length], whole);
                killed += done ? 0 : 1;
                WorkspaceFiles.AssertAllWhole(work);
                compared += AssertLatestAsUndisturbed(folder, work) is null ? 0 : 1;
            }

            Succeed("train", work, ["--resume", .. Length]);
            AssertSameRun(undisturbed, work);
            Directory.Delete(work, recursive: true);
            runs++;
        }

        output.WriteLine(
            $"{killed} kills in {runs} trainings of {whole.TotalSeconds:0.0} s, after {compared} of them a checkpoint_latest of "
                + $"{undisturbedLatest.Count} different moments: the same bytes");
    }

    [FactWith(Needs.Signals)]
    public void A_preprocessing_killed_at_random_moments_gives_the_same_bytes()
    {
        using var folder = new TemporaryFolder();
        string Fresh(string name)
        {
            var work = folder.Copy(trained.Planned, name);
            Directory.Delete(Path.Combine(work, "preprocessed"), recursive: true);
            return work;
        }

        var undisturbed = Fresh("undisturbed");
        var clock = Stopwatch.StartNew();
        SharpSegProcess.Succeed("preprocess", undisturbed);
        var whole = clock.Elapsed;
        var killed = 0;
        for (var runs = 0; killed < Kills; runs++)
        {
            var work = Fresh($"work{runs}");
            while (killed < Kills && Killed(["preprocess", work], whole))
            {
                killed++;
                WorkspaceFiles.AssertAllWhole(work);
            }

            SharpSegProcess.Succeed("preprocess", work);
            AssertSameFiles(Path.Combine(undisturbed, "preprocessed"), Path.Combine(work, "preprocessed"));
        }

        output.WriteLine($"{killed} kills: the same bytes");
    }

    /// <summary>
    /// Whatever a killed command leaves is whole, its inputs are as they were, and the same command once more gives the same
    /// files as an undisturbed one.
    /// </summary>
    [TheoryWith(Needs.Signals)]
    [InlineData("predict")]
    [InlineData("import")]
    [InlineData("export")]
    [InlineData("find-best")]
    public void A_command_killed_at_random_moments_is_finished_by_the_same_command(string verb)
    {
        using var folder = new TemporaryFolder();
        var inputs = folder.At("inputs");
        Directory.CreateDirectory(inputs);
        var model = verb == "import"
            ? new NnUNetModelWriter()
                .Write(Path.Combine(inputs, "Dataset001_Tiny", "nnUNetTrainer__nnUNetPlans__3d_fullres"), folds: ["0", "1"])
            : folder.Copy(trained.Work, Path.Combine("inputs", "work"));
        folder.Copy(Path.Combine(trained.Dataset, "imagesTr"), Path.Combine("inputs", "scans"));
        string[] Command(string output) => verb switch
        {
            "predict" =>
            [
                verb, model, "-c", "3d_fullres", "-i", Path.Combine(inputs, "scans"), "-o", output, "--no-tta", "--threads", "1",
            ],
            "find-best" => [verb, output, "-f", "0", "--trained-only"],
            "export" => [verb, model, "-c", "3d_fullres", "-o", Path.Combine(output, "model.zip")],
            _ => [verb, model, "-o", Path.Combine(output, "model.zip")],
        };
        string Fresh(string name)
        {
            var output = verb == "find-best" ? folder.Copy(model, name) : folder.At(name);
            Directory.CreateDirectory(output);
            return output;
        }

        var before = FolderSnapshot.Of(inputs);
        var undisturbed = Fresh("undisturbed");
        var clock = Stopwatch.StartNew();
        SharpSegProcess.Succeed(Command(undisturbed));
        var whole = clock.Elapsed;
        var most = IsByHand ? Kills : 1;
        var killed = 0;
        for (var runs = 0; killed < most; runs++)
        {
            var output = Fresh($"output{runs}");
            while (killed < most && Killed(Command(output), whole))
            {
                killed++;
                WorkspaceFiles.AssertAllWhole(output);
            }

            SharpSegProcess.Succeed(Command(output));
            AssertSameResults(undisturbed, output);
        }

        before.AssertUnchanged();
        output.WriteLine($"{killed} kills of {verb} ({whole.TotalSeconds:0.0} s): the same files");
    }

    /// <summary>How far `auto` comes depends on its time: what it leaves is whole, and --resume comes to scores.</summary>
    [FactWith(Needs.Kills)]
    public void An_auto_killed_at_random_moments_is_finished_by_resuming()
    {
        using var folder = new TemporaryFolder();
        var before = FolderSnapshot.Of(trained.Dataset);
        var killed = 0;
        for (var runs = 0; killed < Kills; runs++)
        {
            var work = folder.At($"work{runs}");
            string[] auto = ["auto", trained.Dataset, "-o", work, "--max-time", "30s", "--threads", "1", "--resume"];
            while (killed < Kills && Killed(auto, TimeSpan.FromSeconds(30)))
            {
                killed++;
                WorkspaceFiles.AssertAllWhole(work);
            }

            SharpSegProcess.Succeed(auto);
            WorkspaceFiles.AssertAllWhole(work);
            Assert.True(File.Exists(Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_final.safetensors")));
            Assert.True(File.Exists(Path.Combine(work, "runs", "3d_fullres", "fold_0", "validation", "summary.json")));
        }

        before.AssertUnchanged();
        output.WriteLine($"{killed} kills of auto");
    }

    /// <summary>What a training saves when it is stopped is what an undisturbed one holds at the same iteration.</summary>
    [FactWith(Needs.Signals)]
    public void The_latest_checkpoint_of_a_disturbed_training_is_that_of_an_undisturbed_one()
    {
        using var folder = new TemporaryFolder();
        string? moment = null;
        for (var attempt = 0; moment is null; attempt++)
        {
            Assert.InRange(attempt, 0, 20);
            var work = folder.Copy(trained.Planned, $"work{attempt}");
            foreach (var signal in new[] { "KILL", "TERM" })
            {
                var best = Path.Combine(work, "runs", "3d_fullres", "fold_0", "checkpoint_best.safetensors");
                using var training = SharpSegProcess.Start(["train", work, "--threads", "1", "--resume", .. Length]);
                training.WaitFor(() => signal == "KILL"
                    ? File.Exists(best)
                    : training.Errors.Contains("resumed from", StringComparison.Ordinal));
                Thread.Sleep(random.Next(300));
                training.Signal(signal);
                training.WaitForEnd();
            }

            moment = AssertLatestAsUndisturbed(folder, work);
        }

        output.WriteLine($"the same at {moment}");
    }

    /// <summary>
    /// Compares the latest checkpoint with that of a trainer in this process that is stopped at the same moment.
    /// </summary>
    /// <returns>The moment; null if there is no such checkpoint, or it was saved between training and validation.</returns>
    private string? AssertLatestAsUndisturbed(TemporaryFolder folder, string work)
    {
        var latest = Workspace.LatestCheckpoint(Path.Combine(work, "runs", "3d_fullres", "fold_0"));
        if (!File.Exists(latest) || Checkpoint.ProgressOf(latest) is not { Iteration: > 0 } state)
        {
            return null;
        }

        var moment = $"epoch {state.Epoch + 1}/{Epochs}, iteration {state.Iteration}/{Iterations}";
        if (!undisturbedLatest.TryGetValue(moment, out var expected))
        {
            var job = TrainingJob.Open(
                new Workspace(folder.Copy(trained.Planned, $"undisturbed{undisturbedLatest.Count}")), "3d_fullres", "0",
                TrainingJob.DefaultSeed);
            using var backend = Cpu.Open(1);
            using var stop = new CancellationTokenSource();
            using var trainer = new Trainer(
                job, new TrainingSchedule(2, Epochs, Iterations, 1), backend, resume: false, new StopAt(moment, stop));
            Assert.Throws<OperationCanceledException>(() => trainer.Run(stop.Token));
            expected = undisturbedLatest[moment] = Workspace.LatestCheckpoint(job.Folder);
        }

        WorkspaceFiles.AssertSameCheckpoint(expected, latest);
        return moment;
    }

    private static Random Seeded()
    {
        var variable = Environment.GetEnvironmentVariable("SHARPSEG_TEST_SEED");
        return int.TryParse(variable, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? new(seed) : new();
    }

    private static void Succeed(string verb, string work, string[] options) =>
        SharpSegProcess.Succeed([verb, work, "--threads", "1", .. options]);

    /// <summary>Starts a command and kills it at a random moment; false if it had ended before.</summary>
    private bool Killed(string[] arguments, TimeSpan whole)
    {
        using var running = SharpSegProcess.Start(arguments);
        Thread.Sleep(random.NextDouble() * whole);
        if (random.Next(2) == 0)
        {
            running.Signal("TERM");
            Thread.Sleep(random.Next(2) == 0 ? TimeSpan.FromMilliseconds(random.Next(100)) : random.NextDouble() * whole / 4);
        }

        running.Signal("KILL");
        var outcome = running.WaitForEnd();
        Assert.True(outcome.Code is 0 or 130 or 128 + 9 or 128 + 15, $"ended with {outcome.Code}:\n{outcome.Errors}");
        return outcome.Code != 0;
    }

    private static void AssertSameRun(string expected, string actual)
    {
        var run = Path.Combine("runs", "3d_fullres", "fold_0");
        foreach (var checkpoint in new[] { "checkpoint_final.safetensors", "checkpoint_best.safetensors" })
        {
            WorkspaceFiles.AssertSameCheckpoint(
                Path.Combine(expected, run, checkpoint), Path.Combine(actual, run, checkpoint));
        }

        Assert.False(File.Exists(Path.Combine(actual, run, "checkpoint_latest.safetensors")));
        AssertSameFiles(Path.Combine(expected, run, "validation"), Path.Combine(actual, run, "validation"), "*.nii.gz");
    }

    /// <summary>
    /// All files but notes of what was tried, and reports, which show them; models but for the moments at which they were
    /// written.
    /// </summary>
    private static void AssertSameResults(string expected, string actual)
    {
        string[] Names(string folder) =>
        [
            .. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
                .Where(name => Path.GetExtension(name) is not (".tmp" or ".lock" or ".txt" or ".html")
                    && !name.EndsWith("run.json", StringComparison.Ordinal)
                    && !name.EndsWith("report.json", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
        ];
        var names = Names(expected);
        Assert.NotEmpty(names);
        Assert.Equal(names, Names(actual));
        foreach (var (one, other) in names.Select(name => (Path.Combine(expected, name), Path.Combine(actual, name))))
        {
            if (one.EndsWith(".zip", StringComparison.Ordinal))
            {
                WorkspaceFiles.AssertSameModel(one, other);
            }
            else if (one.EndsWith(".json", StringComparison.Ordinal))
            {
                // Summaries name their files.
                Assert.Equal(
                    File.ReadAllText(one).Replace(expected, "", StringComparison.Ordinal),
                    File.ReadAllText(other).Replace(actual, "", StringComparison.Ordinal));
            }
            else
            {
                Assert.True(File.ReadAllBytes(one).AsSpan().SequenceEqual(File.ReadAllBytes(other)), other);
            }
        }
    }

    private static void AssertSameFiles(string expected, string actual, string pattern = "*")
    {
        string[] Names(string folder) =>
        [
            .. Directory.GetFiles(folder, pattern, SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
                .Where(file => Path.GetExtension(file) is not (".tmp" or ".lock")).Order(StringComparer.Ordinal),
        ];
        var names = Names(expected);
        Assert.NotEmpty(names);
        Assert.Equal(names, Names(actual));
        Assert.All(
            names, name => Assert.True(
                File.ReadAllBytes(Path.Combine(expected, name)).AsSpan()
                    .SequenceEqual(File.ReadAllBytes(Path.Combine(actual, name))), name));
    }
}
