using SharpSeg.AutoPlanner.Steps.Jobs;
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
        var states = JobStates.Of(folder, JobPlan.Read(folder).Graph, askSlurm: false).ToDictionary(status => status.Task.Name);
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
            work.Folder, new ResubmitRequest(FailedOnly: true, Memory: 1.5, Time: 2), new JobsPlace(true, null, [], ["sharpseg"]),
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

    private static void Record(JobFolder folder, string task, TaskOutcome outcome, string? error = null)
    {
        Directory.CreateDirectory(folder.TaskFolder(task));
        new TaskRecord([new TaskAttempt { Node = "n1", Outcome = outcome, Error = error }]).Write(folder.RecordFile(task));
    }
}
