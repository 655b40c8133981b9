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
/// <param name="Configuration">Configuration; null takes 3d_fullres where planned, else 2d.</param>
/// <param name="Fold">Fold to train: a number, or `all`.</param>
/// <param name="Network">The network to plan.</param>
/// <param name="MaxTime">Time for everything; null trains the published schedule.</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Resume">Continue an interrupted run.</param>
/// <param name="Surface">Also measure HD95 and NSD.</param>
/// <param name="Plan">Name of the plan in the workspace; null is the default one.</param>
public sealed record AutoRequest(
    string Dataset, string Work, string? Configuration, string Fold, NetworkChoice Network, TimeSpan? MaxTime, ulong Seed, bool Resume, bool Surface = true,
    string? Plan = null);

/// <summary>The result.</summary>
/// <param name="Job">What was trained.</param>
/// <param name="Summary">Scores of its validation cases.</param>
/// <param name="Training">How the training went.</param>
/// <param name="Elapsed">Wall time of this session.</param>
public sealed record AutoResult(TrainingJob Job, EvaluationSummary Summary, TrainingOutcome Training, TimeSpan Elapsed);

/// <summary>
/// The whole picture in one call: verify, measure, plan, preprocess, train one fold, predict its validation cases, score them.
/// Every step is kept in the workspace and found again when the run is resumed.
/// </summary>
public static class AutoRun
{
    // Reserved for what cannot be foreseen: scoring, slower tiles at borders, load variation.
    private const double PredictionMargin = 1.5, FixedSeconds = 5, MostFixedShare = 0.1, LeastTrainingShare = 0.3;

    /// <summary>Runs all steps.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="backend">Trains and predicts.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses, with a number of threads.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <exception cref="SharpSegException">The dataset has errors, or a step cannot be done.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static AutoResult Execute(
        AutoRequest request, Backend backend, Func<int, Backend> openProcessor, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var work = new Workspace(request.Work, request.Plan);
        RequireFreshOrResumed(work, request);
        if (work.RecordedDatasetFolder() is not null)
        {
            WorkspaceGuard.RequireSameDataset(work, Dataset.Open(request.Dataset)); // fails before every voxel is verified
        }

        var (dataset, name) = Prepare(request, work, clock, openProcessor, reporter, cancel);

        var job = TrainingJob.Open(work, name, request.Fold, request.Seed);
        var length = request.MaxTime is { } limit
            ? TrainingLength.Within(speed => TimeToTrain(job, limit, clock, speed), speed => limit - clock.Elapsed <= Afterwards(job, speed))
            : TrainingLength.Of(TrainingSchedule.Full(job.Configuration.BatchSize));
        var result = TrainingRun.Execute(
            job, dataset,
            new TrainingRequest(length, request.Resume, Surface: request.Surface, TimeLeft: request.MaxTime is { } whole ? () => whole - clock.Elapsed : null),
            backend, reporter, cancel);
        return new AutoResult(job, result.Summary, result.Training, clock.Elapsed);
    }

    /// <summary>Everything before training. Where all the time goes into it, it stops there: what is prepared is kept.</summary>
    private static (Dataset Dataset, string Configuration) Prepare(
        AutoRequest request, Workspace work, Stopwatch clock, Func<int, Backend> openProcessor, IReporter reporter, CancellationToken cancel)
    {
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (request.MaxTime is { } limit)
        {
            timed.CancelAfter(limit > clock.Elapsed ? limit - clock.Elapsed : TimeSpan.Zero);
        }

        try
        {
            var dataset = Verify(request.Dataset, reporter, timed.Token);
            var plans = PlanningRun.Execute(dataset, work, request.Network.Options(), reporter, timed.Token).Plans;
            var name = request.Configuration ?? DefaultConfiguration(plans);
            PreprocessingRun.Execute(dataset, work, plans, name, openProcessor, reporter, timed.Token);
            return (dataset, name);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw NoTime(clock.Elapsed, request.MaxTime!.Value);
        }
    }

    private static SharpSegException NoTime(TimeSpan used, TimeSpan limit) => new(
        $"no time is left to train: {used.TotalSeconds:0} s of {limit.TotalSeconds:0} s went into preparing the data",
        "give more time with --max-time, and --resume; what is prepared is kept");

    /// <summary>Checks a dataset and throws if it has errors; warnings are only reported.</summary>
    private static Dataset Verify(string folder, IReporter reporter, CancellationToken cancel)
    {
        reporter.Stage($"verify {folder}");
        var findings = DatasetVerifier.Verify(
            folder, (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancellation: cancel);
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
                $"dataset `{folder}` has {errors} error(s), the first: {findings.First(f => f.Severity == Severity.Error).Line}",
                $"`sharpseg verify {folder}` lists them all");
    }

    /// <summary>What is left of the time for everything once prediction and scoring are set aside.</summary>
    private static TimeSpan TimeToTrain(TrainingJob job, TimeSpan limit, Stopwatch clock, SpeedProbe speed)
    {
        var left = limit - clock.Elapsed;
        var fixedSeconds = Math.Min(FixedSeconds, MostFixedShare * left.TotalSeconds);
        var budget = TimeSpan.FromSeconds(Math.Max(left.TotalSeconds * LeastTrainingShare, (left - Afterwards(job, speed)).TotalSeconds - fixedSeconds));
        return budget > TimeSpan.Zero ? budget : throw NoTime(clock.Elapsed, limit);
    }

    /// <summary>What prediction and scoring will take.</summary>
    private static TimeSpan Afterwards(TrainingJob job, SpeedProbe speed)
    {
        var inference = new InferenceOptions();
        var passes = 0L;
        foreach (var id in job.ValidationCases)
        {
            using var stored = StoredCase.Open(job.DataFolder, id);
            passes += Predictor.ForwardPasses(stored.Shape, job.Configuration, inference, job.MirrorAxes.Count, folds: 1);
        }

        return TimeSpan.FromSeconds((passes * speed.SecondsPerTile * PredictionMargin) + (job.ValidationCases.Count * ValidationRun.SecondsPerScoredCase));
    }

    private static string DefaultConfiguration(Plans plans) => plans.Configurations.ContainsKey("3d_fullres") ? "3d_fullres" : "2d";

    private static void RequireFreshOrResumed(Workspace work, AutoRequest request)
    {
        if (!request.Resume && Directory.Exists(work.RunsFolder))
        {
            throw new SharpSegException(
                $"`{request.Work}` already holds trained runs", "continue with --resume, train another plan beside them with --plan NAME, or choose another folder with -o");
        }

        work.MakeFolder();
    }
}
