using System.Diagnostics;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The epoch loop (docs/method/training.md §8): rate, training iterations, validation iterations, log, checkpoints. Holds the
/// parts together and leaves the work to them: <see cref="BatchLoader"/> makes batches, <see cref="TrainingStep"/> learns from
/// them, <see cref="Checkpoint"/> keeps the state, so that a run that was stopped continues as if it had not been.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int LatestEvery = 50; // epochs, nnU-Net
    private static readonly TimeSpan LatestAfter = TimeSpan.FromSeconds(60); // a killed run loses no more than about this
    private const float WeightDecay = 3e-5f; // both profiles
    private const double MostOfTimeForChecks = 0.04; // twice what is planned (docs/method/budget.md §5)

    private readonly TrainingJob job;
    private readonly TrainingSchedule schedule;
    private readonly IReporter reporter;
    private readonly Network network;
    private readonly Optimizer optimizer;
    private readonly PreprocessedCases cases;
    private readonly PlateauSchedule? plateau;
    private readonly Stopwatch sinceLatest = Stopwatch.StartNew();
    private readonly int iterationsBefore; // by the sessions before this one
    private readonly double secondsBefore;
    private int skippedBefore; // and by the stages before this one
    private double secondsOfChecks; // of this session, on whole cases
    private TimeSpan waitedBefore;
    private Extent patch;
    private PatchStage stage;

    /// <summary>Prepares a run, from its latest checkpoint if it is to be resumed and there is one.</summary>
    /// <param name="job">What to train.</param>
    /// <param name="schedule">How long; of a resumed run the one it began with, or what has become of it
    /// (<see cref="ScheduleChange"/>).</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="resume">Continue from the latest checkpoint.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <exception cref="SharpSegException">
    /// The fold has no cases, a checkpoint is damaged, or there is one and resuming was not asked for.
    /// </exception>
    public Trainer(TrainingJob job, TrainingSchedule schedule, Backend backend, bool resume, IReporter reporter)
    {
        this.reporter = reporter;
        var existing = resume ? SoundCheckpoint(job, reporter) : ExistingCheckpoint(job);
        if (existing is not null && !resume)
        {
            throw new SharpSegException(
                $"`{job.Folder}` already holds a run", "continue with --resume, or delete the folder to start over");
        }

        job = AsBegun(job, existing);
        this.job = job;
        network = BuildNetwork(job, backend);
        optimizer = job.Plans.Profile == Profile.Classic
            ? new Adam(network.Parameters, amsGrad: true, WeightDecay)
            : new SgdNesterov(
                network.Parameters, (float)(schedule.Recipe?.Momentum ?? TrainingRecipe.PublishedMomentum), WeightDecay);
        State =
            new TrainingState
            {
                Plateau = job.Plans.Profile == Profile.Classic
                ? PlateauState.Start(schedule.Recipe?.InitialRate ?? PlateauSchedule.InitialRate)
                : null
            };
        if (existing is not null)
        {
            var checkpoint = Checkpoint.Load(existing, job, network, optimizer);
            State = checkpoint.State;
            reporter.Info($"resumed from {Path.GetFileName(existing)}: epoch {State.Epoch}, iteration {State.Iteration}");
            if (checkpoint.Precision != backend.ProductPrecision)
            {
                reporter.Warning($"the run was trained in {checkpoint.Precision} and continues in {backend.ProductPrecision}");
            }
        }
        else if (resume)
        {
            reporter.Warning($"nothing to resume in `{job.Folder}`: starting over");
        }

        StartFromPretrained(existing is null);
        State.Variant = job.Variant;
        this.schedule = schedule;
        skippedBefore = State.SkippedSteps;
        (iterationsBefore, secondsBefore) = (State.TotalIterations, State.Seconds);
        plateau = State.Plateau is { } p ? Plateau(p, job.Plans, schedule) : null;
        cases = new PreprocessedCases(job);
        patch = PatchOf(State.Epoch);
        stage = NewStage();
    }

    /// <summary>How far the run is.</summary>
    public TrainingState State { get; }

    /// <summary>The schedule in effect.</summary>
    public TrainingSchedule Schedule => schedule;

    /// <summary>The network being trained.</summary>
    public Network Network => network;

    /// <summary>Highest device memory so far, bytes.</summary>
    public long PeakBytes => stage.Step.PeakBytes;

    /// <summary>Time that training waited for batches.</summary>
    public TimeSpan WaitingTime => waitedBefore + stage.Loader.WaitingTime;

    /// <summary>Trains to the end of the schedule and writes the final checkpoint.</summary>
    /// <param name="cancel">Stops after the current iteration with the state saved.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public void Run(CancellationToken cancel)
    {
        while (State.Epoch < schedule.Epochs && !State.Stopped)
        {
            EnterStage();
            TrainEpoch(cancel);
            var validationLoss = Validate(out var perClass, cancel);
            FinishEpoch(validationLoss, perClass, ScoreWholeCases(out var seconds, cancel), seconds);
        }

        Checkpoint.Save(Workspace.FinalCheckpoint(job.Folder), job, schedule, State, network, optimizer: null);
        File.Delete(Workspace.LatestCheckpoint(job.Folder));
    }

    /// <summary>The checkpoint that <c>--resume</c> continues from: latest, else best; null if there is none.</summary>
    public static string? ExistingCheckpoint(TrainingJob job)
    {
        string[] candidates = [Workspace.LatestCheckpoint(job.Folder), Workspace.BestCheckpoint(job.Folder)];
        return candidates.FirstOrDefault(File.Exists);
    }

    /// <summary>The first of them that is undamaged; a damaged one is told.</summary>
    /// <exception cref="SharpSegException">All are damaged.</exception>
    public static string? SoundCheckpoint(TrainingJob job, IReporter reporter)
    {
        string[] existing =
            [.. new[] { Workspace.LatestCheckpoint(job.Folder), Workspace.BestCheckpoint(job.Folder) }.Where(File.Exists)];
        for (var i = 0; i < existing.Length; i++)
        {
            try
            {
                Checkpoint.Verify(existing[i]);
                return existing[i];
            }
            catch (SharpSegException error) when (i + 1 < existing.Length)
            {
                reporter.Warning($"{error.Message}; going back to {Path.GetFileName(existing[i + 1])}");
            }
        }

        return null;
    }

    /// <summary>A run with the settings that it was begun with, or is to begin with.</summary>
    /// <param name="job">What is asked for.</param>
    /// <param name="checkpoint">Its checkpoint; null for a new run.</param>
    /// <exception cref="SharpSegException">Other settings are asked for now, or some that its profile does not have.</exception>
    public static TrainingJob AsBegun(TrainingJob job, string? checkpoint)
    {
        job.Variant.RequireSense(job.Plans.Profile);
        return checkpoint is null
            ? job
            : job with { Variant = job.Variant.Continue(Checkpoint.Peek(checkpoint, job).State.Variant, job.Folder) };
    }

    /// <summary>The network of a run, with its starting weights.</summary>
    public static Network BuildNetwork(TrainingJob job, Backend backend) =>
        Network.Build(job.Configuration.TrainingNetworkFor(job.Plans.Profile, job.Description), backend, job.Seed);

    /// <summary>Loss and clipping of a run, and whether activations stay for the backward pass.</summary>
    /// <param name="job">The run.</param>
    /// <param name="network">Its network.</param>
    /// <param name="batchSize">Samples of a step.</param>
    public static TrainingOptions Options(TrainingJob job, Network network, int batchSize)
    {
        var labels = job.Description.Labels;
        IReadOnlyList<float> weights = job.Variant.DeepSupervision == false
            ? [1f, .. network.LossWeights.Skip(1).Select(_ => 0f)]
            : network.LossWeights;
        var loss = new LossOptions(
            weights, labels.HasRegions, job.Configuration.BatchDice, labels.IgnoreLabel ?? -1,
            Terms: job.Variant.Loss ?? LossTerms.DiceAndCrossEntropy, PartlyLabelled: labels.Partial.Any);
        var configuration = job.Configuration with { BatchSize = batchSize };
        var keeps = network.Backend.HasOwnMemory
            && MemoryPlan.Of(job.Plans.Profile, configuration, job.Description, network.Backend).KeepsActivations;
        return new TrainingOptions(
            loss, job.Plans.Profile == Profile.Classic ? null : TrainingOptions.DefaultClipNorm, RecomputeActivations: !keeps);
    }

    /// <summary>
    /// The classic rate. In a run that is fitted to a time, a few epochs stand for many, and the time ends it, or the rate: what
    /// a few validation batches say of a few epochs is noise (docs/method/losses-and-optimisers.md §9.2).
    /// </summary>
    private static PlateauSchedule Plateau(PlateauState state, Plans plans, TrainingSchedule schedule) => new(
        state, plans.SecondPaper || schedule.TimeBudget is not null ? StopRule.RateOnly : StopRule.Either, schedule.Epochs,
        schedule.TimeBudget is null ? 1 : Math.Max(1, (double)PlateauSchedule.PublishedEpochs / schedule.Epochs));

    /// <summary>Stops the loader's threads and frees all memory.</summary>
    public void Dispose()
    {
        stage.Dispose();
        cases.Dispose();
        optimizer.Dispose();
        network.Dispose();
    }

    /// <summary>Loads the weights of a new run, and sets the rates of every one that started from another network.</summary>
    /// <exception cref="SharpSegException">Nothing fits, or a resumed run started otherwise.</exception>
    private void StartFromPretrained(bool isNew)
    {
        if (isNew && job.Pretrained is { } start)
        {
            State.Pretrained = PretrainedWeights.Load(start, network);
        }
        else if (job.Pretrained is { } asked
            && (State.Pretrained?.Source, State.Pretrained?.BodyRate) != (asked.Source, asked.BodyRate))
        {
            throw new SharpSegException(
                $"`{job.Folder}` started from "
                    + $"{(State.Pretrained is { } other ? $"{other.Source} with body rate {other.BodyRate}" : "random weights")}, "
                    + $"not from {asked.Source} with body rate {asked.BodyRate}",
                "continue without --pretrained, or delete the folder to start over");
        }

        if (State.Pretrained is { } record)
        {
            PretrainedWeights.SetRates(record, network);
            reporter.Info(record.Describe());
        }
    }

    private static LoaderSettings LoaderSettingsFor(
        TrainingJob job, TrainingSchedule schedule, Network network, Extent patch)
    {
        var labels = job.Description.Labels;
        return SamplesOf(network.Backend, job, schedule.Recipe, patch) with
        {
            BatchSize = schedule.BatchSize,
            UnlabelledHeads = !labels.Partial.Any ? [] : job.TrainingCases.Concat(job.ValidationCases).Distinct().ToDictionary(
                id => id, id => (IReadOnlyList<int>)[.. labels.Partial.Of(id).Select(index => index + labels.FirstEvaluatedHead)],
                StringComparer.Ordinal),
            OutputScales = network.OutputScales,
            TrainingIterations = schedule.IterationsPerEpoch,
            ValidationIterations = schedule.ValidationIterations,
        };
    }

    /// <summary>How a training draws and augments its samples, whichever they are.</summary>
    /// <param name="backend">Augments.</param>
    /// <param name="job">What is trained.</param>
    /// <param name="recipe">How it learns; null as published.</param>
    /// <param name="patch">Voxels.</param>
    internal static LoaderSettings SamplesOf(Backend backend, TrainingJob job, TrainingRecipe? recipe, Extent patch)
    {
        var labels = job.Description.Labels;
        var without = (job.Variant.Without ?? AugmentationParts.None)
            | (recipe?.Mirroring == false ? AugmentationParts.Mirroring : AugmentationParts.None);
        return new LoaderSettings
        {
            Backend = backend,
            Profile = job.Plans.Profile,
            Geometry = PatchGeometry.For(job.Plans.Profile, patch, job.Configuration.Is2D).Without(without) with
            {
                UnmirroredAxes = job.Plans.UnmirroredAxes,
            },
            Recipe = AugmentationRecipe.For(job.Plans.Profile).Without(without).Times(recipe?.AugmentationStrength ?? 1),
            ForegroundRule = job.Variant.ForegroundShare is null ? null : ForegroundRule.Last,
            ForegroundShare = job.Variant.ForegroundShare ?? ForegroundOversampling.DefaultShare,
            BalancesClasses = job.Variant.BalanceClasses == true,
            BatchSize = job.Configuration.BatchSize,
            Channels = job.Description.ChannelNames.Count,
            UseMaskForNorm = job.Configuration.UseMaskForNorm,
            CascadeLabels = job.Configuration.MaskLabels(labels),
            Regions = labels.HasRegions ? labels.Regions : [],
            IgnoreLabel = labels.IgnoreLabel,
            Heads = labels.HeadCount,
            Seed = job.Seed,
        };
    }

    private Extent PatchOf(int epoch) =>
        PatchStage.PatchOf(schedule.Recipe, epoch, schedule.Epochs, job.Configuration.Patch, network.Plan);

    private PatchStage NewStage()
    {
        var step = new TrainingStep(network, optimizer, patch, schedule.BatchSize, Options(job, network, schedule.BatchSize));
        step.RestoreLossScale(State.LossScale);
        var loader = new BatchLoader(cases.Training, cases.Validation, LoaderSettingsFor(job, schedule, network, patch));
        return PatchStage.Of(step, loader, network, patch, job.Description.Labels.HasRegions);
    }

    /// <summary>Goes over to the epoch's patches, if they are others than the last epoch's.</summary>
    private void EnterStage()
    {
        if (PatchOf(State.Epoch) is var next && next != patch)
        {
            Collect();
            skippedBefore = State.SkippedSteps;
            waitedBefore += stage.Loader.WaitingTime;
            stage.Dispose();
            patch = next;
            stage = NewStage();
            reporter.Info($"from epoch {State.Epoch + 1} on patches of {patch}");
        }
    }

    /// <summary>What an iteration of an epoch costs beside one of planned patches.</summary>
    private double CostOf(int epoch) => (double)PatchOf(epoch).Voxels / job.Configuration.Patch.Voxels;

    private double LearningRate(int iteration) =>
        schedule.Recipe?.Rate(State.Epoch, schedule.Epochs, iteration, State.EpochIterations, plateau?.Rate)
        ?? plateau?.Rate
        ?? PolySchedule.Rate(State.Epoch, schedule.Epochs);

    private void TrainEpoch(CancellationToken cancel)
    {
        if (State.EpochIterations == 0)
        {
            State.SecondsAtEpochStart = State.Seconds;
            State.EpochIterations = schedule.IterationsFor(
                TimeSpan.FromSeconds(State.Seconds), State.Epoch, SecondsPerIteration(), CostOf(State.Epoch), SecondsPerCheck());
        }

        var batches = stage.Loader.TrainingBatches(State.Epoch, State.Iteration, State.EpochIterations, cancel);
        while (State.Iteration < State.EpochIterations)
        {
            var begin = Stopwatch.GetTimestamp();
            State.LossSum += stage.Step.Run(batches, (float)LearningRate(State.Iteration));
            State.Iteration++;
            State.Seconds += Stopwatch.GetElapsedTime(begin).TotalSeconds;
            Report();
            if (IsOutOfTime)
            {
                State.EpochIterations = State.Iteration; // a deadline: the epoch ends here, and the run with it
            }

            SaveIfDue(cancel);
        }
    }

    /// <summary>Asked after every iteration, with its mean time so far in seconds, whether training must end now.</summary>
    public Func<double, bool>? IsOver { get; set; }

    /// <summary>
    /// Scores whole cases with the network as it is, which stays as it is: mean foreground Dice by name. Asked at the epochs that
    /// the schedule names.
    /// </summary>
    public Func<CancellationToken, IReadOnlyDictionary<string, double>>? WholeCases { get; set; }

    private bool IsOutOfTime => (schedule.TimeBudget is { } budget && State.Seconds >= budget.TotalSeconds)
        || IsOver?.Invoke(
            (State.Seconds - secondsBefore - secondsOfChecks) / Math.Max(1, State.TotalIterations - iterationsBefore)) == true;

    private double Validate(out IReadOnlyList<double?> perClass, CancellationToken cancel)
    {
        var begin = Stopwatch.GetTimestamp();
        var labels = job.Description.Labels;
        var counter = new PseudoDice(labels);
        var iterations = cases.Validation.Count == 0 ? 0
            : schedule.TimeBudget is null
            ? schedule.ValidationIterations
            : TrainingSchedule.ValidationIterationsFor(State.EpochIterations);
        var sum = 0.0;
        for (var i = 0; i < iterations; i++)
        {
            if (cancel.IsCancellationRequested)
            {
                SaveAndStop(cancel); // the epoch's training is done; its validation starts again on resuming
            }

            using var batch = stage.Loader.Get(isTraining: false, State.Epoch, i);
            var regions = labels.HasRegions;
            sum += stage.Step.Evaluate(
                batch.Image, batch.Targets, regions ? stage.Predictions : null, regions ? null : stage.Predictions).Total;
            counter.Count(stage.Predictions, batch.Targets[0], labels.Partial.Any ? batch.Targets[^1] : []);
        }

        State.Seconds += Stopwatch.GetElapsedTime(begin).TotalSeconds;
        perClass = counter.PerClass();
        return iterations == 0 ? double.NaN : sum / iterations;
    }

    /// <summary>
    /// Scores whole cases where the schedule says so, unless they turn out to cost too much of the run's time.
    /// </summary>
    private IReadOnlyDictionary<string, double>? ScoreWholeCases(out double? seconds, CancellationToken cancel)
    {
        seconds = null;
        if (WholeCases is null || schedule.Checks?.IsDue(State.Epoch, schedule.Epochs) != true || IsOutOfTime
            || (State.Records.Sum(record => record.WholeCaseSeconds ?? 0) + SecondsPerCheck()
                > MostOfTimeForChecks * schedule.TimeBudget?.TotalSeconds))
        {
            return null;
        }

        var begin = Stopwatch.GetTimestamp();
        IReadOnlyDictionary<string, double>? scores = null;
        try
        {
            scores = WholeCases(cancel);
        }
        catch (OperationCanceledException)
        {
            SaveAndStop(cancel); // the epoch's training is done; what follows it starts again on resuming
            throw;
        }
        catch (Exception error) when (error is SharpSegException || MemoryBudget.IsOutOfMemory(error))
        {
            reporter.Warning($"whole cases are not scored after epoch {State.Epoch + 1}: {error.Message}");
        }

        seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        State.Seconds += seconds.Value;
        secondsOfChecks += seconds.Value;
        return scores;
    }

    /// <summary>What scoring whole cases took the last time, or is expected to take.</summary>
    private double SecondsPerCheck() =>
        State.Records.LastOrDefault(record => record.WholeCaseSeconds is not null)?.WholeCaseSeconds
            ?? schedule.Checks?.Seconds ?? 0;

    private void FinishEpoch(
        double validationLoss, IReadOnlyList<double?> perClass, IReadOnlyDictionary<string, double>? wholeCases,
        double? wholeCaseSeconds)
    {
        var mean = PseudoDice.Mean(perClass);
        var average = PseudoDice.MovingAverage(State.Records.Count == 0 ? null : State.Records[^1].PseudoDiceAverage, mean);
        var trainLoss = State.LossSum / State.EpochIterations;
        Collect();
        State.Records.Add(new EpochRecord(
            State.Epoch, State.EpochIterations, LearningRate(iteration: 0), trainLoss,
            double.IsNaN(validationLoss) ? null : validationLoss, perClass, mean, average,
            State.Seconds - State.SecondsAtEpochStart, State.SkippedSteps)
        {
            WholeCaseDice = wholeCases,
            WholeCaseSeconds = wholeCaseSeconds,
        });
        if (plateau is not null)
        {
            State.Stopped = plateau.Finish(State.Epoch, trainLoss, double.IsNaN(validationLoss) ? trainLoss : validationLoss);
            State.Plateau = plateau.State;
        }

        if (CollapseNotice.After(State.Records, schedule.Epochs) is { } notice)
        {
            reporter.Warning(notice);
        }

        State.Stopped |= IsOutOfTime;
        (State.Epoch, State.Iteration, State.EpochIterations, State.LossSum) = (State.Epoch + 1, 0, 0, 0);
        if (average is { } value && (State.Best is not { } best || value > best))
        {
            State.Best = value;
            Checkpoint.Save(Workspace.BestCheckpoint(job.Folder), job, schedule, State, network, optimizer);
        }

        if (State.Epoch < schedule.Epochs && (State.Epoch % LatestEvery == 0 || sinceLatest.Elapsed > LatestAfter))
        {
            SaveLatest();
        }

        TrainingLog.Write(Workspace.LogFile(job.Folder), job, schedule, network.Backend, State.Records);
        ProgressPlot.Write(Workspace.ProgressPlot(job.Folder), job, State.Records);
    }

    private void SaveIfDue(CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
        {
            SaveAndStop(cancel);
        }

        if (sinceLatest.Elapsed > LatestAfter && State.Iteration < State.EpochIterations)
        {
            SaveLatest();
        }
    }

    private void SaveAndStop(CancellationToken cancel)
    {
        SaveLatest();
        cancel.ThrowIfCancellationRequested();
    }

    /// <summary>Brings into the state what the step keeps.</summary>
    private void Collect() => (State.SkippedSteps, State.LossScale) = (
        skippedBefore + (int)stage.Step.SkippedSteps, stage.Step.LossScale);

    private void SaveLatest()
    {
        Collect();
        Checkpoint.Save(Workspace.LatestCheckpoint(job.Folder), job, schedule, State, network, optimizer);
        sinceLatest.Restart();
    }

    /// <summary>
    /// What an iteration of planned patches costs by the last epochs, validation included; the schedule's own guess before the
    /// first epoch.
    /// </summary>
    private double SecondsPerIteration()
    {
        var recent = State.Records.TakeLast(3).ToList();
        return recent.Count == 0
            ? (schedule.TimeBudget?.TotalSeconds ?? 0) / ((double)schedule.Epochs * schedule.IterationsPerEpoch)
            : recent.Sum(r => r.Seconds - (r.WholeCaseSeconds ?? 0)) / recent.Sum(r => r.Iterations * CostOf(r.Epoch));
    }

    private void Report()
    {
        var done = (State.Epoch + ((double)State.Iteration / State.EpochIterations)) / schedule.Epochs;
        var loss = State.LossSum / State.Iteration;
        var dice = State.Records.Count > 0 ? State.Records[^1].MeanPseudoDice : null;
        var whole = State.Records.LastOrDefault(record => record.MeanWholeCaseDice is not null)?.MeanWholeCaseDice;
        reporter.Progress(
            done,
            FormattableString.Invariant(
                $"epoch {State.Epoch + 1}/{schedule.Epochs}, iteration {State.Iteration}/{State.EpochIterations}, loss {loss:0.000}")
            + (dice is { } d ? FormattableString.Invariant($", pseudo-Dice {d:0.000}") : "")
            + (whole is { } w ? FormattableString.Invariant($", whole cases {w:0.000}") : ""));
    }
}
