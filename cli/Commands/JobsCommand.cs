using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Jobs;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Kernels.Gpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg jobs …</c>: the whole method, and cohorts, beyond one process.</summary>
internal static class JobsCommand
{
    public static Answer Train(JobsTrainOptions options, IReporter reporter, CancellationToken cancel)
    {
        // Jobs run in another folder.
        options.Pretrained = options.Pretrained is { } path ? Path.GetFullPath(path) : null;
        options.Recipe = options.Recipe is { } recipe && File.Exists(recipe) ? Path.GetFullPath(recipe) : options.Recipe;
        var words = PassedWords.Of(
            options, typeof(TrainOptions), except: ["plan", "folds", "device", "devices", "json", "quiet"]);
        Choices.Precision(options.Precision);
        var run = PassedWords.Understood<TrainOptions>(["train", options.Work, .. words]);
        var length = TrainCommand.Check(run);
        string[] configurations = [.. options.Configurations], typed = [.. options.Folds];
        var folds = typed is [] or ["all"] ? [] : Choices.Folds(typed);
        if (options.Pretrained is { } start && !File.Exists(start))
        {
            throw new SharpSegException($"`{start}`: no such file");
        }

        using var pretrained = TrainCommand.Pretrained(run, cancel);
        using var processor = Cpu.Open();
        var request = new TrainingJobsRequest(
            new Workspace(options.Work, options.Plan), configurations is ["all"] ? [] : configurations, folds, words,
            options.Device, $"jobs train {options.Work}")
        { Length = length, Runs = TrainCommand.RequestOf(run, length, pretrained) };
        var place = PlaceOf(options, options.Device, options.Precision);
        var report = JobsRun.Train(request, SiteOf(options), place, processor, reporter, cancel);
        return Begun(report, options, options.Work);
    }

    public static Answer Predict(JobsPredictOptions options, IReporter reporter, CancellationToken cancel)
    {
        if (options.Parts is < 1 or > 10_000)
        {
            throw new UsageException($"--parts {options.Parts}: must be from 1 to 10000");
        }

        PredictCommand.RequireStep(options.Step);
        if (File.Exists(options.Model))
        {
            PredictCommand.RequireNoPlan(options.Plan, options.Model);
        }

        List<string> words = [];
        void Add(string option, string? value) => words.AddRange(value is null ? [] : [option, value]);
        Add("--plan", options.Plan);
        Add("-c", options.Configuration);
        string[] folds = [.. options.Folds];
        var chosen = Choices.Folds(folds);
        Add("-f", folds is [] ? null : string.Join(',', folds));
        Add("--step", options.Step?.ToString(CultureInfo.InvariantCulture));
        words.AddRange(options.NoMirroring ? ["--no-tta"] : []);
        words.AddRange(options.NoPostprocessing ? ["--no-postprocessing"] : []);
        words.AddRange(options.SaveProbabilities ? ["--save-probabilities"] : []);
        var request = new PredictionJobsRequest(
            options.Model, [.. options.Input], options.Output, options.Parts, words, options.Device,
            $"jobs predict {options.Model} -o {options.Output}")
        { Plan = options.Plan, Configuration = options.Configuration, Folds = chosen };
        var report = JobsRun.Predict(request, SiteOf(options), PlaceOf(options, options.Device), reporter, cancel);
        return Begun(report, options, options.Output);
    }

    public static Answer Status(JobsStatusOptions options)
    {
        var report = JobsRun.Status(options.Folder);
        return new Answer(report.Text, report.Json, !report.HasFailures);
    }

    public static Answer Logs(JobsLogsOptions options)
    {
        var (file, text) = JobsRun.Log(options.Folder, options.Task);
        return new Answer($"{file}\n{text}", new JsonObject { ["log"] = file, ["text"] = text });
    }

    public static Answer Cancel(JobsCancelOptions options)
    {
        var count = JobsRun.Cancel(options.Folder);
        return new Answer(
            count == 0 ? "nothing waits or runs" : $"{Counted.Of(count, "task")} taken out of the queue; `sharpseg jobs resubmit` goes on",
            new JsonObject { ["cancelled"] = count });
    }

    public static Answer Resubmit(JobsResubmitOptions options, IReporter reporter, CancellationToken cancel)
    {
        Func<long, long>? memory = options.Memory is not { } size ? null
            : Factor(size, "--mem") is { } times ? bytes => (long)(bytes * times) : _ => Size(size);
        Func<string, string>? time = options.Time is not { } limit ? null
            : Factor(limit, "--time") is { } longer
            ? ResubmitRequest.TimesTime(longer)
            : _ => JobSite.RequireTime(limit, "--time");
        var request = new ResubmitRequest(options.Failed, memory, time);
        return Begun(
            JobsRun.Resubmit(options.Folder, request, PlaceOf(options, "auto"), reporter, cancel), options, options.Folder);
    }

    public static Answer Measure(JobsMeasureOptions options, IReporter reporter, CancellationToken cancel)
    {
        var work = new Workspace(options.Work, options.Plan);
        work.ReadPlans(); // a workspace without plans is answered before a device is opened
        using var backend = Devices.Open(options, reporter);
        var threads = options.Threads > 0 ? options.Threads : Environment.ProcessorCount;
        var measured = MeasuringRun.Execute(
            work, [.. options.Configurations], backend, threads, options.Budget, reporter, cancel);
        var lines = measured.Select(item => FormattableString.Invariant(
            $"{item.Configuration}: {item.SecondsPerStep:0.000} s per step of batch {item.Batch}, ")
            + FormattableString.Invariant($"{item.SecondsPerTile:0.000} s per predicted tile"));
        return new Answer(
            string.Join('\n', lines), new JsonObject
            {
                ["measured"] = new JsonArray([.. measured.Select(item => (JsonNode)item.Json)]),
            });
    }

