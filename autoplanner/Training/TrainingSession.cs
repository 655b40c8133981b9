using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

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
    /// <param name="resume">Go on from the latest checkpoint, or be content with the final one.</param>
    /// <param name="reporter">Told of progress.</param>
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
                throw new SharpSegException($"`{final}`: this run is finished", "go on with --resume, or delete its folder to train anew");
            }

            var done = Checkpoint.Peek(final, run);
            reporter.Info("already trained");
            return new TrainingOutcome(done.Schedule, done.State.TotalIterations, done.State.Seconds, 0, PredictedPeak(run, done.Schedule), 0);
        }

        // A resumed run keeps the schedule in its checkpoint; only a new one is fitted.
        var resumed = resume && Trainer.ExistingCheckpoint(run) is { } existing ? Checkpoint.Peek(existing, run).Schedule : null;
        var plan = resumed ?? schedule(() => Probe(run, backend, reporter, cancel));
        reporter.Info(Describe(plan, run));
        reporter.Info(FormattableString.Invariant($"predicted peak memory of training: {PredictedPeak(run, plan) / 1e6:0} MB"));
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
            trainer.Schedule, trainer.State.TotalIterations, trainer.State.Seconds, trainer.PeakBytes, PredictedPeak(run, trainer.Schedule),
            trainer.WaitingTime.TotalSeconds);
    }

    private static SpeedProbe Probe(TrainingRun run, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var speed = SpeedProbe.Measure(run, backend, new InferenceOptions(), cancel);
        reporter.Info(FormattableString.Invariant(
            $"measured: {speed.SecondsPerStep:0.000} s per step of batch {TrainingSchedule.ProbeBatch(run.Configuration.BatchSize, run.Configuration.Is2D)}, ")
            + FormattableString.Invariant($"{speed.SecondsPerTile:0.000} s per predicted tile"));
        return speed;
    }

    private static long PredictedPeak(TrainingRun run, TrainingSchedule schedule) => PeakMemory.TrainingBytes(
        run.Plans.Profile, run.Configuration with { BatchSize = schedule.BatchSize }, run.Description);

    private static string Describe(TrainingSchedule s, TrainingRun run)
    {
        var text = $"schedule: batch {s.BatchSize} (planned {run.Configuration.BatchSize}), {s.Epochs} epochs of {s.IterationsPerEpoch} iterations";
        return s.TimeBudget is { } budget ? text + FormattableString.Invariant($", fitted to {budget.TotalMinutes:0.0} min") : text;
    }
}
