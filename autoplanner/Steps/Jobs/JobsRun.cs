using System.ComponentModel;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Where jobs run.</summary>
/// <param name="DryRun">Only write the scripts.</param>
/// <param name="Processes">So many processes on this machine; null hands them to Slurm.</param>
/// <param name="Devices">Devices that those share; none leaves the choice to each.</param>
/// <param name="Program">The words that start this program.</param>
public sealed record JobsPlace(bool DryRun, int? Processes, IReadOnlyList<string> Devices, IReadOnlyList<string> Program);

/// <summary>The whole method as jobs.</summary>
/// <param name="Work">A planned workspace.</param>
/// <param name="Configurations">Names; none for all that are planned.</param>
/// <param name="Folds">Folds; none for all of the splits.</param>
/// <param name="Options">Words of `train` that every run gets.</param>
/// <param name="Device">What --device says.</param>
/// <param name="Verb">The command as typed, for comments.</param>
public sealed record TrainingJobsRequest(
    Workspace Work, IReadOnlyList<string> Configurations, IReadOnlyList<string> Folds, IReadOnlyList<string> Options,
    string Device, string Verb)
{
    /// <summary>What <see cref="Options"/> ask of every run's length.</summary>
    public ScheduleChange Length { get; init; } = new();

    /// <summary>All that <see cref="Options"/> ask of every run.</summary>
    public required MatrixRequest Runs { get; init; }
}

/// <summary>The prediction of a cohort as jobs.</summary>
/// <param name="Model">A workspace or model.zip.</param>
/// <param name="Inputs">Folders or files.</param>
/// <param name="Output">Folder for the segmentations.</param>
/// <param name="Parts">Number of tasks.</param>
/// <param name="Options">Further words of `predict`.</param>
/// <param name="Device">What --device says.</param>
/// <param name="Verb">The command as typed, for comments.</param>
public sealed record PredictionJobsRequest(
    string Model, IReadOnlyList<string> Inputs, string Output, int Parts, IReadOnlyList<string> Options, string Device,
    string Verb)
{
    /// <summary>The plan that <see cref="Options"/> name; null for the default one.</summary>
    public string? Plan { get; init; }

    /// <summary>The configuration that <see cref="Options"/> name; null as the model says.</summary>
    public string? Configuration { get; init; }

    /// <summary>The folds that <see cref="Options"/> name; none as the model says.</summary>
    public IReadOnlyList<string> Folds { get; init; } = [];
}

/// <summary>What is run again.</summary>
/// <param name="FailedOnly">Only what failed, and what waits for it; else all that is neither done nor in the queue.</param>
/// <param name="Memory">Bytes for arrays with a failure, from those they had; null for the same.</param>
/// <param name="Time">Their time, from the one they had, as Slurm writes it; null for the same.</param>
public sealed record ResubmitRequest(bool FailedOnly, Func<long, long>? Memory = null, Func<string, string>? Time = null)
{
    /// <summary>More or less time by a factor.</summary>
    public static Func<string, string> TimesTime(double factor) => time => SlurmTime.Times(time, factor);
}

/// <summary>
/// Folds × configurations, or the parts of a cohort, as jobs beyond one process: written as scripts, handed to Slurm, or run on
/// this machine. The same request given twice does what is missing, and nothing twice.
/// </summary>
public static class JobsRun
{
    private const int IdCharacters = 12;
    private const long MostShown = 4L << 20; // bytes of a log

