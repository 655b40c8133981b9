using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli;
using SharpSeg.Cli.Commands;
using SharpSeg.Cli.Options;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>The whole method, and cohorts, as jobs; here by processes of this machine.</summary>
public sealed class JobsTests
{
    private static readonly string[] Schedule = ["--epochs", "1", "--iterations", "2", "--batch", "2", "--device", "cpu"];

    [Fact]
    public void The_matrix_by_processes_is_the_matrix_of_one_process()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 2);
        string[] jobs =
        [
            "jobs", "train", folder.At("by jobs"), "-c", "2d,3d_cascade_fullres", "--devices", "cpu,cpu", "--cpus", "1",
            .. Schedule[..^2], "--json",
        ];
        SharpSegProcess.Succeed("plan", dataset, "-o", folder.At("by jobs"), "--memory", "0.0015GB");
        var json = SharpSegProcess.Succeed(jobs).Json();
        Assert.True((bool)json["all_succeeded"]!);
        Assert.Equal(
            [
                "preprocess_0", "preprocess_1", "preprocess_2", "train-3d_lowres_0", "train-3d_lowres_1",
                "train-3d_cascade_fullres_0", "train-3d_cascade_fullres_1", "train-2d_0", "train-2d_1", "find-best_0", "export_0",
            ],
            json["tasks"]!.AsArray().Select(task => (string)task!["name"]!));

        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work, "--memory", "0.0015GB");
        SharpSegProcess.Succeed("preprocess", work);
        foreach (var configuration in new[] { "3d_lowres", "3d_cascade_fullres", "2d" })
        {
            SharpSegProcess.Succeed(
                ["train", work, "-c", configuration, "--all", "--save-probabilities", "--threads", "1", .. Schedule]);
        }

        SharpSegProcess.Succeed("find-best", work, "--trained-only");
        SharpSegProcess.Succeed("export", work, "-o", folder.At("work", "model.zip"));
        WorkspaceFiles.AssertSameModel(folder.At("work", "model.zip"), folder.At("by jobs", "model.zip"));

        // Given again, the command does nothing; with a run missing, it makes that and what follows from it.
        var kept = File.GetLastWriteTimeUtc(folder.At("by jobs", "model.zip"));
        Assert.Contains("0 of 11 tasks are to run", SharpSegProcess.Succeed(jobs).Errors, StringComparison.Ordinal);
        Assert.Equal(kept, File.GetLastWriteTimeUtc(folder.At("by jobs", "model.zip")));
        Directory.Delete(folder.At("by jobs", "runs", "2d", "fold_1"), recursive: true);
        var again = SharpSegProcess.Succeed(jobs);
        Assert.Contains("4 of 11 tasks are to run", again.Errors, StringComparison.Ordinal);
        WorkspaceFiles.AssertSameModel(folder.At("work", "model.zip"), folder.At("by jobs", "model.zip"));
        Assert.Contains(
            "all 11 tasks succeeded", SharpSegProcess.Succeed("jobs", "status", folder.At("by jobs")).Output,
            StringComparison.Ordinal);
        Assert.Contains(
            "train 2d, fold 1", SharpSegProcess.Succeed("jobs", "logs", folder.At("by jobs"), "train-2d_1").Output,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--devices nowhere:7: no such device", "--devices", "cpu,nowhere:7")]
    [InlineData("--device cpu and --devices both", "--devices", "cpu,cpu", "--device", "cpu")]
    [InlineData("--dry-run only writes, --devices runs", "--devices", "cpu", "--dry-run")]
    [InlineData("--time, --gres: only Slurm keeps to them", "--local", "1", "--gres", "gpu:1", "--time", "00:00:01")]
    [InlineData("--throttle: only Slurm keeps to it, and --devices runs", "--devices", "cpu", "--throttle", "1")]
    [InlineData("--slurm: only Slurm keeps to it, and --local runs", "--local", "1", "--slurm=--partition=none")]
    [InlineData("--device nowhere:7: no such device", "--local", "1", "--device", "nowhere:7")]
    [InlineData("--precision fp16: the device cpu computes in fp32", "--local", "1", "--device", "cpu", "--precision", "fp16")]
    [InlineData("--precision fp16: the device cpu computes in fp32", "--devices", "cpu,cpu", "--precision", "fp16")]
    public void Devices_that_are_not_there_or_named_in_vain_are_refused(string says, params string[] options) =>
        SharpSegProcess.Run(["jobs", "train", "work", .. options]).AssertErrorWithHint(2, says);

    [Fact]
    public void A_failing_task_blocks_only_what_needs_it_and_says_why()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 2);
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
        var blocked = Directory.CreateDirectory(Path.Combine(work, "runs", "2d", "fold_0", "checkpoint_final.safetensors"));
        string[] jobs = ["jobs", "train", work, "-c", "2d", "--local", "1", "--cpus", "1", .. Schedule];
        var outcome = SharpSegProcess.Run(jobs);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("2 blocked, 1 failed, 2 done", outcome.Output, StringComparison.Ordinal);
        var log = Path.Combine(work, "jobs", "logs", "train-2d_0.log");
        Assert.Contains($"log: {log}", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("checkpoint_final.safetensors", outcome.Output, StringComparison.Ordinal);
        SharpSegProcess.Run("jobs", "status", work).Deconstruct(out var code, out var text, out _);
        Assert.Equal(1, code);
        Assert.Contains("needs train-2d_0", text, StringComparison.Ordinal);
        Assert.Contains(
            File.ReadAllText(log).Trim(), SharpSegProcess.Succeed("jobs", "logs", work).Output, StringComparison.Ordinal);

        blocked.Delete();
        SharpSegProcess.Run("jobs", "resubmit", work, "--failed", "--time", "x2", "--local", "1")
            .AssertErrorWithHint(2, "--time: only Slurm keeps to it");
        Assert.Contains(
            "3 of 5 tasks are to run",
            SharpSegProcess.Succeed("jobs", "resubmit", work, "--failed", "--mem", "3G", "--local", "1").Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_cohort_in_parts_is_the_cohort_in_one_run()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 2);
        var cohort = Path.Combine(TinyDataset.Write(folder.At("cohort"), cases: 5), "imagesTr");
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", dataset, "-o", work);
        SharpSegProcess.Succeed("preprocess", work, "-c", "2d");
        SharpSegProcess.Succeed(["train", work, "-c", "2d", .. Schedule]);
        SharpSegProcess.Succeed("predict", work, "-i", cohort, "-o", folder.At("one"), "--no-tta", "--device", "cpu");

        // What the model lacks is said before anything is written.
        var model = folder.At("model.zip");
        SharpSegProcess.Succeed("export", work, "-o", model);
        foreach (var (lacks, says, asked) in new[]
        {
            (model, "has no final checkpoint of 3d_fullres", new[] { "-c", "3d_fullres" }), (model, "no such checkpoint", ["-f", "3"]),
            (work, "has no final checkpoint of 3d_fullres", ["-c", "3d_fullres"]), (work, "no such checkpoint", ["-f", "99"]),
        })
        {
            SharpSegProcess.Run(
                ["jobs", "predict", lacks, "-i", cohort, "-o", folder.At("none"), "--parts", "3", "--dry-run", .. asked])
                .AssertErrorWithHint(1, says);
            Assert.False(Directory.Exists(folder.At("none")));
        }

        SharpSegProcess.Run("jobs", "predict", model, "-i", cohort, "-o", folder.At("none"), "--parts", "3", "--plan", "other")
            .AssertErrorWithHint(2, "--plan other");

        string[] jobs =
        [
            "jobs", "predict", work, "-i", cohort, "-o", folder.At("parts"), "--parts", "3", "--no-tta", "--device", "cpu",
            "--local", "2",
        ];
        var outcome = SharpSegProcess.Succeed(jobs);
        Assert.Contains("all 4 tasks succeeded", outcome.Output, StringComparison.Ordinal);
        var files = Directory.GetFiles(folder.At("one"), "*.nii.gz").Select(Path.GetFileName).ToArray();
        Assert.Equal(5, files.Length);
        Assert.All(files, file => Assert.Equal(
            ImageFile.ReadLabels(folder.At("one", file!)).Voxels, ImageFile.ReadLabels(folder.At("parts", file!)).Voxels));

        // A missing segmentation is found; another request would mix with this one's and is refused.
        File.Delete(folder.At("parts", "case_3.nii.gz"));
        SharpSegProcess.Run("jobs", "check", folder.At("parts"), "-i", cohort)
            .AssertErrorWithHint(1, "1 of 5 scans lack their segmentation", "case `case_3` has none");
        SharpSegProcess.Run([.. jobs, "--step", "0.7"])
            .AssertErrorWithHint(1, "segmentations of another request", "no such option there, `--step 0.7` here");

        // Given again, the command makes what is missing, also of scans that came since, and looks at all of it.
        File.Copy(Path.Combine(cohort, "case_0_0000.nii.gz"), Path.Combine(cohort, "case_5_0000.nii.gz"));
        Assert.Contains("3 of 4 tasks are to run", SharpSegProcess.Succeed(jobs).Errors, StringComparison.Ordinal);
        Assert.All(new[] { "case_3.nii.gz", "case_5.nii.gz" }, name => Assert.True(File.Exists(folder.At("parts", name)), name));
        Assert.Contains("1 of 4 tasks are to run", SharpSegProcess.Succeed(jobs).Errors, StringComparison.Ordinal);

        // Where nothing was segmented yet, other options are free.
        string[] dry = ["jobs", "predict", model, "-i", cohort, "-o", folder.At("dry"), "--parts", "3", "--dry-run", "--step"];
        SharpSegProcess.Succeed([.. dry, "0.5"]);
        SharpSegProcess.Succeed([.. dry, "0.7"]);
        Assert.Contains("--step 0.7", File.ReadAllText(folder.At("dry", "jobs", "predict.sh")), StringComparison.Ordinal);

        // A model file cannot be trained.
        var lacking = SharpSegProcess.Run("predict", model, "-c", "3d_fullres", "-i", cohort, "-o", folder.At("none"));
        lacking.AssertErrorWithHint(1, "has no final checkpoint of 3d_fullres");
        Assert.DoesNotContain("sharpseg train", lacking.Errors, StringComparison.Ordinal);
        SharpSegProcess.Run(["jobs", "predict", work, "-i", cohort, "-o", folder.At("one"), "--parts", "2", "--local", "1"])
            .AssertErrorWithHint(1, "holds segmentations already");
    }

    /// <summary>Nonsense would become lines of scripts, and some of it would take the place of the program's own.</summary>
    [Theory]
    [InlineData("too few for the program itself", "--mem", "1")]
    [InlineData("`0` is not a time above 0", "--time", "0")]
    [InlineData("`00:00:00` is not a time above 0", "--time", "00:00:00")]
    [InlineData("`gpu:0` names no device", "--gres", "gpu:0")]
    [InlineData("`gpu:a100:0` names no device", "--gres", "gpu:a100:0")]
    [InlineData("--slurm: --array=0-3: the program itself", "--slurm=--array=0-3")]
    [InlineData("--slurm: --out=x: the program itself", "--slurm=--partition=long --out=x")]
    [InlineData("--slurm: -d: the program itself", "--slurm=-p long -d afterok:7")]
    [InlineData("slurm: --chdir=/: the program itself", "--site", "site.json")]
    public void What_no_job_can_be_given_is_refused(string says, params string[] options)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.At("site.json"), """{"slurm": ["--account=lab --chdir=/"]}""");
        SharpSegProcess.RunIn(folder.Path, ["jobs", "train", "work", .. options]).AssertErrorWithHint(1, says);
    }

    [Fact]
    public void Jobs_that_run_here_are_not_said_to_be_none_when_they_are_cancelled()
    {
        using var folder = new TemporaryFolder();
        var work = folder.At("work");
        SharpSegProcess.Succeed("plan", TinyDataset.Write(folder.At("dataset"), cases: 4), "-o", work);
        SharpSegProcess.Succeed("jobs", "train", work, "-c", "2d", "--dry-run");
        using (RunLock.Take(Path.Combine(work, "jobs"), "run"))
        {
            SharpSegProcess.Run("jobs", "cancel", work)
                .AssertErrorWithHint(1, $"run by another process (process {Environment.ProcessId} on ");
        }

        Assert.Contains("nothing waits", SharpSegProcess.Succeed("jobs", "cancel", work).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_option_of_training_is_passed_on_or_refused_by_name()
    {
        static string[] Names(Type verb) => [.. UnusedWords.Options(verb).Select(pair => pair.Option.LongName)];
        var others = Names(typeof(TrainOptions)).Union(Names(typeof(AutoOptions))).Except(Names(typeof(JobsTrainOptions)));
        Assert.Equal(others.Order(StringComparer.Ordinal), JobsTrainOptions.Refused.Keys.Order(StringComparer.Ordinal));

        // Whatever both have reaches the words; what the graph says itself stays away.
        var options = new JobsTrainOptions();
        string[] exceptions = ["plan", "folds", "device", "devices", "json", "quiet"];
        var shared = UnusedWords.Options(typeof(JobsTrainOptions))
            .Where(pair => Names(typeof(TrainOptions)).Except(exceptions).Contains(pair.Option.LongName)).ToArray();
        Assert.True(shared.Length >= 14, $"{shared.Length} options");
        foreach (var (property, _) in shared)
        {
            var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
            property.SetValue(options, type == typeof(bool) ? true
                : type == typeof(string) ? "7"
                : type == typeof(IEnumerable<string>) ? new[] { "a", "b" }
                : Convert.ChangeType(7, type, System.Globalization.CultureInfo.InvariantCulture));
        }

        var words = PassedWords.Of(options, typeof(TrainOptions), exceptions);
        var understood = PassedWords.Understood<TrainOptions>(["train", "work", .. words]);
        foreach (var (property, option) in shared)
        {
            var other = UnusedWords.Options(typeof(TrainOptions)).Single(pair => pair.Option.LongName == option.LongName);
            Assert.Equal(property.GetValue(options), other.Property.GetValue(understood));
        }

        var untouched = PassedWords.Understood<JobsTrainOptions>(["jobs train", "work"]);
        Assert.Empty(PassedWords.Of(untouched, typeof(TrainOptions), exceptions));
    }

    /// <summary>The commands of docs/guide/slurm.md, as far as they go where no Slurm is: the scripts are written.</summary>
    [Fact]
    public void The_commands_of_the_guide_are_understood()
    {
        using var folder = new TemporaryFolder();
        var dataset = TinyDataset.Write(folder.At("dataset"), cases: 4);
        var page = File.ReadAllLines(Path.Combine(Checkout.Root, "docs", "guide", "slurm.md"));
        string[] commands =
            [.. page.Where(line => line.StartsWith("    sharpseg ", StringComparison.Ordinal)).Select(line => line.Trim())];
        Assert.InRange(commands.Length, 12, 20);
        Directory.CreateDirectory(folder.At("work", "jobs", "logs"));
        File.WriteAllText(folder.At("work", "jobs", "logs", "train-2d_3.log"), "epoch 1");
        SharpSegProcess.Succeed(
            "import", new NnUNetModelWriter().Write(folder.At("nnunet")), "-o", folder.At("work", "model.zip"));
        var site = page.SkipWhile(line => !line.StartsWith("    {", StringComparison.Ordinal))
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal));
        File.WriteAllLines(folder.At("site.json"), site);
        foreach (var command in commands)
        {
            var dry = command.Contains("--gres", StringComparison.Ordinal)
                && !command.Contains("--dry-run", StringComparison.Ordinal);
            SharpSegProcess.Succeed(
            [
                .. command.Replace("\"", "", StringComparison.Ordinal).Split(' ').Skip(1).Select(word => word switch
                {
                    "DATASET" => dataset,
                    "SCANS" => Path.Combine(dataset, "imagesTr"),
                    "OUT" => folder.At("out"),
                    "ID" => (string)JsonNode.Parse(File.ReadAllText(folder.At("work", "jobs", "graph.json")))!["id"]!,
                    "site.json" => folder.At("site.json"),
                    _ => word.StartsWith("WORK", StringComparison.Ordinal) ? folder.At("work") + word[4..] : word,
                }),
                .. dry ? ["--dry-run"] : Array.Empty<string>(),
            ]);
        }

        var script = File.ReadAllText(folder.At("work", "jobs", "train-2d.sh"));
        Assert.Contains("#SBATCH --partition=gpu\n", script, StringComparison.Ordinal);
        Assert.Contains("module load dotnet\n\nexec /opt/sharpseg/sharpseg \\\n", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_words_are_answered_in_words()
    {
        using var folder = new TemporaryFolder();
        SharpSegProcess.Run("jobs").AssertError(2, "jobs train");
        SharpSegProcess.Run("jobs", "trian", "work").AssertErrorWithHint(2, "did you mean `jobs train`?");
        SharpSegProcess.Run("jobs", "status", folder.Path).AssertErrorWithHint(1, "has no jobs");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--dry-run").AssertErrorWithHint(1, "plans.json");
        SharpSegProcess.Run("jobs", "task", folder.Path, "a_0", "--id", "x").AssertErrorWithHint(2, "command is missing");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--time", "soon").AssertErrorWithHint(1, "is not a time");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--threads", "4")
            .AssertErrorWithHint(2, "has no --threads", "--cpus says");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--activation", "relu")
            .AssertErrorWithHint(2, "has no --activation", "part of the plan");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--loss", "focal").AssertErrorWithHint(2, "--loss focal: unknown");
        SharpSegProcess.Run("jobs", "train", folder.Path, "--max-time", "2h", "--epochs", "3")
            .AssertErrorWithHint(2, "--max-time chooses");
        Assert.Contains(
            "usage: sharpseg jobs predict MODEL -i INPUT -o OUTPUT --parts PARTS [options]",
            SharpSegProcess.Succeed("help", "jobs", "predict").Output, StringComparison.Ordinal);
        Assert.Contains(
            "usage: sharpseg jobs train WORK", SharpSegProcess.Succeed("help", "jobs", "train").Output, StringComparison.Ordinal);
        Assert.Contains(
            "usage: sharpseg jobs train WORK", SharpSegProcess.Succeed("jobs", "train", "-h").Output, StringComparison.Ordinal);
    }
}
