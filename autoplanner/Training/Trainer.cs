using System.Diagnostics;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The epoch loop (docs/method/training.md §8): rate, training iterations, validation iterations, log, checkpoints. Holds the
/// parts together and leaves the work to them: <see cref="TrainingParts"/> makes them as the job wants them,
/// <see cref="BatchLoader"/> makes batches, <see cref="TrainingStep"/> learns from them, <see cref="TrainingClock"/> says how
/// long an epoch is, <see cref="Checkpoint"/> keeps the state, so that a run that was stopped continues as if it had not been.
/// </summary>
internal sealed class Trainer : IDisposable
{
    private const int LatestEvery = 50; // epochs, nnU-Net
    private static readonly TimeSpan LatestAfter = TimeSpan.FromSeconds(60); // a killed run loses no more than about this

    private readonly TrainingJob job;
    private readonly TrainingSchedule schedule;
    private readonly IReporter reporter;
    private readonly Network network;
    private readonly Optimizer optimizer;
    private readonly PreprocessedCases cases;
    private readonly PlateauSchedule? plateau;
    private readonly TrainingClock clock;
    private readonly Stopwatch sinceLatest = Stopwatch.StartNew();
    private int skippedBefore; // by the sessions and the stages before this one
    private TimeSpan waitedBefore; // by the stages before this one
    private bool replaysTold;
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
        var existing = resume ? ResumePoint.FindSound(job, reporter) : ResumePoint.Find(job);
        if (existing is not null && !resume)
        {
            throw new SharpSegException(
                $"`{job.Folder}` already holds a run", "continue with --resume, or delete the folder to start over");
        }

        job = ResumePoint.AsBegun(job, existing);
        this.job = job;
        try
        {
            network = TrainingParts.BuildNetwork(job, backend);
            optimizer = TrainingParts.BuildOptimizer(job, schedule.Recipe, network);
            State = new TrainingState
            {
                Plateau = job.Plans.Profile == Profile.Classic
                    ? PlateauState.Start(schedule.Recipe?.InitialRate ?? PlateauSchedule.InitialRate)
                    : null,
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
            clock = new TrainingClock(schedule, State, CostOf);
            plateau = State.Plateau is { } p ? TrainingParts.Plateau(p, job.Plans, schedule) : null;
            cases = new PreprocessedCases(job);
            patch = PatchOf(State.Epoch);
            stage = NewStage();
        }
        catch
        {
            Dispose(); // another run may go on, on the same device
            throw;
        }
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

    /// <summary>Asked after every iteration, with its mean time so far in seconds, whether training must end now.</summary>
    public Func<double, bool>? IsOver
    {
        get => clock.IsOver;
        set => clock.IsOver = value;
    }

    /// <summary>
    /// Scores whole cases with the network as it is, which stays as it is: mean foreground Dice by name. Asked at the epochs that
    /// the schedule names.
    /// </summary>
    public Func<CancellationToken, IReadOnlyDictionary<string, double>>? WholeCases { get; set; }

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
            var wholeCases = ScoreWholeCases(out var seconds, cancel);
            var begin = Stopwatch.GetTimestamp();
            FinishEpoch(validationLoss, perClass, wholeCases, seconds);
            clock.Count(begin); // checkpoints, log and plot are of the time, too, and none of an iteration's
        }

        string[] ends =
        [
            .. Enumerable.Range(1, EndedCycles(State.Epoch)).Select(cycle => Workspace.CycleCheckpoint(job.Folder, cycle)),
        ];
        if (ends.Length > 0)
        {
            Checkpoint.Average(ends, job, network); // where the time was over in a cycle, without that
            reporter.Info($"the network is the mean of the weights after {Counted.Of(ends.Length, "cycle")}");
        }

