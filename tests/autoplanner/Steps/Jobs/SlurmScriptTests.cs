using System.Diagnostics;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Workspaces;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Jobs;

/// <summary>What is handed to Slurm: order, dependencies, resources, and names that no shell takes apart.</summary>
public sealed class SlurmScriptTests
{
    [Fact]
    public void Every_array_waits_for_what_it_reads_and_for_nothing_else()
    {
        using var work = new PlannedWorkspace();
        work.Write();
        string[] lines = work.Script("submit.sh").Split('\n');
        string[] submitted = [.. lines.Where(line => line.StartsWith("submit ", StringComparison.Ordinal))];
        Assert.Equal(
            [
                "submit preprocess 0-2",
                "submit train-3d_lowres 0-4 --dependency=afterok:${ids[preprocess]}_0:${ids[preprocess]}_1",
                "submit train-3d_cascade_fullres 0-4 --dependency=afterok:${ids[preprocess]}_1:${ids[train-3d_lowres]}",
                "submit train-2d 0-4 --dependency=afterok:${ids[preprocess]}_2",
                "submit train-3d_fullres 0-4 --dependency=afterok:${ids[preprocess]}_1",
                "submit find-best 0 --dependency=afterok:${ids[train-3d_lowres]}:${ids[train-3d_cascade_fullres]}:"
                    + "${ids[train-2d]}:${ids[train-3d_fullres]}",
                "submit export 0 --dependency=afterok:${ids[find-best]}",
            ],
            submitted);
        Assert.Contains(
            "items=([0]=3d_lowres [1]=3d_cascade_fullres [2]=2d)", work.Script("preprocess.sh"), StringComparison.Ordinal);
        Assert.Contains(
            "-c 2d -f \"$item\" --resume --save-probabilities --epochs 3", work.Script("train-2d.sh"), StringComparison.Ordinal);
        Assert.Contains(
            "find-best \"$folder\" -f 0,1,2,3,4 --plan default --max-memory ", work.Script("find-best.sh"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_part_of_the_matrix_takes_the_first_stage_with_it()
    {
        using var work = new PlannedWorkspace();
        work.Write(configurations: ["3d_cascade_fullres"], folds: ["1", "3", "all"]);
        var submit = work.Script("submit.sh");
        Assert.Contains("submit train-3d_lowres 0-5 ", submit, StringComparison.Ordinal); // 5 is the network on every case
        Assert.Contains("submit train-3d_cascade_fullres 1,3-4 ", submit, StringComparison.Ordinal);
        Assert.Contains(
            "items=([1]=1 [3]=3 [4]=every-case)", work.Script("train-3d_cascade_fullres.sh"), StringComparison.Ordinal);
        Assert.Contains(
            "-f 1,3 --plan default --trained-only --max-memory ", work.Script("find-best.sh"), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(work.Jobs, "train-2d.sh")));
    }

    [Fact]
    public void Resources_come_from_the_plan_unless_they_are_given()
    {
        using var work = new PlannedWorkspace();
        work.Write(new JobSite { Gres = "gpu:1", Throttle = 2, Slurm = ["--account=lab"], GpuSlurm = ["--partition=gpu"] });
        var training = work.Script("train-3d_fullres.sh");
        Assert.Contains(
            "#SBATCH --gres=gpu:1\n#SBATCH --account=lab\n#SBATCH --partition=gpu\n", training, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --array=0-4%2\n", training, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --time=24:00:00\n", training, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --signal=B:USR1@120\n#SBATCH --requeue\n", training, StringComparison.Ordinal);
        var preprocessing = work.Script("preprocess.sh");
        Assert.DoesNotContain("gpu", preprocessing, StringComparison.Ordinal);
        Assert.Contains("--account=lab", preprocessing, StringComparison.Ordinal);

        // On the processor the network's activations come on top.
        var onDevice = Megabytes(training);
        work.Write();
        var onProcessor = Megabytes(work.Script("train-3d_fullres.sh"));
        Assert.InRange(onDevice, 1000, onProcessor - 1000);

        work.Write(new JobSite { MemoryBytes = 7L << 30, Time = "2-00:00:00", Cpus = 3 });
        training = work.Script("train-3d_fullres.sh");
        Assert.Equal(7 * 1024, Megabytes(training));
        Assert.Contains("#SBATCH --time=2-00:00:00\n", training, StringComparison.Ordinal);
        Assert.Contains($"--threads 3 --max-memory {7L << 30} ", training, StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_are_as_many_as_the_work_keeps_busy()
    {
        using var work = new PlannedWorkspace(cases: 5);
        int Threads(string name) => Number(work.Script(name), "--cpus-per-task=");
        work.Write();
        Assert.Equal(5, Threads("preprocess.sh")); // one for each case
        Assert.Equal(JobSizes.UsualCpus, Threads("train-3d_fullres.sh"));
        Assert.Equal(4, Threads("find-best.sh"));
        Assert.Equal(1, Threads("export.sh"));
        Assert.Contains("--threads 8 --max-memory", work.Script("train-3d_fullres.sh"), StringComparison.Ordinal);

        // On a device they only make batches: the loader's, the caller's, and one that hands the device its work.
        work.Write(new JobSite { Gres = "gpu:1" });
        Assert.Equal(BatchLoader.MostBuilders + 1, Threads("train-3d_fullres.sh"));
        Assert.Equal(5, Threads("preprocess.sh"));
        work.Write(new JobSite { Gres = "gpu:1", Cpus = 12 });
        Assert.Equal([12, 12, 12], [Threads("train-3d_fullres.sh"), Threads("preprocess.sh"), Threads("find-best.sh")]);
    }

    [Fact]
    public void Times_come_from_what_a_fold_has_measured()
    {
        using var work = new PlannedWorkspace();
        var run = Path.Combine(work.Folder, "runs", "2d", "fold_2");
        Directory.CreateDirectory(run);
        // Two epochs of 125 iterations with half the planned batch are half an epoch of the 250 that are asked for.
        var batch = new Workspace(work.Folder).ReadPlans().Resolve("2d").BatchSize / 2;
        File.WriteAllLines(
            Path.Combine(run, "log.jsonl"),
            [
                $$$"""
                {"device": "a processor", "precision": "fp32", "seed": 1, "train_cases": 8, "val_cases": 2, "schedule":
                {"batch_size": {{{batch}}}, "epochs": 2, "iterations_per_epoch": 125, "validation_iterations": 5}}
                """.ReplaceLineEndings(" "),
                """{"epoch": 0, "iterations": 125, "seconds": 449.5, "pseudo_dice": []}""",
                """{"epoch": 1, "iterations": 125, "seconds": 450.5, "pseudo_dice": []}""",
            ]);
        work.Write();
        var script = work.Script("train-2d.sh");
        Assert.Contains("#SBATCH --time=02:00:00\n", script, StringComparison.Ordinal); // 3 × 0.5 h × 1.3
        Assert.Contains(
            "# Time: 3 epochs of 1800.0 s, logged by fold_2 on a processor, x 1.3.\n", script, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --time=24:00:00\n", work.Script("train-3d_fullres.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public void Times_come_from_a_measured_step_of_the_same_network_on_the_same_kind_of_device()
    {
        using var folder = new PlannedWorkspace();
        var work = new Workspace(folder.Folder);
        var (plans, plan) = (work.ReadPlans(), work.ReadPlans().Resolve("3d_fullres"));
        var measured = new SpeedMeasurement(
            "3d_fullres", 4, 2, 0, plan.Patch.ToString(),
            SpeedMeasurement.ParametersOf(plans, plan, work.ReadDescription()), "a processor", JobSizes.UsualCpus, "node7",
            new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        string Time()
        {
            folder.Write();
            return folder.Script("train-3d_fullres.sh").Split("#SBATCH --time=")[1].Split('\n')[0];
        }

        string Expected(double secondsPerStep)
        {
            // 3 epochs of 250 steps and 50 forward passes; half a second for each of the fold's two scored cases.
            var seconds = (3 * (250 + (50 / 3.0)) * secondsPerStep * plan.BatchSize / 2) + 1;
            return JobTimes.Text(TimeSpan.FromSeconds(seconds * 1.5));
        }

        measured.Write(work, onDevice: true);
        Assert.Equal("24:00:00", Time());
        measured.Write(work, onDevice: false);
        Assert.Equal(Expected(4), Time());
        Assert.Contains(
            "# Time: 4.000 s a step of batch 2, measured on node7 (a processor), 2026-01-02, x 1.5.\n",
            folder.Script("train-3d_fullres.sh"), StringComparison.Ordinal);
        (measured with { Threads = 2 * JobSizes.UsualCpus }).Write(work, onDevice: false); // half as many compute half as fast
        Assert.Equal(Expected(8), Time());
        (measured with { Parameters = measured.Parameters + 1 }).Write(work, onDevice: false);
        Assert.Equal("24:00:00", Time());
    }

    [TheoryWithBash]
    [InlineData("/else where")]
    [InlineData("")]
    public void A_task_finds_its_folder_under_the_name_that_its_node_has_for_it(string elsewhere)
    {
        using var work = new PlannedWorkspace();
        using var node = new TemporaryFolder();
        var here = Path.GetDirectoryName(work.Folder)!;
        var there = Path.Combine(node.Path, "home");
        work.Write(
            new JobSite { Paths = PlaceNames.Of([[$"/nowhere{elsewhere}", here, there]], "") }, program: ["printf", "%s\n"]);
        Directory.Move(here, there); // what the submitting machine sees under one path, the node sees under another
        var script = Path.Combine(there, "work", "jobs", "train-2d.sh");
        var (code, errors, output) = Bash(node.Path, "", script, ("SLURM_ARRAY_TASK_ID", "3"));
        Directory.Move(there, here);
        Assert.True(code == 0, errors);
        Assert.Empty(output);
        Assert.StartsWith(
            $"jobs\ntask\n{there}/work\ntrain-2d_3\n",
            File.ReadAllText(Path.Combine(work.Jobs, "logs", "train-2d_3.log")), StringComparison.Ordinal);
        Assert.Contains("--chdir=/ ", work.Script("submit.sh"), StringComparison.Ordinal);
        Assert.Contains("#SBATCH --output=/dev/null\n", work.Script("train-2d.sh"), StringComparison.Ordinal);
        Assert.Contains("export SHARPSEG_PATHS=", work.Script("train-2d.sh"), StringComparison.Ordinal);
        Assert.Equal(3, JobPlan.Read(new JobFolder(work.Folder)).Site.Paths.Groups[0].Count);
    }

    [TheoryWithBash]
    [InlineData("work")]
    [InlineData("my work $(touch HERE) `touch HERE`; touch HERE #%j")]
    [InlineData("it's \"quoted\" \\ & 'more'")]
    public void Names_stay_names_in_the_shell(string name)
    {
        using var work = new PlannedWorkspace(name);
        work.Write();
        var bin = Directory.CreateDirectory(Path.Combine(work.Folder, "bin")).FullName;
        var log = Path.Combine(bin, "log");
        Executable(Path.Combine(bin, "sbatch"), "printf '%s\\n' \"$@\" --- >>\"$LOG\"; echo 17");
        var (code, errors) = Bash(bin, log, Path.Combine(work.Jobs, "submit.sh"));
        Assert.True(code == 0, errors);
        var calls = File.ReadAllText(log).Split("---\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(7, calls.Length);
        Assert.Contains(
            $"--chdir={work.Folder}\n--dependency=afterok:17_2\njobs/train-2d.sh\n", calls[3], StringComparison.Ordinal);
        Assert.Equal("train-2d\t17\t0-4", File.ReadAllLines(Path.Combine(work.Jobs, "submitted"))[3]);

        // Run again by hand, it would submit everything a second time.
        (code, errors) = Bash(bin, log, Path.Combine(work.Jobs, "submit.sh"));
        Assert.Equal(1, code);
        Assert.Contains("has submitted already", errors, StringComparison.Ordinal);
        Assert.Equal(7, File.ReadAllLines(Path.Combine(work.Jobs, "submitted")).Length);

        // Nothing that Slurm parses comes from a name, and the task's words are whole.
        var script = work.Script("train-2d.sh");
        Assert.All(
            script.Split('\n').Where(line => line.StartsWith("#SBATCH", StringComparison.Ordinal)),
            line => Assert.Matches(@"\A#SBATCH --[a-z-]+(=[A-Za-z0-9_.:/%@,-]+)?\z", line));
        const string Start = "exec '/opt/sharp seg/sharpseg'";
        Assert.Contains(Start, script, StringComparison.Ordinal);
        File.WriteAllText(
            Path.Combine(bin, "train.sh"), script.Replace(Start, "printf '%s\\n'", StringComparison.Ordinal));
        File.Delete(log);
        var output = Bash(bin, log, Path.Combine(bin, "train.sh"), ("SLURM_ARRAY_TASK_ID", "3")).Output;
        Assert.StartsWith($"jobs\ntask\n{work.Folder}\ntrain-2d_3\n--id\n", output, StringComparison.Ordinal);
        Assert.Contains($"--\ntrain\n{work.Folder}\n-c\n2d\n-f\n3\n--resume\n", output, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(work.Folder, "HERE")));
    }

    [Theory]
    [InlineData("0-2", 0, 1, 2)]
    [InlineData("3", 3)]
    [InlineData("0,2-3,7", 7, 3, 0, 2)]
    public void Tasks_are_listed_as_ranges(string expected, params int[] indices) =>
        Assert.Equal(expected, SlurmScript.Array(indices));

    [Theory]
    [InlineData("90", 90)]
    [InlineData("90:30", 90.5)]
    [InlineData("24:00:00", 1440)]
    [InlineData("1-12", 2160)]
    [InlineData("1-12:30", 2190)]
    public void Times_are_read_as_Slurm_reads_them(string text, double minutes)
    {
        Assert.Equal(minutes, SlurmTime.Parse(JobSite.RequireTime(text, "")).TotalMinutes);
        Assert.Equal(Math.Ceiling(minutes * 1.5 / 10) * 10, SlurmTime.Parse(SlurmTime.Times(text, 1.5)).TotalMinutes);
    }

    [Theory]
    [InlineData("""{"slurm": ["--partition=long"], "partition": "long"}""", "partition: unknown")]
    [InlineData("""{"slurm": ["long"]}""", "`long` is no option of sbatch")]
    [InlineData("""{"slurm": ["--a=b\n#SBATCH --c"]}""", "is no option of sbatch")]
    [InlineData("""{"time": "soon"}""", "`soon` is not a time")]
    [InlineData("""{"gres": "gpu:1 --x"}""", "names no device")]
    [InlineData("""{"memory": "much"}""", "`much` is not a size")]
    [InlineData("""{"cpus": 0}""", "must be 1 or more")]
    [InlineData("""{"paths": [["/home"]]}""", "is one name, not several of one place")]
    [InlineData("""{"paths": [["/home", "mnt/home"]]}""", "is no absolute path")]
    [InlineData("""{"paths": [["/home", "/mnt=x"]]}""", "is no absolute path without = and ;")]
    public void A_sites_file_is_not_believed(string json, string problem)
    {
        using var temporary = new TemporaryFolder();
        var file = Path.Combine(temporary.Path, "site.json");
        File.WriteAllText(file, json);
        var error = Assert.Throws<SharpSegException>(() => JobSite.Read(file));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    private static int Megabytes(string script) => Number(script, "--mem=");

    private static int Number(string script, string option) => int.Parse(
        script.Split($"#SBATCH {option}")[1].Split('M', '\n')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static void Executable(string path, string body)
    {
        File.WriteAllText(path, $"#!/usr/bin/env bash\n{body}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static (int Code, string Errors, string Output) Run(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, errors.Result, output);
    }

    private static Shell Bash(string bin, string log, string script, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo("bash", [script]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{bin}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["LOG"] = log;
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        var (code, errors, output) = Run(start);
        return new Shell(code, errors, output);
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class TheoryWithBashAttribute : TheoryAttribute
    {
        public TheoryWithBashAttribute() => Skip = File.Exists("/bin/bash") ? null : "there is no /bin/bash to run a script";
    }

    private sealed record Shell(int Code, string Errors, string Output)
    {
        public void Deconstruct(out int code, out string errors) => (code, errors) = (Code, Errors);
    }
}