    /// <summary>Trains the matrix.</summary>
    /// <exception cref="SharpSegException">The workspace is not planned, or Slurm refused.</exception>
    public static JobReport Train(
        TrainingJobsRequest request, JobSite site, JobsPlace place, Backend processor, IReporter reporter,
        CancellationToken cancel)
    {
        var work = request.Work;
        work.ReadPlans(); // a workspace without plans is answered before anything else
        var isWithoutImages = place.DryRun && work.RecordedDatasetFolder() is null;
        var dataset = isWithoutImages ? null : Dataset.Open(work.ReadDatasetFolder());
        var matrix = TrainingMatrix.Of(work, dataset, request.Configurations, request.Folds, withFirstStages: true);
        if (dataset is not null)
        {
            MatrixRun.RequireAsAsked(work, matrix, request.Runs); // what is done gets no task, which would refuse it
        }

        var folder = new JobFolder(work.Folder);
        Directory.CreateDirectory(folder.Path);
        using var alone = folder.Take();
        var before = JobPlan.Find(folder);
        var style = new TrainingStyle(request.Options, request.Device, request.Length, request.Runs.Probabilities);
        bool WasDone(JobStage stage) => before?.Graph.Stage(stage.Name)?.DoesTheSameAs(stage) == true
            && stage.Tasks.All(task => TaskRecord.Read(folder.RecordFile(task.Name)).IsFinished);
        var sizes = new JobSizes(work, dataset, processor, site, MostCpus(place));
        var graph = TrainingGraph.Of(work, matrix, style, site, sizes, WasDone);
        foreach (var stage in place.Processes is null ? graph.Stages : [])
        {
            reporter.Info($"{stage.Name}: {Given(stage.Resources)}");
        }

        var plan = new JobPlan(IdOf(before), request.Verb, graph, site, Program(site, place));
        return Begin(folder, plan, Ask(folder, place, reporter), place, reporter, cancel);
    }

