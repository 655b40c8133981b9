using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>How a training went.</summary>
/// <param name="Schedule">The schedule it followed.</param>
/// <param name="Iterations">Training iterations in all.</param>
/// <param name="Seconds">Training time in all, validation patches included.</param>
/// <param name="PeakBytes">Highest device memory; 0 if the run was found finished.</param>
/// <param name="PredictedPeakBytes">
/// What the plans predicted for this batch size, and for the whole cases that were scored on the way.
/// </param>
/// <param name="WaitingSeconds">Time in which the network waited for batches, of this session.</param>
public sealed record TrainingOutcome(
    TrainingSchedule Schedule, int Iterations, double Seconds, long PeakBytes, long PredictedPeakBytes, double WaitingSeconds)
{
    /// <summary>Mean time of an iteration, its share of validation patches included.</summary>
    public double SecondsPerIteration => Iterations == 0 ? 0 : Seconds / Iterations;

    /// <summary>All finished epochs, in order.</summary>
    internal IReadOnlyList<EpochRecord> Epochs { get; init; } = [];
}

/// <summary>Trains a run to its end, or finds that it has ended already.</summary>
internal static class TrainingSession
{
    /// <summary>Trains, resuming if asked to.</summary>
    /// <param name="job">What to train.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="length">How long a new training takes.</param>
    /// <param name="resume">Continue from the latest checkpoint, or accept the final one.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <param name="wholeCases">Scores whole cases on the way of a run within a time; null does not.</param>
    /// <exception cref="SharpSegException">The run cannot start, or diverged.</exception>
    public static TrainingOutcome Execute(
        TrainingJob job, Backend backend, TrainingLength length, bool resume, IReporter reporter, CancellationToken cancel,
        WholeCaseScores? wholeCases = null)
    {
        reporter.Stage(
            $"train {job.Configuration.Name}, fold {job.FoldName}: {Counted.Of(job.TrainingCases.Count, "case")}, {job.ValidationCases.Count} to "
                + "validate");
        foreach (var warning in job.Warnings)
        {
            reporter.Warning(warning);
        }

        if (File.Exists(Workspace.FinalCheckpoint(job.Folder)))
        {
            return Finished(job, backend, length, resume, reporter);
        }

        // A resumed run keeps the schedule in its checkpoint; only a new one is fitted.
        var existing = resume ? ResumePoint.FindSound(job, SilentReporter.Instance) : null;
        job = ResumePoint.AsBegun(job, existing);
        if (job.Variant.Settings.Count > 0)
        {
            reporter.Info($"other than in the profile: {job.Variant}");
        }

        var begun = existing is null ? null : Checkpoint.Peek(existing, job);
        var resumed = begun is null ? null : Continued(begun, length, reporter);
        try
        {
            var speed = length.IsDeadline || (resumed is null && length.Schedule is null)
                ? Probe(job, backend, reporter, cancel)
                : null;
            if (resumed is not null)
            {
                speed = speed?.With(job, resumed.Recipe);
            }

            if (resumed is not null && length.IsDeadline)
            {
                // A session of its own has its own time, and never more than the run had from the beginning.
                var ending = TimeSpan.FromSeconds(begun!.State.Seconds) + length.Time(speed!);
                resumed = resumed with { TimeBudget = ending < resumed.TimeBudget ? ending : resumed.TimeBudget };
            }

            var schedule = resumed ?? Begin(job, backend, length, ref speed, wholeCases, reporter);
            return Train(job, backend, resume, reporter, schedule, length, speed, wholeCases, cancel);
        }
        catch (Exception e) when (backend.FailureOf(e) is { } failure)
        {
            throw Explain(failure, job, backend, resumed?.BatchSize ?? job.Configuration.BatchSize);
        }
    }

    /// <summary>What became of a run that has ended already.</summary>
    /// <exception cref="SharpSegException">Resuming was not asked for, or another length is.</exception>
    private static TrainingOutcome Finished(
        TrainingJob job, Backend backend, TrainingLength length, bool resume, IReporter reporter)
    {
        if (!resume)
        {
            throw new SharpSegException(
                $"`{Workspace.FinalCheckpoint(job.Folder)}`: this run is finished",
                "continue with --resume, or delete its folder to train again");
        }

        var done = RequireAsAsked(job, length);
        reporter.Info("already trained");
        return new TrainingOutcome(
            done.Schedule, done.State.TotalIterations, done.State.Seconds, 0, PredictedPeak(job, done.Schedule, backend), 0)
        {
            Epochs = done.State.Records,
        };
    }

