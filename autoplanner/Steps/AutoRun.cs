using System.Diagnostics;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What <see cref="AutoRun"/> is to do.</summary>
/// <param name="Dataset">Dataset folder.</param>
/// <param name="Work">Workspace to create or continue.</param>
/// <param name="Configurations">Configurations; <see cref="All"/> for all that are planned, none for 3d_fullres where planned,
/// else 2d.</param>
/// <param name="Folds">Folds to train; <see cref="All"/> for every fold of the splits.</param>
/// <param name="Planner">Network, memory and what else is decided before the rules do.</param>
/// <param name="MaxTime">Time for everything; null trains the published schedule.</param>
/// <param name="Seed">Seed of every run.</param>
/// <param name="Resume">Continue an interrupted run.</param>
/// <param name="Surface">Also measure HD95 and NSD.</param>
/// <param name="Plan">Name of the plan in the workspace; null is the default one.</param>
/// <param name="Variant">In what the runs depart from their profile; null in nothing.</param>
/// <param name="GroupBy">Pattern of the patients, whom folds keep together; null for none.</param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
/// <param name="Recipe">How the runs learn; null lets the rule decide.</param>
public sealed record AutoRequest(
    string Dataset, string Work, IReadOnlyList<string> Configurations, IReadOnlyList<string> Folds, PlannerOptions Planner,
    TimeSpan? MaxTime, ulong Seed,
    bool Resume, bool Surface = true, string? Plan = null, TrainingVariant? Variant = null, string? GroupBy = null,
    MemoryBudget? MaxMemory = null, TrainingRecipe? Recipe = null)
{
    /// <summary>All configurations, or all folds; no fold has this name.</summary>
    public const string All = "*";
}

/// <summary>The result.</summary>
/// <param name="Runs">What was trained in this session, in order.</param>
/// <param name="Summary">
/// Scores of the chosen model over the compared folds; where nothing was chosen, of the last run's validation cases.
/// </param>
/// <param name="Best">What was chosen among several runs; null for one, and where no numbered fold can be compared.</param>
/// <param name="Model">The exported model; null where nothing was chosen.</param>
/// <param name="Table">The matrix of runs.</param>
/// <param name="Elapsed">Wall time of this session.</param>
public sealed record AutoResult(
    IReadOnlyList<MatrixOutcome> Runs, EvaluationSummary Summary, BestModel? Best, string? Model, string Table, TimeSpan Elapsed);

/// <summary>
/// The whole picture in one call: verify, measure, plan, preprocess, train folds × configurations with their validation
/// predictions, find the best model, export it. Every step is kept in the workspace and found again when the run is resumed.
/// </summary>
public static class AutoRun
{
    // Reserved for what cannot be foreseen.
    private const double FixedSeconds = 6, MostFixedShare = 0.2, LeastTrainingShare = 0.3;
    // of the time that is left: averaging, scoring and postprocessing all candidates
    private const double ReserveForChoosing = 0.05;
    // Kept from the whole time: files are written and devices closed after the last thing that looks at the clock.
    private const double ReserveForEnding = 0.05, MostSecondsForEnding = 5;
    private const double LeastShare = 0.1; // of an equal share of the whole time, for every run of a matrix that is late

