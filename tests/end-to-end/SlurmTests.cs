using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Jobs on a real Slurm. Nothing else shows that scripts, dependencies, signals and requeues are understood there.
/// </summary>
public sealed class SlurmTests
{
    private static readonly string[] OneThread = ["--cpus", "1", "--time", "20", "--device", "cpu"];

    [FactWith(Needs.Slurm)]
    public void The_matrix_on_a_cluster_is_the_matrix_on_this_machine()
    {
        using var folder = new TemporaryFolder();
        using var cluster = new SlurmCluster();
        var dataset = TinyDataset.Write(folder.At("submitted", "dataset"), cases: 2);
        string[] Jobs(string work) =>
        [
            "jobs", "train", work, "-c", "2d,3d_cascade_fullres", "--epochs", "2", "--iterations", "2", "--batch", "2",
            "--loss", "dice", .. OneThread,
        ];

        // Nodes see workspace and dataset under another path than the machine that wrote the scripts.
        var work = folder.At("submitted", "cluster");
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--memory", "0.0015GB");
        var names = $"\"{folder.At("submitted")}\", \"{folder.At("seen")}\"";
        File.WriteAllText(folder.At("site.json"), $$"""{"paths": [[{{names}}]], "gres": "gpu:1"}""");
        string[] onSite = ["--site", folder.At("site.json")];
        SharpSegProcess.Succeed([.. Jobs(work), .. onSite, "--dry-run"]);
        Directory.Move(folder.At("submitted"), folder.At("seen"));
        (dataset, work) = (folder.At("seen", "dataset"), folder.At("seen", "cluster"));
        cluster.Ask("bash", Path.Combine(work, "jobs", "submit.sh"));

        // Given again, the command submits nothing.
        Assert.Contains("0 of 11 tasks are to run", cluster.Succeed([.. Jobs(work), .. onSite]).Errors, StringComparison.Ordinal);
        SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("here"), "--memory", "0.0015GB");
        SharpSegProcess.Succeed([.. Here(Jobs(folder.At("here"))), "--local", "1"]);
        cluster.WaitForAll();
        var status = cluster.Succeed("jobs", "status", work);
        Assert.Contains("all 11 tasks succeeded", status.Output, StringComparison.Ordinal);
        Assert.Contains("  n1  ", status.Output, StringComparison.Ordinal);
        WorkspaceFiles.AssertSameModel(folder.At("here", "model.zip"), Path.Combine(work, "model.zip"));
        Assert.Contains("0 of 11 tasks are to run", cluster.Succeed([.. Jobs(work), .. onSite]).Errors, StringComparison.Ordinal);
    }

    [FactWith(Needs.Slurm)]
    public void A_lost_node_and_a_time_limit_change_nothing_and_a_failure_blocks_only_what_needs_it()
    {
        using var folder = new TemporaryFolder();
        using var cluster = new SlurmCluster();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        string[] Jobs(string work) =>
        [
            "jobs", "train", folder.At(work), "-c", "2d", "-f", "0,1,2", "--epochs", "100", "--iterations", "4", "--batch", "2",
            .. OneThread,
        ];
        var work = folder.At("cluster");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        var blocked = Directory.CreateDirectory(Path.Combine(work, "runs", "2d", "fold_2", "checkpoint_final.safetensors"));
        cluster.Succeed(Jobs("cluster"));
        bool HasLearnt(int fold) =>
            File.Exists(Path.Combine(work, "runs", "2d", $"fold_{fold}", "checkpoint_best.safetensors"));
        cluster.WaitFor(_ => HasLearnt(0) && HasLearnt(1), "two trainings");

        // The signal that Slurm sends before the time limit; then the lights go out where another fold is trained.
        var job = File.ReadAllLines(Path.Combine(work, "jobs", "submitted"))[1].Split('\t')[1];
        cluster.Ask("scancel", "--batch", "--signal=USR1", $"{job}_0");
        cluster.WaitFor(
            queue => queue.Any(line => line.Contains("train-2d 0 PENDING", StringComparison.Ordinal)), "fold 0 waits again");
        var node = cluster.Ask("squeue", "-h", "-r", "-j", $"{job}_1", "-o", "%N").Trim();
        cluster.Lose(node);
        cluster.WaitForAll();
        var status = cluster.Run("jobs", "status", work, "--json");
        Assert.Equal(1, status.Code);
        var tasks = status.Json()["tasks"]!.AsArray().ToDictionary(task => (string)task!["name"]!, task => task!);
        Assert.Equal(
            ["done", "done", "done", "failed", "blocked", "blocked"],
            tasks.Values.Select(task => (string)task["state"]!));
        Assert.All(new[] { "train-2d_0", "train-2d_1" }, name => Assert.InRange((int)tasks[name]["restarts"]!, 1, 3));
        Assert.Contains("checkpoint_final.safetensors", (string)tasks["train-2d_2"]["reason"]!, StringComparison.Ordinal);
        var log = File.ReadAllText((string)tasks["train-2d_0"]["log"]!);
        Assert.True(log.Contains("resumed from checkpoint", StringComparison.Ordinal), log);

        // What was in its way gone, the failed one and what waited for it are submitted again.
        blocked.Delete();
        Assert.Contains(
            "3 of 6 tasks are to run", cluster.Succeed("jobs", "resubmit", work, "--failed", "--time", "x2").Errors,
            StringComparison.Ordinal);
        SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("here"));
        SharpSegProcess.Succeed([.. Here(Jobs("here")), "--local", "2"]);
        cluster.WaitForAll();
        cluster.Succeed("jobs", "status", work);
        WorkspaceFiles.AssertSameModel(folder.At("here", "model.zip"), folder.At("cluster", "model.zip"));
    }

    [FactWith(Needs.SlurmAndPatience)]
    public void Preemption_a_real_time_limit_and_a_cohort_of_forty()
    {
        using var folder = new TemporaryFolder();
        using var cluster = new SlurmCluster();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 2);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        string[] jobs =
        [
            "jobs", "train", work, "-c", "2d", "-f", "0", "--epochs", "1200", "--iterations", "4", "--batch", "2", "--cpus", "2",
            "--time", "1", "--device", "cpu",
        ];
        cluster.Succeed(jobs);
        cluster.WaitFor(queue => Running(queue, work) == 1, "a training");
        Thread.Sleep(5000);
        foreach (var node in new[] { "n1", "n2" })
        {
            cluster.Ask("sbatch", "-p", "urgent", "-w", node, "-c", "2", "--output=/dev/null", "--wrap", "sleep 3");
        }

        cluster.WaitForAll();
        var record = JsonNode.Parse(File.ReadAllText(Path.Combine(work, "jobs", "tasks", "train-2d_0", "record.json")))!;
        string[] outcomes = [.. record["attempts"]!.AsArray().Select(attempt => (string)attempt!["outcome"]!)];
        Assert.Equal("Stopped", outcomes[0]);
        Assert.Contains("OutOfTime", outcomes);
        if (outcomes[^1] != "Finished")
        {
            // A busy machine: three more times were not enough, and the task says so.
            Assert.Equal(3, outcomes.Count(outcome => outcome == "OutOfTime"));
            var status = cluster.Run("jobs", "status", work);
            Assert.Contains("train-2d_0: the time limit came 4 times", status.Output, StringComparison.Ordinal);
            cluster.Succeed("jobs", "resubmit", work, "--failed", "--time", "x10");
            cluster.WaitForAll();
        }

        cluster.Succeed("jobs", "status", work);

        var alone = folder.At("alone");
        SharpSegProcess.Succeed("plan", dataset, "-o", alone);
        SharpSegProcess.Succeed([.. Here(jobs).Select(word => word == work ? alone : word), "--local", "1"]);
        WorkspaceFiles.AssertSameModel(Path.Combine(alone, "model.zip"), Path.Combine(work, "model.zip"));

        var cohort = Path.Combine(TinyDataset.Write(folder.At("cohort"), cases: 40), "imagesTr");
        var model = Path.Combine(work, "model.zip");
        cluster.Succeed(
            ["jobs", "predict", model, "-i", cohort, "-o", folder.At("parts"), "--parts", "8", "--mem", "2G", .. OneThread]);
        SharpSegProcess.Succeed("predict", model, "-i", cohort, "-o", folder.At("one"), "--device", "cpu", "--threads", "1");
        cluster.WaitForAll();
        Assert.Contains(
            "all 9 tasks succeeded", cluster.Succeed("jobs", "status", folder.At("parts")).Output, StringComparison.Ordinal);
        var files = Directory.GetFiles(folder.At("one"), "*.nii.gz").Select(Path.GetFileName).ToArray();
        Assert.Equal(40, files.Length);
        Assert.All(files, file => Assert.Equal(
            ImageFile.ReadLabels(folder.At("one", file!)).Voxels, ImageFile.ReadLabels(folder.At("parts", file!)).Voxels));
    }

    /// <summary>The same command for this machine, which has no time limit.</summary>
    private static IEnumerable<string> Here(string[] command)
    {
        var time = Array.IndexOf(command, "--time");
        return [.. command[..time], .. command[(time + 2)..]];
    }

    private static int Running(string[] queue, string work) => queue.Count(
        line => line.StartsWith($"{Path.GetFileName(work)}.train-", StringComparison.Ordinal)
            && line.Contains(" RUNNING ", StringComparison.Ordinal));
}