    /// <summary>Refuses a run that has ended as something else than what is asked for now, for which it would pass.</summary>
    /// <returns>Its final checkpoint.</returns>
    /// <exception cref="SharpSegException">It has, or the checkpoint is damaged.</exception>
    public static Checkpoint RequireAsAsked(TrainingJob job, TrainingLength length)
    {
        var final = Workspace.FinalCheckpoint(job.Folder);
        var done = Checkpoint.Peek(final, ResumePoint.AsBegun(job, final));
        if (length.Asked.IsMetBy(done.Schedule))
        {
            return done;
        }

        var recipe = length.Asked.Recipe is null ? "" : $", recipe {done.Schedule.Recipe ?? TrainingRecipe.Published}";
        throw new SharpSegException(
            $"`{final}`: this run is finished after {Counted.Of(done.Schedule.Epochs, "epoch")} of "
                + $"{Counted.Of(done.Schedule.IterationsPerEpoch, "iteration")}, batch {done.Schedule.BatchSize}{recipe}, and cannot "
                + "be lengthened or changed: a final checkpoint has no optimiser state",
            $"delete `{job.Folder}` to train it again as asked for now");
    }

    /// <summary>The schedule that a resumed run goes on with: its own, with what is asked for now.</summary>
    /// <exception cref="SharpSegException">It cannot be changed so.</exception>
    private static TrainingSchedule Continued(Checkpoint begun, TrainingLength length, IReporter reporter)
    {
        var resumed = length.Asked.Continue(begun.Schedule, begun.State);
        if (length.IsDeadline && resumed.TimeBudget is null)
        {
            throw new SharpSegException(
                "--max-time: the run was begun without it", "leave it out: the run keeps its number of epochs");
        }

        if (resumed != begun.Schedule)
        {
            reporter.Warning(FormattableString.Invariant(
                $"the schedule is changed: {Counted.Of(resumed.Epochs, "epoch")} of {Counted.Of(resumed.IterationsPerEpoch, "iteration")} instead of {begun.Schedule.Epochs} of {begun.Schedule.IterationsPerEpoch}; the learning rate is refitted to them"));
        }

        return resumed;
    }

    /// <summary>The schedule and the recipe of a new run, and by which rule.</summary>
    /// <param name="job">The run.</param>
    /// <param name="backend">Where it trains.</param>
    /// <param name="length">What was asked for.</param>
    /// <param name="speed">The machine's; without mirroring, predictions leave more time to train.</param>
    /// <param name="wholeCases">Scores whole cases on the way; null does not.</param>
    /// <param name="reporter">Is told.</param>
    private static TrainingSchedule Begin(
        TrainingJob job, Backend backend, TrainingLength length, ref SpeedProbe? speed, WholeCaseScores? wholeCases,
        IReporter reporter)
    {
        TrainingSchedule Fitted(SpeedProbe speed, double secondsOfChecks = 0) => TrainingSchedule.Fit(
            length.Time(speed), speed.SecondsPerStep, job.Configuration.BatchSize, job.Configuration.Is2D, secondsOfChecks);
        var schedule = length.Schedule ?? Fitted(speed!);
        TrainingParts.RequireBalance(job, schedule.BatchSize, backend);
        var (recipe, reason) = TrainingRecipe.Choose(job, schedule, length.Asked.Recipe);
        if (recipe is not null || schedule.TimeBudget is not null || length.Asked.Recipe is not null)
        {
            reporter.Info($"recipe: {recipe ?? TrainingRecipe.Published} ({reason}; docs/method/budget.md)");
        }

        if (job.MirrorAxesWith(recipe).Count < job.MirrorAxes.Count && length.Schedule is null)
        {
            speed = speed!.With(job, recipe);
            schedule = Fitted(speed);
        }

        if (wholeCases is not null && length.Schedule is null)
        {
            var (checks, text) = wholeCases.Choose(job, schedule, speed!, backend);
            reporter.Info($"whole cases on the way: {text} (docs/method/budget.md §5)");
            schedule = checks is null
                ? schedule
                : Fitted(speed!, checks.Left(0, schedule.Epochs) * checks.Seconds) with { Checks = checks };
        }

        recipe?.RequireCycles(job, schedule); // it may have become shorter since it was chosen
        return schedule with { Recipe = recipe };
    }

