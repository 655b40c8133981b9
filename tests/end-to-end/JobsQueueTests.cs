using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What jobs do when a queue holds, or has lost, some of them already.</summary>
public sealed class JobsQueueTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FakeSlurm slurm;
    private readonly string work;

    public JobsQueueTests()
    {
        slurm = new FakeSlurm(folder.At("slurm"));
        work = folder.At("work");
        SharpSegProcess.Succeed("plan", TinyDataset.Write(folder.At("dataset"), cases: 4), "-o", work);
    }

    public void Dispose() => folder.Dispose();

    /// <summary>Tasks of one name that would do something else are neither taken for those asked for nor lost sight of.</summary>
    [FactWith(Needs.Bash)]
    public void Another_request_is_refused_while_one_waits()
    {
        slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "1", "--loss", "ce");
        var (graph, queue) = (File.ReadAllText(Jobs("graph.json")), slurm.Queue);
        Assert.Equal(["101_0", "102_0", "102_1", "103_0", "104_0"], queue.Select(line => line.Split('|')[0]));

        // Other options, other configurations, other folds.
        slurm.Run("jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "7").AssertErrorWithHint(
            1, "4 tasks of another request wait or run: train-2d_0, train-2d_1, find-best_0, export_0 "
                + "(train-2d_0: `--epochs 1 --loss ce` there, `--epochs 7` here)");
        slurm.Run("jobs", "train", work, "-c", "3d_fullres", "-f", "0,1", "--epochs", "1", "--loss", "ce")
            .AssertErrorWithHint(
                1, "preprocess_0, train-2d_0, train-2d_1, find-best_0, export_0 (preprocess_0: `2d` there, `3d_fullres` here)");
        slurm.Run("jobs", "train", work, "-c", "2d", "-f", "0", "--epochs", "1", "--loss", "ce")
            .AssertErrorWithHint(1, ": train-2d_1, find-best_0, export_0");
        Assert.Equal(graph, File.ReadAllText(Jobs("graph.json")));
        Assert.Equal(queue, slurm.Queue);

        // The same with other resources is the same.
        Assert.Contains(
            "0 of 5 tasks are to run",
            slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "1", "--loss", "ce", "--mem", "9G").Errors,
            StringComparison.Ordinal);
        slurm.Succeed("jobs", "cancel", work);
        Assert.Empty(slurm.Queue);
        slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "7");
        Assert.Equal(5, slurm.Queue.Count);
    }

    /// <summary>`preprocess_0` is another configuration's where others are trained.</summary>
    [FactWith(Needs.Bash)]
    public void What_was_done_for_another_request_does_not_count_as_done()
    {
        string[] jobs = ["jobs", "train", work, "-f", "0", "--epochs", "1", "-c"];
        slurm.Succeed([.. jobs, "2d"]);
        slurm.Queue = [];
        SharpSegProcess.Succeed("jobs", "task", work, "preprocess_0", "--id", Id(), "--", "preprocess", work, "-c", "2d");
        slurm.Succeed([.. jobs, "3d_fullres", "--dry-run"]);
        Assert.Contains("submit preprocess 0\n", File.ReadAllText(Jobs("submit.sh")), StringComparison.Ordinal);
        slurm.Succeed([.. jobs, "3d_fullres"]);
        Assert.Contains(
            "submit train-3d_fullres 0 --dependency=afterok:${ids[preprocess]}_0\n", File.ReadAllText(Jobs("submit.sh")),
            StringComparison.Ordinal);
        slurm.Queue = [.. slurm.Queue.Skip(1)];
        Assert.DoesNotContain("done", slurm.Succeed("jobs", "status", work).Output, StringComparison.Ordinal);
    }

    /// <summary>Submitted by hand, a graph may be replaced unseen.</summary>
    [FactWith(Needs.Bash)]
    public void Tasks_of_a_graph_that_is_gone_are_shown_and_cancelled()
    {
        string[] jobs = ["jobs", "train", work, "--epochs", "1", "-f", "0", "-c"];
        slurm.Succeed([.. jobs, "2d"]);
        var queue = slurm.Queue;
        slurm.Queue = [];
        slurm.Succeed([.. jobs, "3d_fullres"]);
        slurm.Queue = [.. queue, .. slurm.Queue];
        var status = slurm.Succeed("jobs", "status", work).Output;
        Assert.Matches(@"train-2d_0 +waiting +of an earlier request", status);
        slurm.Run([.. jobs, "3d_fullres"])
            .AssertErrorWithHint(1, "4 tasks of another request wait or run: preprocess_0, train-2d_0");
        Assert.Contains("8 tasks taken out", slurm.Succeed("jobs", "cancel", work).Output, StringComparison.Ordinal);
        Assert.Empty(slurm.Queue);
    }

    /// <summary>
    /// A node's power fails: its sign of life stands still, the queue has lost the task, and the accounts say why, where there
    /// are any.
    /// </summary>
    [FactWith(Needs.Bash)]
    public void What_the_queue_has_lost_does_not_run()
    {
        slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0", "--epochs", "1");
        slurm.Queue = [];
        Record("preprocess_0", "Finished", "101_0");
        Record("train-2d_0", "Open", "102_0");
        File.WriteAllText(Jobs("tasks/train-2d_0/.owner.lock"), "another boot\tnode7\t7\ttoken\t3");

        // The reason is told, and where there are no accounts none; what failed is submitted again, with what waits for it.
        slurm.Accounts = ["102_0|OUT_OF_MEMORY", "103_0|CANCELLED"];
        Assert.Contains("train-2d_0: Slurm says OUT_OF_MEMORY", Failing("jobs", "status", work), StringComparison.Ordinal);
        slurm.Lack("sacct");
        Assert.Contains("train-2d_0: ended without a word", Failing("jobs", "status", work), StringComparison.Ordinal);
        slurm.Succeed("jobs", "resubmit", work, "--failed", "--mem", "x2");
        Assert.Contains(
            "submit train-2d 0\nsubmit find-best 0 --dependency=afterok:${ids[train-2d]}\n", File.ReadAllText(Jobs("submit.sh")),
            StringComparison.Ordinal);
        Assert.Equal(["105_0", "106_0", "107_0"], slurm.Queue.Select(line => line.Split('|')[0]));
    }

    /// <summary>Cancelled is not failed, however a task was found by it.</summary>
    [FactWith(Needs.Bash)]
    public void What_was_cancelled_goes_on_with_what_it_had()
    {
        slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "1", "--mem", "9G");
        slurm.Queue = [];
        slurm.Accounts = ["101_0|CANCELLED by 0", "102_0|CANCELLED by 0", "102_1|FAILED", "103_0|CANCELLED", "104_0|CANCELLED"];
        Record("train-2d_0", "Open", "102_0");
        var status = Failing("jobs", "status", work);
        Assert.Matches(@"preprocess_0 +2d +left .*cancelled\n", status);
        Assert.Matches(@"train-2d_0 +left +node7 .*cancelled\n", status);
        Assert.Contains("2 blocked, 1 failed, 2 left", status, StringComparison.Ordinal);
        slurm.Accounts = ["101_0|CANCELLED by 0", "102_0|CANCELLED by 0"];
        Assert.Contains("5 left", slurm.Succeed("jobs", "status", work).Output, StringComparison.Ordinal);
        slurm.Run("jobs", "resubmit", work, "--mem", "x2").AssertErrorWithHint(1, "nothing has failed");
    }

    /// <summary>A user's own settings, and a short memory of ended jobs, in what squeue lists.</summary>
    [FactWith(Needs.Bash)]
    public void What_has_ended_is_not_running_because_the_queue_lists_it()
    {
        slurm.Succeed("jobs", "train", work, "-c", "2d", "-f", "0", "--epochs", "1");
        slurm.Queue = ["101_0|COMPLETED|n1|None", "102_0|TIMEOUT|n1|None"];
        slurm.Accounts = ["101_0|COMPLETED", "102_0|TIMEOUT"];
        Record("preprocess_0", "Finished", "101_0");
        Assert.Contains("2 blocked, 1 failed, 1 done", Failing("jobs", "status", work), StringComparison.Ordinal);
    }

    /// <summary>Scripts are written to be submitted: what runs is not submitted twice, and is waited for.</summary>
    [FactWith(Needs.Bash)]
    public void Scripts_leave_alone_what_waits_or_runs()
    {
        string[] jobs = ["jobs", "train", work, "-c", "2d", "-f", "0,1", "--epochs", "1"];
        slurm.Succeed(jobs);
        Record("preprocess_0", "Finished", "101_0");
        Record("train-2d_0", "Failed", "102_0");
        Record("train-2d_1", "Open", "102_1");
        slurm.Queue = ["102_1|RUNNING|n1|None"];
        const string submits =
            "submit train-2d 0\nsubmit find-best 0 --dependency=afterok:${ids[train-2d]}:102_1\nsubmit export 0";
        foreach (var command in new[] { [.. jobs, "--dry-run"], new[] { "jobs", "resubmit", work, "--failed", "--dry-run" } })
        {
            slurm.Succeed(command);
            Assert.Contains(submits, File.ReadAllText(Jobs("submit.sh")), StringComparison.Ordinal);
        }

        // Where nobody can be asked, that is said.
        slurm.Lack("squeue");
        Assert.Contains("take it that nothing waits", slurm.Succeed([.. jobs, "--dry-run"]).Errors, StringComparison.Ordinal);
    }

    private string Failing(params string[] arguments)
    {
        var outcome = slurm.Run(arguments);
        Assert.True(outcome.Code == 1, outcome.Errors);
        return outcome.Output;
    }

    private void Record(string task, string outcome, string job)
    {
        Directory.CreateDirectory(Jobs($"tasks/{task}"));
        File.WriteAllText(Jobs($"tasks/{task}/record.json"), $$"""
            {"attempts": [{"job": "{{job}}", "node": "node7", "started": "2026-01-02T03:04:05Z", "seconds": 1,
              "outcome": "{{outcome}}", "peak_bytes": 1000000, "stage": "train", "detail": "", "fraction": 0.5}]}
            """);
    }

    private string Jobs(string name) => Path.Combine(work, "jobs", name);

    private string Id() => (string)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Jobs("graph.json")))!["id"]!;
}
