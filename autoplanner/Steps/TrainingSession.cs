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
/// <param name="PredictedPeakBytes">What the plan predicted for this batch size.</param>
/// <param name="WaitingSeconds">Time in which the network waited for batches, of this session.</param>
public sealed record TrainingOutcome(TrainingSchedule Schedule, int Iterations, double Seconds, long PeakBytes, long PredictedPeakBytes, double WaitingSeconds)
{
    /// <summary>Mean time of an iteration, its share of validation patches included.</summary>
    public double SecondsPerIteration => Iterations == 0 ? 0 : Seconds / Iterations;
}

/// <summary>Trains a run to its end, or finds that it has ended already.</summary>
public static class TrainingSession
{
    /// <summary>Trains, resuming if asked to.</summary>
    /// <param name="run">What to train.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="resume">Continue from the latest checkpoint, or accept the final one.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="schedule">Decides the schedule of a new run; may measure the machine's speed by calling its argument.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <exception cref="SharpSegException">The run cannot start, or diverged.</exception>
    public static TrainingOutcome Execute(
        TrainingRun run, Backend backend, bool resume, IReporter reporter, Func<Func<SpeedProbe>, TrainingSchedule> schedule,
        CancellationToken cancel)
    {
        reporter.Stage($"train {run.Configuration.Name}, fold {run.Fold}: {run.TrainingCases.Count} cases, {run.ValidationCases.Count} to validate");
        foreach (var warning in run.Warnings)
        {
            reporter.Warning(warning);
        }

        var final = Workspace.FinalCheckpoint(run.Folder);
        if (File.Exists(final))
        {
            if (!resume)
            {
                throw new SharpSegException($"`{final}`: this run is finished", "continue with --resume, or delete its folder to train anew");
            }

            var done = Checkpoint.Peek(final, run);
            reporter.Info("already trained");
            return new TrainingOutcome(done.Schedule, done.State.TotalIterations, done.State.Seconds, 0, PredictedPeak(run, done.Schedule, backend), 0);
        }

        // A resumed run keeps the schedule in its checkpoint; only a new one is fitted.
        var resumed = resume && Trainer.ExistingCheckpoint(run) is { } existing ? Checkpoint.Peek(existing, run).Schedule : null;
        try
        {
            return Train(run, backend, resume, reporter, resumed ?? schedule(() => Probe(run, backend, reporter, cancel)), cancel);
        }
        catch (Exception e) when (backend.FailureOf(e) is { } failure)
        {
            throw Explain(failure, run, backend, resumed?.BatchSize ?? run.Configuration.BatchSize);
        }
    }

    private static TrainingOutcome Train(
        TrainingRun run, Backend backend, bool resume, IReporter reporter, TrainingSchedule plan, CancellationToken cancel)
    {
        reporter.Info(Describe(plan, run));
        reporter.Info(MemoryPlan.Require(
            run.Plans.Profile, run.Configuration with { BatchSize = plan.BatchSize }, run.Description, backend).Describe(backend));
        using var trainer = new Trainer(run, plan, backend, resume, reporter);
        try
        {
            trainer.Run(cancel);
        }
        catch (TrainingDivergedException e)
        {
            throw new SharpSegException($"training of {run.Configuration.Name} fold {run.Fold} diverged: {e.Message}", null, e);
        }

        return new TrainingOutcome(
            trainer.Schedule, trainer.State.TotalIterations, trainer.State.Seconds, trainer.PeakBytes, PredictedPeak(run, trainer.Schedule, backend),
            trainer.WaitingTime.TotalSeconds);
    }

    private static string Smaller(TrainingRun run, Backend backend, int batch)
    {
        const string CloseOthers = "close other programs that use the device";
        if (batch < 2)
        {
            return $"{CloseOthers}, or plan again with a smaller --memory";
        }

        var half = run.Configuration with { BatchSize = batch / 2 };
        var needed = MemoryPlan.Of(run.Plans.Profile, half, run.Description, backend).Total;
        return $"{CloseOthers}, or train with --batch {half.BatchSize}, which needs {MemoryPlan.Size(needed)}";
    }

    private static SpeedProbe Probe(TrainingRun run, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var batch = TrainingSchedule.ProbeBatch(run.Configuration.BatchSize, run.Configuration.Is2D);
        MemoryPlan.Require(run.Plans.Profile, run.Configuration with { BatchSize = batch }, run.Description, backend);
        var speed = SpeedProbe.Measure(run, backend, new InferenceOptions(), cancel);
        reporter.Info(FormattableString.Invariant(
            $"measured: {speed.SecondsPerStep:0.000} s per step of batch {TrainingSchedule.ProbeBatch(run.Configuration.BatchSize, run.Configuration.Is2D)}, ")
            + FormattableString.Invariant($"{speed.SecondsPerTile:0.000} s per predicted tile"));
        return speed;
    }

    private static long PredictedPeak(TrainingRun run, TrainingSchedule schedule, Backend backend) => MemoryPlan.Of(
        run.Plans.Profile, run.Configuration with { BatchSize = schedule.BatchSize }, run.Description, backend).Total;

    /// <summary>
    /// A device that failed in the middle: what is saved, and how to continue. Nothing is saved at this point: what was on the
    /// device is lost.
    /// </summary>
    private static SharpSegException Explain(DeviceException failure, TrainingRun run, Backend backend, int batch)
    {
        if (failure is not DeviceLostException)
        {
            return new SharpSegException(
                $"training of {run.Configuration.Name} fold {run.Fold}: {failure.Message}",
                Smaller(run, backend, batch), failure);
        }

        var saved = Trainer.ExistingCheckpoint(run) is { } path ? Checkpoint.Peek(path, run).State : null;
        return new SharpSegException(
            $"training of {run.Configuration.Name} fold {run.Fold} ended: {failure.Message}",
            saved is null
                ? "nothing was saved yet; start again, `sharpseg devices` lists what the machine still has"
                : $"the state of epoch {saved.Epoch}, iteration {saved.Iteration} is saved: the same command with --resume continues, on any device",
            failure);
    }

    private static string Describe(TrainingSchedule s, TrainingRun run)
    {
        var text = $"schedule: batch {s.BatchSize} (planned {run.Configuration.BatchSize}), {s.Epochs} epochs of {s.IterationsPerEpoch} iterations";
        return s.TimeBudget is { } budget ? text + FormattableString.Invariant($", fitted to {budget.TotalMinutes:0.0} min") : text;
    }
}