        Checkpoint.Save(Workspace.FinalCheckpoint(job.Folder), job, schedule, State, network, optimizer: null);
        File.Delete(Workspace.LatestCheckpoint(job.Folder));
        Array.ForEach(ends, File.Delete);
    }

    /// <summary>Stops the loader's threads and frees all memory.</summary>
    public void Dispose()
    {
        stage?.Dispose(); // where the constructor failed, there is none yet
        cases?.Dispose();
        optimizer?.Dispose();
        network?.Dispose();
    }

    /// <summary>Loads the weights of a new run, and sets the rates of every one that started from another network.</summary>
    /// <exception cref="SharpSegException">Nothing fits.</exception>
    private void StartFromPretrained(bool isNew)
    {
        if (isNew && job.Pretrained is { } start)
        {
            State.Pretrained = PretrainedWeights.Load(start, network);
        }

        if (State.Pretrained is { } record)
        {
            PretrainedWeights.SetRates(record, network);
            reporter.Info(record.Describe());
        }
    }

    private Extent PatchOf(int epoch) =>
        PatchStage.PatchOf(schedule.Recipe, epoch, schedule.Epochs, job.Configuration.Patch, network.Plan);

    /// <summary>What an iteration of an epoch costs beside one of planned patches.</summary>
    private double CostOf(int epoch) => (double)PatchOf(epoch).Voxels / job.Configuration.Patch.Voxels;

    private PatchStage NewStage()
    {
        var options = TrainingParts.Options(job, network, schedule.BatchSize);
        var step = new TrainingStep(network, optimizer, patch, schedule.BatchSize, options);
        try
        {
            step.RestoreLossScale(State.LossScale);
            var loader = new BatchLoader(cases.Training, cases.Validation, TrainingParts.Loader(job, schedule, network, patch));
            return PatchStage.Of(step, loader, network, patch, job.Description.Labels.HasRegions);
        }
        catch
        {
            step.Dispose();
            throw;
        }
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

    private void TrainEpoch(CancellationToken cancel)
    {
        if (State.EpochIterations == 0)
        {
            State.SecondsAtEpochStart = State.Seconds;
            State.EpochIterations = clock.IterationsOfEpoch();
        }

        var batches = stage.Loader.TrainingBatches(State.Epoch, State.Iteration, State.EpochIterations, cancel);
        while (State.Iteration < State.EpochIterations)
        {
            var begin = Stopwatch.GetTimestamp();
            State.LossSum += stage.Step.Run(batches, (float)LearningRate(State.Iteration));
            State.Iteration++;
            clock.Count(begin);
            TellReplays();
            Report();
            if (clock.IsOutOfTime)
            {
                State.EpochIterations = State.Iteration; // a deadline: the epoch ends here, and the run with it
            }

            begin = Stopwatch.GetTimestamp();
            SaveIfDue(cancel);
            clock.Count(begin);
        }
    }

    private double LearningRate(int iteration) =>
        schedule.Recipe?.Rate(State.Epoch, schedule.Epochs, iteration, State.EpochIterations, plateau?.Rate)
        ?? plateau?.Rate
        ?? PolySchedule.Rate(State.Epoch, schedule.Epochs);

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

        clock.Count(begin);
        perClass = counter.PerClass();
        return iterations == 0 ? double.NaN : sum / iterations;
    }

    /// <summary>
    /// Scores whole cases where the schedule says so, unless they turn out to cost too much of the run's time.
    /// </summary>
    private IReadOnlyDictionary<string, double>? ScoreWholeCases(out double? seconds, CancellationToken cancel)
    {
        seconds = null;
        if (WholeCases is null || schedule.Checks?.IsDue(State.Epoch, schedule.Epochs) != true || !clock.HasTimeForCheck)
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

        seconds = clock.CountCheck(begin);
        return scores;
    }

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

        State.Stopped |= clock.IsOutOfTime;
        (State.Epoch, State.Iteration, State.EpochIterations, State.LossSum) = (State.Epoch + 1, 0, 0, 0);
        if (EndedCycles(State.Epoch) is var ended && ended > EndedCycles(State.Epoch - 1))
        {
            // Before the state that lies beyond it is saved, so that no resumed run misses it.
            Checkpoint.Save(Workspace.CycleCheckpoint(job.Folder, ended), job, schedule, State, network, optimizer: null);
        }

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

    private int EndedCycles(int epochs) => schedule.Recipe?.Cycles?.Ended(epochs, schedule.Epochs) ?? 0;

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

    private void TellReplays()
    {
        if (!replaysTold && stage.Step.WasReplayed)
        {
            reporter.Info("the device repeats the launches of a step as one graph");
            replaysTold = true;
        }
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