    /// <summary>Runs all steps on one device.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="backend">Trains and predicts.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <exception cref="SharpSegException">The dataset has errors, or a step cannot be done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static AutoResult Execute(
        AutoRequest request, Backend backend, Func<int, Backend> openProcessor, IReporter reporter, CancellationToken cancel) =>
        Execute(request, [new NamedDevice(backend.Name, backend)], openProcessor, reporter, cancel);

    /// <summary>Runs all steps.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="devices">Train and predict, each one run at a time.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <exception cref="SharpSegException">The dataset has errors, or a step cannot be done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static AutoResult Execute(
        AutoRequest request, IReadOnlyList<NamedDevice> devices, Func<int, Backend> openProcessor, IReporter reporter,
        CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var limit = request.MaxTime is { } whole ? BeforeEnding(whole) : (TimeSpan?)null;
        var work = new Workspace(request.Work, request.Plan);
        RequireFreshOrResumed(work, request);
        if (work.RecordedDatasetFolder() is not null)
        {
            WorkspaceGuard.RequireSameDataset(work, Dataset.Open(request.Dataset)); // fails before every voxel is verified
        }

        var (dataset, matrix) = Prepare(request, work, clock, openProcessor, reporter, cancel);
        var isOne = matrix.Cells.Count == 1;
        var runs = MatrixRun.Execute(
            work, dataset, matrix,
            new MatrixRequest(
                request.Seed, (job, runsLeft) =>
                    Length(job, request, limit, clock, matrix.Cells.Count, runsLeft), SkipDone: !isOne, request.Resume,
                Surface: request.Surface, TimeLeft: isOne && limit is { } end ? () => end - clock.Elapsed : null,
                Variant: request.Variant)
            { MaxMemory = request.MaxMemory },
            devices, reporter, cancel);
        return isOne || matrix.NumberedFolds.Count == 0
            ? new AutoResult(runs, Summary(work, dataset, matrix, runs), null, null, matrix.Table(running: []), clock.Elapsed)
            : Choose(request, work, matrix, runs, clock, reporter, cancel);
    }

    private static TimeSpan BeforeEnding(TimeSpan whole) =>
        whole - TimeSpan.FromSeconds(Math.Min(whole.TotalSeconds * ReserveForEnding, MostSecondsForEnding));

    private static TrainingMatrix MatrixOf(AutoRequest request, Workspace work, Dataset dataset, Plans plans) =>
        TrainingMatrix.Of(
        work, dataset,
        request.Configurations is [AutoRequest.All] ? [] : request.Configurations.Count > 0
            ? request.Configurations : [DefaultConfiguration(plans)],
        request.Folds is [AutoRequest.All] ? [] : request.Folds, withFirstStages: true);

    /// <summary>Finds the best configuration or pair, with its postprocessing, and writes it to one file.</summary>
    private static AutoResult Choose(
        AutoRequest request, Workspace work, TrainingMatrix matrix, IReadOnlyList<MatrixOutcome> runs, Stopwatch clock,
        IReporter reporter,
        CancellationToken cancel)
    {
        var whole = new Workspace(work.Folder);
        var pairs = matrix.Configurations.Count(
            name => matrix.KeepsProbabilities(new MatrixCell(name, matrix.NumberedFolds[0]))) > 1;
        var best = FindBestRun.Execute(
            new FindBestRequest(
                whole, matrix.NumberedFolds, pairs, TrainedOnly: request.Configurations is not [AutoRequest.All],
                WorkName: request.Work,
                Plans: [work.Plan ?? Workspace.DefaultPlan], MaxMemory: request.MaxMemory),
            reporter, cancel);
        var model = Path.Combine(work.Folder, "model.zip");
        reporter.Stage($"export {model}");
        ModelArchive.Write(whole, model, null, [], reporter, cancel);
        return new AutoResult(runs, best.Summary, best.Best, model, matrix.Table(running: []), clock.Elapsed);
    }

    /// <summary>Scores of the last run: trained in this session, or, where nothing was left to do, those it has.</summary>
    private static EvaluationSummary Summary(
        Workspace work, Dataset dataset, TrainingMatrix matrix, IReadOnlyList<MatrixOutcome> runs) =>
        runs.Count > 0 ? runs[^1].Result.Summary : SummaryJson.Read(
            Workspace.SummaryFile(
                Workspace.ValidationFolder(work.RunFolder(matrix.Cells[^1].Configuration, matrix.Cells[^1].Fold))),
            EvaluatedClass.Of(dataset.Description.Labels));

    /// <summary>Everything before training. Where all the time goes into it, it stops there: what is prepared is kept.</summary>
    private static (Dataset Dataset, TrainingMatrix Matrix) Prepare(
        AutoRequest request, Workspace work, Stopwatch clock, Func<int, Backend> openProcessor, IReporter reporter,
        CancellationToken cancel)
    {
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (request.MaxTime is { } limit)
        {
            timed.CancelAfter(limit > clock.Elapsed ? limit - clock.Elapsed : TimeSpan.Zero);
        }

        try
        {
            var dataset = Verify(request, reporter, timed.Token);
            var patients = request.GroupBy is { } pattern ? PlanningRun.Patients(dataset, pattern) : null;
            var plans = PlanningRun.Execute(
                dataset, work, PlannerOf(request, work, reporter), reporter, timed.Token, request.MaxMemory).Plans;
            if (patients is not null)
            {
                PlanningRun.Group(work, dataset, patients, reporter);
            }

            var matrix = MatrixOf(request, work, dataset, plans);
            foreach (var name in matrix.Configurations)
            {
                PreprocessingRun.Execute(
                    dataset, work, plans, name, openProcessor, reporter, timed.Token, request.MaxMemory);
            }

            return (dataset, matrix);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw NoTime(clock.Elapsed, request.MaxTime!.Value);
        }
    }

    /// <summary>
    /// How to plan: as asked. Resumed without a word on mirroring, as the plans that are there: a run begun with
    /// `--mirroring all` goes on with it.
    /// </summary>
    internal static PlannerOptions PlannerOf(AutoRequest request, Workspace work, IReporter reporter)
    {
        if (!request.Resume || request.Planner.Mirroring != MirroringRule.Auto || !File.Exists(work.PlansFile)
            || !work.ReadPlans().MirrorsAll)
        {
            return request.Planner;
        }

        reporter.Info("--mirroring all, as it was begun (plans.json, `mirrors_all`)");
        return request.Planner with { Mirroring = MirroringRule.All };
    }

    private static SharpSegException NoTime(TimeSpan used, TimeSpan limit) => new(
        $"no time is left to train: {used.TotalSeconds:0} s of {limit.TotalSeconds:0} s went into preparing the data",
        "give more time with --max-time, and --resume; what is prepared is kept");

    /// <summary>Checks a dataset and throws if it has errors; warnings are only reported.</summary>
    private static Dataset Verify(AutoRequest request, IReporter reporter, CancellationToken cancel)
    {
        var folder = request.Dataset;
        var findings = VerificationRun.Execute(folder, reporter, cancel, request.GroupBy, request.MaxMemory);
        foreach (var finding in findings)
        {
            if (finding.Severity == Severity.Error)
            {
                reporter.Info($"error: {finding.Line}");
            }
            else
            {
                reporter.Warning(finding.Line);
            }
        }

        var errors = findings.Count(f => f.Severity == Severity.Error);
        return errors == 0
            ? Dataset.Open(folder)
            : throw new SharpSegException(
                $"dataset `{folder}` has {Counted.Of(errors, "error")}, the first: {findings.First(f => f.Severity == Severity.Error).Line}",
                $"`sharpseg verify {folder}` lists them all");
    }

    /// <summary>
    /// How long the next run trains. Under a time for everything it gets an equal share of what is left, once something is kept
    /// for choosing; shares are taken anew for every run, so time that one leaves goes to the others. Prediction and scoring are
    /// part of the share. A run of a matrix that is late still gets a little: a matrix with holes chooses nothing.
    /// </summary>
    private static TrainingLength Length(
        TrainingJob job, AutoRequest request, TimeSpan? maxTime, Stopwatch clock, int runs, int runsLeft)
    {
        var asked = new ScheduleChange { Recipe = request.Recipe };
        if (maxTime is not { } limit)
        {
            return TrainingLength.Of(TrainingSchedule.Full(job.Configuration.BatchSize), asked);
        }

        var end = clock.Elapsed + ((limit - clock.Elapsed) * ((runs == 1 ? 1 : 1 - ReserveForChoosing) / runsLeft));
        var least = runs == 1 ? TimeSpan.Zero : limit * (LeastShare / runs);
        TimeSpan Left() => end - clock.Elapsed > least ? end - clock.Elapsed : least;
        return TrainingLength.Within(
            speed => TimeToTrain(job, Left(), limit, clock, speed), speed => end - clock.Elapsed <= Afterwards(job, speed),
            asked);
    }

    /// <summary>What is left of a run's time once prediction and scoring are set aside.</summary>
    private static TimeSpan TimeToTrain(TrainingJob job, TimeSpan left, TimeSpan limit, Stopwatch clock, SpeedProbe speed)
    {
        var fixedSeconds = Math.Min(FixedSeconds, MostFixedShare * left.TotalSeconds);
        var budget = TimeSpan.FromSeconds(
            Math.Max(left.TotalSeconds * LeastTrainingShare, (left - Afterwards(job, speed)).TotalSeconds - fixedSeconds));
        return budget > TimeSpan.Zero ? budget : throw NoTime(clock.Elapsed, limit);
    }

    /// <summary>What prediction and scoring will take.</summary>
    private static TimeSpan Afterwards(TrainingJob job, SpeedProbe speed) =>
        TimeSpan.FromSeconds(ValidationRun.SecondsFor(job, job.ValidationCases, speed));

    private static string DefaultConfiguration(Plans plans) =>
        plans.Configurations.ContainsKey("3d_fullres") ? "3d_fullres" : "2d";

    private static void RequireFreshOrResumed(Workspace work, AutoRequest request)
    {
        if (!request.Resume && Directory.Exists(work.RunsFolder))
        {
            throw new SharpSegException(
                $"`{request.Work}` already holds trained runs",
                "continue with --resume, train another plan beside them with --plan NAME, or choose another folder with -o");
        }

        PlanningRun.RequireUsable(work);
    }
}