    /// <summary>Predicts a cohort.</summary>
    /// <exception cref="SharpSegException">
    /// The model lacks what is asked for, the output holds something else, or Slurm refused.
    /// </exception>
    public static JobReport Predict(
        PredictionJobsRequest request, JobSite site, JobsPlace place, IReporter reporter, CancellationToken cancel)
    {
        foreach (var path in request.Inputs.Append(request.Model).Where(path => !File.Exists(path) && !Directory.Exists(path)))
        {
            throw new SharpSegException($"`{path}`: no such file or folder");
        }

        var output = Path.GetFullPath(request.Output);
        OutputFolder.Check(output, [.. request.Inputs.Where(Directory.Exists)]);
        var folder = new JobFolder(output);
        var before = JobPlan.Find(folder);
        var style = new PredictionStyle(
            Path.GetFullPath(request.Model), [.. request.Inputs.Select(Path.GetFullPath)], request.Parts, request.Options,
            request.Device);
        var left = before is null ? null : PredictionCheck.PartsLeft(
            output, request.Inputs, request.Parts, request.Options.Contains("--save-probabilities"));
        bool WasDone(JobTask part) =>
            left?.Contains(part.Item.Index) == false && TaskRecord.Read(folder.RecordFile(part.Name)).IsFinished;
        if (place.Processes is { } processes && site.MemoryBytes is null)
        {
            var share = MemoryBudget.OfMachine().Bytes / processes;
            site = site with { MemoryBytes = Math.Min(PredictionGraph.DefaultMemory, share) };
        }

        var graph = PredictionGraph.Of(style, site, MostCpus(place), WasDone);
        RequireSameRequest(output, before, graph);
        RequireModel(request, cancel);
        try
        {
            Directory.CreateDirectory(folder.Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException($"`{output}`: cannot make this folder: {error.Message}", "choose another with -o", error);
        }

        using var alone = folder.Take();
        var plan = new JobPlan(IdOf(before), request.Verb, graph, site, Program(site, place));
        return Begin(folder, plan, Ask(folder, place, reporter), place, reporter, cancel);
    }

    /// <summary>How the jobs of a folder stand.</summary>
    /// <exception cref="SharpSegException">It has none, or the controller does not answer.</exception>
    public static JobReport Status(string path)
    {
        var folder = JobFolder.Existing(path);
        return new JobReport(folder, JobStates.Of(folder, JobPlan.Read(folder).Graph, SlurmAnswer.Of(folder)));
    }

    /// <summary>What a task printed.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="name">The task, or an array's name for its first failed task; null for the first failed task of all.</param>
    /// <returns>The file and its text, of a long one the end.</returns>
    /// <exception cref="SharpSegException">There is no such task, or it has printed nothing.</exception>
    public static (string File, string Text) Log(string path, string? name)
    {
        var folder = JobFolder.Existing(path);
        var graph = JobPlan.Read(folder).Graph;
        JobTask[] tasks = [.. graph.Tasks.Where(task => name is null || task.Name == name || task.Stage.Name == name)];
        if (tasks.Length == 0)
        {
            throw new SharpSegException(
                $"`{path}` has no task `{name}`", $"its tasks: {string.Join(", ", graph.Tasks.Select(task => task.Name))}");
        }

        var failed = tasks.Length == 1 ? tasks[0] : JobStates.Of(folder, graph, SlurmAnswer.Of(folder))
            .Where(status => tasks.Contains(status.Task) && status.State == TaskState.Failed).Select(status => status.Task)
            .FirstOrDefault();
        var task = failed ?? tasks.LastOrDefault(other => File.Exists(folder.LogFile(other))) ?? tasks[0];
        var file = folder.LogFile(task);
        return new FileInfo(file) is { Exists: true, Length: > 0 } ? (file, End(file)) : throw new SharpSegException(
            $"`{file}`: no such file, or empty: {task.Name} has printed nothing yet",
            $"`sharpseg jobs status {path}` says how it stands");
    }

    /// <summary>The end of a log, which may have grown for weeks.</summary>
    private static string End(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var before = Math.Max(0, stream.Length - MostShown);
        stream.Position = before;
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        return before == 0 ? text : $"… {before} bytes before\n{text[(text.IndexOf('\n', StringComparison.Ordinal) + 1)..]}";
    }

    /// <summary>Takes everything that waits or runs out of the queue; what runs saves its state.</summary>
    /// <returns>How many tasks.</returns>
    /// <exception cref="SharpSegException">Slurm refused, or they run without it.</exception>
    public static int Cancel(string path)
    {
        var folder = JobFolder.Existing(path);
        var slurm = SlurmAnswer.Of(folder);
        string[] jobs = [.. slurm.Queue.Keys];
        if (jobs.Length > 0 && Slurm.Ask("scancel", jobs) is (not 0 and var code, _, var errors))
        {
            throw new SharpSegException($"scancel ended with {code}: {errors.Trim()}");
        }

        IEnumerable<string> here = jobs.Length > 0 ? [] : JobStates.Of(folder, JobPlan.Read(folder).Graph, slurm)
            .Where(status => status.State == TaskState.Running).Select(status => folder.TaskFolder(status.Task.Name))
            .Prepend(folder.Path);
        return here.FirstOrDefault(RunLock.IsTaken) is not { } taken ? jobs.Length : throw new SharpSegException(
            $"`{path}`: its jobs are no jobs of Slurm: they are run by another process{LockOwner.Describe(taken)}",
            "interrupt that process, with Ctrl-C or `kill -TERM`: every task saves its state");
    }

    /// <summary>Runs again what is neither done nor in the queue.</summary>
    /// <exception cref="SharpSegException">There is nothing, or Slurm refused.</exception>
    public static JobReport Resubmit(
        string path, ResubmitRequest request, JobsPlace place, IReporter reporter, CancellationToken cancel)
    {
        var folder = JobFolder.Existing(path);
        using var alone = folder.Take();
        var plan = JobPlan.Read(folder);
        var slurm = Ask(folder, place, reporter);
        var states = JobStates.Of(folder, plan.Graph, slurm);
        IEnumerable<JobTask> With(params TaskState[] wanted) =>
            states.Where(status => wanted.Contains(status.State)).Select(status => status.Task);
        var failed = With(TaskState.Failed).Select(task => task.Stage.Name).ToHashSet();
        var chosen = (request.FailedOnly
            ? With(TaskState.Failed, TaskState.Blocked)
            : With(TaskState.Failed, TaskState.Blocked, TaskState.Left)).Select(task => task.Name).ToHashSet();
        if (chosen.Count == 0)
        {
            return new JobReport(folder, states);
        }

        if (failed.Count == 0 && (request.Memory is not null || request.Time is not null))
        {
            throw new SharpSegException(
                $"`{path}`: nothing has failed, and --mem and --time are for what has",
                "leave them out; `sharpseg jobs cancel`, then the first command with other --mem and --time, changes what waits");
        }

        JobStage Grown(JobStage stage) => !failed.Contains(stage.Name) ? stage : stage with
        {
            Resources = stage.Resources with
            {
                MemoryBytes = request.Memory?.Invoke(stage.Resources.MemoryBytes) ?? stage.Resources.MemoryBytes,
                Time = request.Time?.Invoke(stage.Resources.Time) ?? stage.Resources.Time,
                TimeSource = request.Time is null ? stage.Resources.TimeSource : "as asked for again",
            },
        };
        plan = plan with { Graph = new JobGraph([.. plan.Graph.Stages.Select(Grown)]), Program = Program(plan.Site, place) };
        return Begin(folder, plan, slurm, place, reporter, cancel, task => chosen.Contains(task.Name));
    }

    /// <summary>What Slurm says; scripts can be written without it, where it is not installed.</summary>
    private static SlurmAnswer Ask(JobFolder folder, JobsPlace place, IReporter reporter)
    {
        try
        {
            return SlurmAnswer.Of(folder);
        }
        catch (SharpSegException error) when (place.DryRun && error.InnerException is Win32Exception)
        {
            reporter.Warning($"{error.Message}: the scripts take it that nothing waits or runs");
            return SlurmAnswer.None;
        }
    }

    /// <summary>Writes what is to run, and runs it where it is asked for.</summary>
    private static JobReport Begin(
        JobFolder folder, JobPlan plan, SlurmAnswer slurm, JobsPlace place, IReporter reporter, CancellationToken cancel,
        Func<JobTask, bool>? chosen = null)
    {
        if (place.Processes is not null && slurm.Queue.Count > 0)
        {
            throw new SharpSegException(
                $"{slurm.Queue.Count} tasks of `{folder.Owner}` wait or run in Slurm",
                $"`sharpseg jobs cancel {folder.Owner}` takes them out of the queue");
        }

        if (JobPlan.Find(folder) is { } before)
        {
            MakeWay(folder, before, plan, slurm);
        }

        var states = JobStates.Of(folder, plan.Graph, slurm);
        var inQueue = states.Where(status => status is { IsInQueue: true, Task.Stage.Command.Count: > 0 })
            .ToDictionary(status => status.Task.Name, status => status.Job!);

        // While others of a submission still wait or run, what ended well in it is part of it.
        bool IsLeft(TaskStatus status) => status.State != TaskState.Running && !status.IsInQueue && !status.Task.Item.IsDone
            && !(inQueue.Count > 0 && status.State == TaskState.Done);
        JobTask[] todo = [.. states.Where(IsLeft).Select(status => status.Task).Where(task => chosen?.Invoke(task) ?? true)];
        plan.Write(folder);
        foreach (var file in place.DryRun ? [] : todo.Select(task => folder.RecordFile(task.Name)).Where(File.Exists))
        {
            File.Delete(file); // an earlier end says nothing about what begins now
        }

        SlurmJobs.Write(folder, plan, todo, inQueue);
        reporter.Info($"{todo.Length} of {states.Count} tasks are to run; scripts: {folder.Path}");
        if (place.DryRun || todo.Length == 0)
        {
            return new JobReport(folder, states);
        }

        if (place.Processes is { } processes)
        {
            LocalJobs.Run(folder, plan, todo, processes, place.Devices, reporter, cancel);
        }
        else
        {
            SlurmJobs.Submit(folder);
        }

        return new JobReport(
            folder, JobStates.Of(folder, plan.Graph, place.Processes is null ? SlurmAnswer.Of(folder) : SlurmAnswer.None));
    }

    /// <summary>
    /// Lets a request take the place of the one before it. What was done for that one does not count as done for this one where
    /// the two differ; what waits or runs for it stands in the way.
    /// </summary>
    private static void MakeWay(JobFolder folder, JobPlan before, JobPlan plan, SlurmAnswer slurm)
    {
        bool IsSame(JobTask task) =>
            plan.Graph.Task(task.Name)?.DoesTheSameAs(task) == true && before.Graph.NeedsOf(task).All(IsSame);
        TaskStatus[] others = [.. JobStates.Of(folder, before.Graph, slurm).Where(
            status => (status.IsInQueue || status.State == TaskState.Running) && !IsSame(status.Task))];
        if (others is [var first, ..])
        {
            throw new SharpSegException(
                $"`{folder.Owner}`: {Counted.Of(others.Length, "task")} of another request "
                    + $"{Counted.Noun(others.Length, "waits or runs", "wait or run")}: "
                    + string.Join(", ", others.Select(status => status.Task.Name))
                    + Difference(first.Task, plan.Graph.Task(first.Task.Name)),
                $"`sharpseg jobs cancel {folder.Owner}` first, which takes them out of the queue; or wait for their end");
        }

        var records = before.Graph.Tasks.Where(task => !IsSame(task)).Select(task => folder.RecordFile(task.Name));
        foreach (var file in records.Where(File.Exists))
        {
            File.Delete(file);
        }
    }

    /// <summary>In what two tasks of one name differ, in brackets; empty where the commands do not tell.</summary>
    private static string Difference(JobTask before, JobTask? now)
    {
        var (old, here) = now is null ? ("", "")
            : before.Item.Text != now.Item.Text ? (before.Item.Text, now.Item.Text)
            : (before.Stage.SaysBeyond(now.Stage), now.Stage.SaysBeyond(before.Stage));
        static string Text(string words) => words.Length == 0 ? "no such option" : $"`{words}`";
        return old == here ? "" : $" ({before.Name}: {Text(old)} there, {Text(here)} here)";
    }

    /// <summary>Refuses a model that lacks what is asked for, as every part would when its turn comes.</summary>
    private static void RequireModel(PredictionJobsRequest request, CancellationToken cancel)
    {
        using var model = File.Exists(request.Model) ? UnpackedModel.Open(request.Model, cancel) : null;
        var whole = model?.Work ?? new Workspace(request.Model, request.Plan);
        try
        {
            foreach (var work in model?.Parts.Count > 0 ? model.Parts.Select(part => part.Work) : [whole])
            {
                ModelChoice.Of(work, work.ReadDescription().Labels, request.Configuration, request.Folds, "final");
            }
        }
        catch (SharpSegException error) when (model is not null)
        {
            throw model.InWordsOfTheFile(error);
        }
    }

    /// <summary>Segmentations of another request would be taken for this one's.</summary>
    private static void RequireSameRequest(string output, JobPlan? before, JobGraph graph)
    {
        if (!Directory.Exists(output) || Directory.EnumerateFiles(output).FirstOrDefault(ImageFile.CanRead) is not { } foreign)
        {
            return; // nothing to mix with, also where all of another request has failed
        }

        if (before is null)
        {
            throw new SharpSegException(
                $"`{output}` holds segmentations already, e.g. `{Path.GetFileName(foreign)}`",
                "choose another folder with -o: parts leave alone what is there");
        }

        var now = graph.Tasks.First();
        if (before.Graph.Tasks.FirstOrDefault() is not { } first || !first.Stage.DoesTheSameAs(now.Stage))
        {
            throw new SharpSegException(
                $"`{output}` holds segmentations of another request: {before.Verb}"
                    + (before.Graph.Tasks.FirstOrDefault() is { } other ? Difference(other, now) : ""),
                "choose another folder with -o, or give the same options");
        }
    }

    private static string Given(JobResources given) =>
        $"{Counted.Of(given.Cpus, "thread")}, {MemoryBudget.Text(given.MemoryBytes)}, {given.Time} "
            + $"({given.TimeSource})";

    /// <summary>Processes of this machine share its threads; nodes are asked for what is wanted.</summary>
    private static int MostCpus(JobsPlace place) =>
        place.Processes is { } processes ? Math.Max(1, Environment.ProcessorCount / processes) : int.MaxValue;

    private static IReadOnlyList<string> Program(JobSite site, JobsPlace place) =>
        site.Program.Count > 0 && place.Processes is null ? site.Program : place.Program;

    private static string IdOf(JobPlan? before) => before?.Id ?? Guid.NewGuid().ToString("N")[..IdCharacters];
}
