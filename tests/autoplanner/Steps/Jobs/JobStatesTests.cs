using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Tests.Training;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Jobs;

/// <summary>Records of tasks, and what follows from them for the others.</summary>
public sealed class JobStatesTests
{
    [Fact]
    public void A_failure_blocks_those_that_need_it_and_nobody_else()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        Record(folder, "preprocess_0", TaskOutcome.Finished);
        Record(folder, "preprocess_1", TaskOutcome.Finished);
        Record(folder, "preprocess_2", TaskOutcome.Finished);
        Record(folder, "train-3d_lowres_3", TaskOutcome.Failed, "case `liver_7` is bad");
        Record(folder, "train-2d_0", TaskOutcome.Stopped);
        var states = JobStates.Of(folder, JobPlan.Read(folder).Graph, SlurmAnswer.None).ToDictionary(status => status.Task.Name);
        Assert.Equal(TaskState.Done, states["preprocess_2"].State);
        Assert.Equal(
            (TaskState.Failed, "case `liver_7` is bad"),
            (states["train-3d_lowres_3"].State, states["train-3d_lowres_3"].Reason));
        Assert.Equal(TaskState.Left, states["train-3d_lowres_2"].State);
        Assert.Equal(TaskState.Left, states["train-2d_0"].State);
        Assert.Equal(TaskState.Left, states["train-3d_fullres_0"].State);
        Assert.Equal(
            (TaskState.Blocked, "needs train-3d_lowres_3"),
            (states["train-3d_cascade_fullres_0"].State, states["train-3d_cascade_fullres_0"].Reason));
        Assert.Equal(TaskState.Blocked, states["export_0"].State);

        var report = JobsRun.Status(work.Folder);
        Assert.True(report.HasFailures);
        Assert.Contains("7 blocked, 1 failed, 3 done, 14 left", report.Text, StringComparison.Ordinal);
        Assert.Contains("train-3d_lowres_3: case `liver_7` is bad\n  log: ", report.Text, StringComparison.Ordinal);

        // Only what failed, and what waits for it, is submitted again, with more memory.
        var memory = JobPlan.Read(folder).Graph.Stage("train-3d_lowres")!.Resources.MemoryBytes;
        JobsRun.Resubmit(
            work.Folder, new ResubmitRequest(true, bytes => (long)(bytes * 1.5), ResubmitRequest.TimesTime(2)), DryRun,
            SilentReporter.Instance, CancellationToken.None);
        Assert.Equal(
            [
                "submit train-3d_lowres 3",
                "submit train-3d_cascade_fullres 0-4 --dependency=afterok:${ids[train-3d_lowres]}",
                "submit find-best 0 --dependency=afterok:${ids[train-3d_lowres]}:${ids[train-3d_cascade_fullres]}",
                "submit export 0 --dependency=afterok:${ids[find-best]}",
            ],
            work.Script("submit.sh").Split('\n').Where(line => line.StartsWith("submit ", StringComparison.Ordinal)));
        var again = JobPlan.Read(folder).Graph;
        Assert.Equal((long)(memory * 1.5), again.Stage("train-3d_lowres")!.Resources.MemoryBytes);
        Assert.Equal("48:00:00", again.Stage("train-3d_lowres")!.Resources.Time);
        Assert.Equal("24:00:00", again.Stage("train-2d")!.Resources.Time);

        // Or with so much, in so much time; what the command is told follows.
        JobsRun.Resubmit(
            work.Folder, new ResubmitRequest(FailedOnly: true, _ => 12_000_000_000, _ => "2-00:00:00"), DryRun,
            SilentReporter.Instance, CancellationToken.None);
        var script = work.Script("train-3d_lowres.sh");
        Assert.Contains("#SBATCH --mem=11445M\n", script, StringComparison.Ordinal);
        Assert.Contains("--max-memory 12000000000 ", script, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --time=2-00:00:00\n", script, StringComparison.Ordinal);
        Assert.Equal(again.Stage("train-2d")!.Resources, JobPlan.Read(folder).Graph.Stage("train-2d")!.Resources);
    }