    private static TrainingOutcome Train(
        TrainingJob job, Backend backend, bool resume, IReporter reporter, TrainingSchedule plan, TrainingLength length,
        SpeedProbe? speed, WholeCaseScores? wholeCases, CancellationToken cancel)
    {
        reporter.Info(Describe(plan, job));
        reporter.Info(MemoryPlan.Require(
            job.Plans.Profile, job.Configuration with { BatchSize = plan.BatchSize }, job.Description,
            backend).Describe(backend));
        using var trainer = new Trainer(job, plan, backend, resume, reporter);
        if (speed is not null && length.IsOver is { } isOver)
        {
            var measured = speed.SecondsPerStep * plan.BatchSize / TrainingSchedule.ProbeBatch(
                job.Configuration.BatchSize, job.Configuration.Is2D);
            trainer.IsOver = seconds => isOver(speed.SlowedDown(Math.Max(1, seconds / measured)));
        }

        var beside = 0L;
        if (plan.Checks is { } checks && wholeCases is not null)
        {
            beside = wholeCases.BytesBeside(job, checks, plan.BatchSize, backend);
            trainer.WholeCases = stop => wholeCases.Of(
                job, checks.Cases, job.MirrorAxesWith(plan.Recipe), trainer.Network, stop);
        }

        try
        {
            trainer.Run(cancel);
        }
        catch (TrainingDivergedException e)
        {
            throw new SharpSegException($"training of {job.Configuration.Name} fold {job.FoldName} diverged: {e.Message}", null, e);
        }

        reporter.Info($"trained: {Counted.Of(trainer.State.TotalIterations, "iteration")} in {Counted.Of(trainer.State.Epoch, "epoch")}");
        return new TrainingOutcome(
            trainer.Schedule, trainer.State.TotalIterations, trainer.State.Seconds, trainer.PeakBytes,
            PredictedPeak(job, trainer.Schedule, backend) + beside,
            trainer.WaitingTime.TotalSeconds)
        {
            Epochs = trainer.State.Records,
        };
    }

    private static string Smaller(TrainingJob job, Backend backend, int batch)
    {
        const string CloseOthers = "close other programs that use the device";
        if (batch < 2)
        {
            return $"{CloseOthers}, or plan again with a smaller --memory";
        }

        var half = job.Configuration with { BatchSize = batch / 2 };
        var needed = MemoryPlan.Of(job.Plans.Profile, half, job.Description, backend).Total;
        return $"{CloseOthers}, or train with --batch {half.BatchSize}, which needs {MemoryPlan.Size(needed)}";
    }

    /// <summary>Measures the machine's speed, to which a schedule is fitted.</summary>
    private static SpeedProbe Probe(TrainingJob job, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var batch = TrainingSchedule.ProbeBatch(job.Configuration.BatchSize, job.Configuration.Is2D);
        MemoryPlan.Require(job.Plans.Profile, job.Configuration with { BatchSize = batch }, job.Description, backend);
        var speed = SpeedProbe.Measure(job, backend, new InferenceOptions(), cancel);
        reporter.Info(FormattableString.Invariant(
            $"measured: {speed.SecondsPerStep:0.000} s per step of batch {batch}, {speed.SecondsPerTile:0.000} s per predicted tile"));
        return speed;
    }

    private static long PredictedPeak(TrainingJob job, TrainingSchedule schedule, Backend backend) => MemoryPlan.Of(
        job.Plans.Profile, job.Configuration with { BatchSize = schedule.BatchSize }, job.Description, backend).Total;

    /// <summary>
    /// A device that failed in the middle: what is saved, and how to continue. Nothing is saved at this point: what was on the
    /// device is lost.
    /// </summary>
    private static SharpSegException Explain(DeviceException failure, TrainingJob job, Backend backend, int batch)
    {
        if (failure is not DeviceLostException)
        {
            return new SharpSegException(
                $"training of {job.Configuration.Name} fold {job.FoldName}: {failure.Message}",
                Smaller(job, backend, batch), failure);
        }

        var saved = ResumePoint.Find(job) is { } path ? Checkpoint.Peek(path, job).State : null;
        return new SharpSegException(
            $"training of {job.Configuration.Name} fold {job.FoldName} ended: {failure.Message}",
            saved is null
                ? "nothing was saved yet; start again, `sharpseg devices` lists what the machine still has"
                : $"the state of epoch {saved.Epoch}, iteration {saved.Iteration} is saved: the same command with --resume "
                    + "continues, on any device",
            failure);
    }

    private static string Describe(TrainingSchedule s, TrainingJob job)
    {
        var batch = $"schedule: batch {s.BatchSize} (planned {job.Configuration.BatchSize})";
        return s.TimeBudget is { } budget
            ? FormattableString.Invariant(
                $"{batch}, {Counted.Of(s.Epochs, "epoch")} within {budget.TotalMinutes:0.0} min: about {Counted.Of(s.Epochs * s.IterationsPerEpoch, "iteration")} at the speed measured, each epoch as many as its share of the time allows")
            : $"{batch}, {Counted.Of(s.Epochs, "epoch")} of {Counted.Of(s.IterationsPerEpoch, "iteration")}";
    }
}
