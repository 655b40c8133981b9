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
            1, "2 tasks of another request wait or run: train-2d_0, train-2d_1 (train-2d_0: `--epochs 1 --loss ce` there, "
                + "`--epochs 7` here)", "sharpseg jobs cancel");
        slurm.Run("jobs", "train", work, "-c", "3d_fullres", "-f", "0,1", "--epochs", "1", "--loss", "ce")
            .AssertErrorWithHint(
                1, "preprocess_0, train-2d_0, train-2d_1, find-best_0 (preprocess_0: `2d` there, `3d_fullres` here)");
        slurm.Run("jobs", "train", work, "-c", "2d", "-f", "0", "--epochs", "1", "--loss", "ce")
            .AssertErrorWithHint(1, "train-2d_1, find-best_0");
        Assert.Equal((graph, queue), (File.ReadAllText(Jobs("graph.json")), slurm.Queue));

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
        slurm.Run([.. jobs, "3d_fullres"]).AssertErrorWithHint(1, "4 tasks of another request wait or run: preprocess_0, train-2d_0");
        Assert.Contains("8 tasks taken out", slurm.Succeed("jobs", "cancel", work).Output, StringComparison.Ordinal);
        Assert.Empty(slurm.Queue);
    }

    private string Jobs(string name) => Path.Combine(work, "jobs", name);

    private string Id() => (string)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Jobs("graph.json")))!["id"]!;
}