    [Fact]
    public void More_memory_for_what_failed_is_refused_where_nothing_has()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var error = Assert.Throws<SharpSegException>(() => JobsRun.Resubmit(
            work.Folder, new ResubmitRequest(FailedOnly: false, bytes => 2 * bytes), DryRun, SilentReporter.Instance,
            CancellationToken.None));
        Assert.Contains("nothing has failed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_comes_back_as_it_was_written()
    {
        using var temporary = new TemporaryFolder();
        var file = Path.Combine(temporary.Path, "record.json");
        Assert.Null(TaskRecord.Read(file).Last);
        var attempt = new TaskAttempt
        {
            Job = "12_3", Node = "n1", Started = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc), Seconds = 7.5,
            Outcome = TaskOutcome.OutOfTime, Error = "no `time`\nleft", PeakBytes = 1 << 30, Stage = "train",
            Detail = "epoch 3/5", Fraction = 0.5, SecondsLeft = 60,
        };
        var record = new TaskRecord([]).With(attempt).With(attempt with { Outcome = TaskOutcome.Finished, SecondsLeft = null });
        record.Write(file);
        Assert.Equal(record.Attempts, TaskRecord.Read(file).Attempts);
        Assert.True(TaskRecord.Read(file).IsFinished);
        File.WriteAllText(file, """{"attempts": [{"node": 3}]}""");
        Assert.Contains(file, Assert.Throws<SharpSegException>(() => TaskRecord.Read(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_jobs_is_answered_with_what_makes_them()
    {
        using var temporary = new TemporaryFolder();
        var error = Assert.Throws<SharpSegException>(() => JobsRun.Status(temporary.Path));
        Assert.Contains("has no jobs", error.Message, StringComparison.Ordinal);
        Assert.Contains("sharpseg jobs train", error.Hint, StringComparison.Ordinal);
    }

    /// <summary>What is read back becomes lines of scripts, indices of lists and times.</summary>
    [Theory]
    [InlineData("\"time\": \"24:00:00\"", "\"time\": \"1\\n#SBATCH --wrap=evil\"", "is not a time")]
    [InlineData("\"gres\": null", "\"gres\": \"gpu:1\\nevil\"", "names no device")]
    [InlineData("\"cpus\": null,", "\"cpus\": -1,", "site.cpus: must be 1 or more")]
    [InlineData("\"cpus\": 8,\n      \"time\"", "\"cpus\": -1,\n      \"time\"", "cpus: -1 is less than 1")]
    [InlineData("\"memory_bytes\": ", "\"memory_bytes\": -", "memory_bytes: must be above 0")]
    [InlineData("\"index\": 1,", "\"index\": 0,", "items: an index is there twice")]
    [InlineData("\"index\": 1,", "\"index\": -1,", "index: -1 is less than 0")]
    [InlineData("\"name\": \"train-2d\"", "\"name\": \"preprocess\"", "`preprocess` is there twice")]
    [InlineData("\"name\": \"train-2d\"", "\"name\": \"../evil\"", "cannot be the name of a job")]
    public void A_changed_graph_is_refused(string text, string becomes, string says)
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        var graph = File.ReadAllText(folder.GraphFile);
        var at = graph.IndexOf(text, StringComparison.Ordinal);
        Assert.True(at >= 0, graph);
        File.WriteAllText(folder.GraphFile, graph[..at] + becomes + graph[(at + text.Length)..]);
        var error = Assert.Throws<SharpSegException>(() => JobsRun.Status(work.Folder));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains("graph.json", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What `predict` would refuse in every task is refused before a folder is made.</summary>
    [Theory]
    [InlineData("", "is a workspace itself")]
    [InlineData("runs/new", "lies among the own files of the workspace")]
    [InlineData("../scans", "is an input")]
    public void A_cohort_is_not_predicted_into_its_model_or_its_scans(string output, string says)
    {
        using var work = new PlannedWorkspace();
        var scans = Directory.CreateDirectory(Path.Combine(work.Folder, "..", "scans")).FullName;
        var request = new PredictionJobsRequest(
            work.Folder, [scans], Path.Combine(work.Folder, output), 2, [], "cpu", "jobs predict");
        var error = Assert.Throws<SharpSegException>(() => JobsRun.Predict(
            request, new JobSite(), new JobsPlace(true, null, [], ["sharpseg"]), SilentReporter.Instance,
            CancellationToken.None));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(scans));
        Assert.False(Directory.Exists(Path.Combine(work.Folder, "jobs")));
        Assert.False(Directory.Exists(Path.Combine(work.Folder, "runs")));
    }

    [Fact]
    public void A_command_without_words_is_refused()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var file = new JobFolder(work.Folder).GraphFile;
        var graph = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(file))!;
        graph["stages"]![0]!["command"]!.AsArray().Clear();
        File.WriteAllText(file, graph.ToJsonString());
        var error = Assert.Throws<SharpSegException>(() => JobsRun.Status(work.Folder));
        Assert.Contains("command: is empty", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train-2d\t12\t0-99999999999")]
    [InlineData("train-2d\t12\t0-1-2")]
    [InlineData("train-2d\t12\t3-1")]
    [InlineData("train-2d\t12\t")]
    [InlineData("train-2d\t1x\t0")]
    [InlineData("train-2d")]
    public void What_was_submitted_is_checked(string line)
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        File.WriteAllText(folder.SubmittedFile, line + "\n");
        var graph = JobPlan.Read(folder).Graph;
        var error = Assert.Throws<SharpSegException>(() => JobStates.Submitted(folder, graph));
        Assert.Contains(folder.SubmittedFile, error.Message, StringComparison.Ordinal);
        File.WriteAllText(folder.SubmittedFile, "train-2d\t12\t0-1,4%2\nother\t13\t0\ntrain-2d\t14\t1\n");
        Assert.Equal(["12_0", "12_4", "14_1"], JobStates.Submitted(folder, graph).Values.Order());
    }

    /// <summary>A line names as many tasks as it likes; what is kept is of the graph's size.</summary>
    [Fact]
    public void Of_what_was_submitted_the_tasks_that_there_are_count()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        var graph = JobPlan.Read(folder).Graph;
        File.WriteAllText(
            folder.SubmittedFile, $"train-2d\t12\t{string.Join(',', Enumerable.Repeat("0-2147483647", 1000))}\n");
        var tasks = graph.Stage("train-2d")!.Tasks.Select(task => task.Name).Order().ToArray();
        Assert.NotEmpty(tasks);
        Assert.Equal(tasks, JobStates.Submitted(folder, graph).Keys.Order());
    }

    [Fact]
    public void A_record_with_absurd_times_is_shown()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        Directory.CreateDirectory(folder.TaskFolder("train-2d_0"));
        foreach (var seconds in new[] { -1e300, 1e300 })
        {
            new TaskRecord(
                [new TaskAttempt { Node = "n1", Outcome = TaskOutcome.Open, Stage = "train", SecondsLeft = seconds }])
                .Write(folder.RecordFile("train-2d_0"));
            Assert.Contains("train-2d_0", JobsRun.Status(work.Folder).Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Of_a_long_log_the_end_is_shown()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        var folder = new JobFolder(work.Folder);
        Directory.CreateDirectory(folder.LogFolder);
        var file = Path.Combine(folder.LogFolder, "train-2d_0.log");
        File.WriteAllText(file, "");
        Assert.Throws<SharpSegException>(() => JobsRun.Log(work.Folder, "train-2d_0"));
        File.WriteAllText(file, "one\ntwo\n");
        Assert.Equal((file, "one\ntwo\n"), JobsRun.Log(work.Folder, "train-2d_0"));
        File.WriteAllText(file, new string('x', 3 << 20) + "\n" + new string('y', 3 << 20) + "\nlast\n");
        var (_, text) = JobsRun.Log(work.Folder, "train-2d_0");
        Assert.StartsWith("… ", text, StringComparison.Ordinal);
        Assert.DoesNotContain('x', text);
        Assert.EndsWith("y\nlast\n", text, StringComparison.Ordinal);
    }

    /// <summary>Seconds of a log, of which nobody knows who wrote it, become a time limit.</summary>
    [Theory]
    [InlineData("1e300")]
    [InlineData("-1e300")]
    [InlineData("\"NaN\"")]
    [InlineData("\"abc\"")]
    [InlineData("[]")]
    public void A_log_with_absurd_times_measures_nothing_or_a_year(string seconds)
    {
        using var work = new PlannedWorkspace();
        var workspace = new Workspace(work.Folder);
        var log = Workspace.LogFile(workspace.RunFolder("2d", "0"));
        Directory.CreateDirectory(Path.GetDirectoryName(log)!);
        File.WriteAllLines(
            log,
            [
                TrainingLogTests.Header,
                TrainingLogTests.Epoch.Replace("\"seconds\":2", $"\"seconds\":{seconds}", StringComparison.Ordinal),
            ]);
        work.Write();
        Assert.Equal(
            seconds == "1e300" ? "8760:00:00" : "24:00:00",
            JobPlan.Read(new JobFolder(work.Folder)).Graph.Stage("train-2d")!.Resources.Time);
        Assert.Equal("8760:00:00", JobTimes.Text(TimeSpan.MaxValue));
    }

    private static JobsPlace DryRun => new(true, null, [], ["sharpseg"]);

    private static void Record(JobFolder folder, string task, TaskOutcome outcome, string? error = null)
    {
        Directory.CreateDirectory(folder.TaskFolder(task));
        new TaskRecord([new TaskAttempt { Node = "n1", Outcome = outcome, Error = error }]).Write(folder.RecordFile(task));
    }
}