    public static Answer Check(JobsCheckOptions options, IReporter reporter, CancellationToken cancel)
    {
        reporter.Stage($"check {options.Folder}");
        var cases = PredictionCheck.Execute(options.Folder, [.. options.Input], reporter, cancel);
        return new Answer($"{(cases == 1 ? "the scan has its" : $"all {cases} scans have their")} segmentation", new JsonObject { ["cases"] = cases });
    }

    /// <summary>What was begun; a local run has ended, and a failure in it is one of the command.</summary>
    private static Answer Begun(JobReport report, JobsOptions options, string folder)
    {
        var jobs = Path.Combine(folder, "jobs");
        var next = options.DryRun ? $"scripts: {jobs}; `bash {Path.Combine(jobs, "submit.sh")}` submits them"
            : $"`sharpseg jobs status {folder}` says how they stand";
        var isLocal = options.Local is not null || options.Devices.Any();
        return new Answer($"{report.Text}{next}", report.Json, !isLocal || !report.HasFailures);
    }

    private static JobSite SiteOf(NewJobsOptions options)
    {
        TrainCommand.RequirePositive(options.Cpus, "--cpus");
        TrainCommand.RequirePositive(options.Throttle, "--throttle");
        var site = options.Site is { } file ? JobSite.Read(file) : new JobSite();
        if (site.Paths.Groups.Count > 0)
        {
            Environment.SetEnvironmentVariable(PlaceNames.Variable, site.Paths.Text); // they hold here, too
        }

        var memory = options.Memory is { } text ? Size(text) : site.MemoryBytes;
        return site with
        {
            Time = options.Time is { } time ? JobSite.RequireTime(time, "--time") : site.Time,
            Gres = options.Gres is { } gres ? JobSite.RequireGres(gres, "--gres") : site.Gres,
            MemoryBytes = memory,
            Cpus = options.Cpus ?? site.Cpus,
            Throttle = options.Throttle ?? site.Throttle,
            Slurm = options.Slurm is { } slurm ? [.. site.Slurm, JobSite.RequireOptions(slurm, "--slurm")] : site.Slurm,
        };
    }

    private static JobsPlace PlaceOf(JobsOptions options, string device, string? precision = null)
    {
        TrainCommand.RequirePositive(options.Local, "--local");
        string[] devices = [.. options.Devices];
        var local = options.Local ?? (devices.Length > 0 ? devices.Length : null);
        if (options.DryRun && local is not null)
        {
            throw new UsageException(
                $"--dry-run only writes, {(devices.Length > 0 ? "--devices" : "--local")} runs", "leave out one of them");
        }

        if (local is not null)
        {
            RequireNothingOfSlurm(options, devices.Length > 0 ? "--devices" : "--local");
        }

        if (devices.Length > 0)
        {
            Devices.Require(devices, device);
        }
        else if (local is not null && device == "auto")
        {
            devices = [.. Gpu.Cards().Select(gpu => gpu.Id)];
        }

        if (local is not null)
        {
            Devices.RequireOpens(devices.Length > 0 ? devices : [device], precision); // every task would find it out by itself
        }

        return new JobsPlace(options.DryRun, local, devices, Self());
    }

    /// <summary>Refuses what only Slurm keeps to: processes of this machine would run as if it had not been said.</summary>
    private static void RequireNothingOfSlurm(JobsOptions options, string place)
    {
        (string Name, object? Value)[] slurm = options switch
        {
            NewJobsOptions jobs =>
                [("--time", jobs.Time), ("--gres", jobs.Gres), ("--throttle", jobs.Throttle), ("--slurm", jobs.Slurm)],
            JobsResubmitOptions again => [("--time", again.Time)],
            _ => [],
        };
        string[] given = [.. slurm.Where(option => option.Value is not null).Select(option => option.Name)];
        if (given.Length > 0)
        {
            var them = given.Length == 1 ? "it" : "them";
            throw new UsageException(
                $"{string.Join(", ", given)}: only Slurm keeps to {them}, and {place} runs on this machine",
                $"leave {them} out" + (given.Contains("--gres") ? ", and name the machine's devices with --devices" : ""));
        }
    }

    /// <summary>The words that start this very program.</summary>
    private static IReadOnlyList<string> Self()
    {
        var process = Environment.ProcessPath ?? "sharpseg";
        var assembly = typeof(JobsCommand).Assembly.Location;
        return Path.GetFileNameWithoutExtension(process) == "dotnet" && assembly.Length > 0 ? [process, assembly] : [process];
    }

    private static long Size(string text) => MemoryBudget.Parse(text) is { Bytes: var bytes }
        ? JobSite.RequireMemory(bytes, $"--mem {text}")
        : throw new UsageException($"--mem {text}: not a size", "write it like 16G");

    /// <summary>The factor that a text names; null if it is none but perhaps a size or a time.</summary>
    private static double? Factor(string text, string option)
    {
        if (!text.StartsWith('x'))
        {
            return null;
        }

        return double.TryParse(text[1..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var factor)
            && factor is >= 1 and <= 100
            ? factor
            : throw new UsageException($"{option} {text}: not a factor from x1 to x100", "write it like x1.5");
    }
}
