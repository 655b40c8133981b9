using System.Globalization;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>Longest time of a task at a stretch.</summary>
/// <param name="Text">As Slurm writes it.</param>
/// <param name="Source">From what it follows, for people.</param>
internal sealed record JobTime(string Text, string Source);

/// <summary>
/// How long a training will take: by the epochs that a fold of its configuration has logged, else by a step that
/// <see cref="MeasuringRun"/> measured, else a day, because what is not done by then goes on in the next.
/// </summary>
/// <param name="work">The workspace.</param>
/// <param name="plans">Its plans.</param>
/// <param name="sizes">The scans.</param>
/// <param name="site">A time that counts instead, and whether there are devices.</param>
/// <param name="asked">What is asked of every run's length.</param>
internal sealed class JobTimes(Workspace work, Plans plans, JobSizes sizes, JobSite site, ScheduleChange asked)
{
    private const string Day = "24:00:00";
    private const double EpochMargin = 1.3; // slower nodes; validation at the end
    private const double StepMargin = 1.5;  // that, and batches that come late, checkpoints, another load
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365); // no queue grants more

    /// <summary>Of a task whose end is not foreseen.</summary>
    public JobTime Usual => Given ?? new(Day, "not measured: a day");

    /// <summary>A whole training, with the prediction of its validation cases.</summary>
    /// <param name="configuration">What is trained.</param>
    /// <param name="cpus">Threads.</param>
    public JobTime Training(string configuration, int cpus)
    {
        var plan = plans.Resolve(configuration);
        return Given ?? Limited(plan, cpus) ?? Logged(plan) ?? Measured(plan, cpus) ?? new JobTime(
            Day, $"not measured: a day; `sharpseg jobs measure` on a node {(site.Gres is null ? "" : "with such a device ")}"
                + "measures it");
    }

    /// <summary>A time as Slurm writes it, in whole ten minutes.</summary>
    public static string Text(TimeSpan time)
    {
        const int Step = 10;
        var minutes = (long)Math.Ceiling(Math.Clamp(time.TotalMinutes, Step, Longest.TotalMinutes) / Step) * Step;
        return string.Create(CultureInfo.InvariantCulture, $"{minutes / 60:00}:{minutes % 60:00}:00");
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, Longest.TotalSeconds));

    private JobTime? Given => site.Time is { } given ? new JobTime(given, "as asked for") : null;

    /// <summary>The run ends by itself; its validation cases come on top.</summary>
    private JobTime? Limited(ConfigurationPlan plan, int cpus) => asked.Time is not { } time ? null : new JobTime(
        Text((time + (Speed(plan, cpus)?.Validation ?? TimeSpan.Zero)) * EpochMargin),
        FormattableString.Invariant($"--max-time x {EpochMargin}"));

    private JobTime? Logged(ConfigurationPlan plan)
    {
        var schedule = asked.Of(plan.BatchSize);
        JobTime? longest = null;
        var most = 0.0;
        foreach (var folder in work.RunFolders(plan.Name))
        {
            try
            {
                var log = TrainingLog.Read(Workspace.LogFile(folder));
                var samples = (long)log.Iterations * log.Schedule.BatchSize;
                var perSample = log.Seconds / samples;
                if (samples == 0 || perSample <= most)
                {
                    continue;
                }

                most = perSample;
                var perEpoch = perSample * schedule.IterationsPerEpoch * schedule.BatchSize;
                longest = new JobTime(
                    Text(Seconds(perEpoch * schedule.Epochs * EpochMargin)),
                    FormattableString.Invariant($"{schedule.Epochs} epochs of {perEpoch:0.0} s, logged by ")
                        + FormattableString.Invariant($"{Path.GetFileName(folder)} on {log.Device}, x {EpochMargin}"));
            }
            catch (SharpSegException)
            {
                // A log that is missing or cannot be read measures nothing.
            }
        }

        return longest;
    }

    private JobTime? Measured(ConfigurationPlan plan, int cpus)
    {
        if (Speed(plan, cpus) is not { } speed)
        {
            return null;
        }

        var schedule = asked.Of(plan.BatchSize);
        var training = Seconds(schedule.Seconds(speed.SecondsPerStep, plan.BatchSize, plan.Is2D));
        return new JobTime(
            Text((training + speed.Validation) * StepMargin),
            FormattableString.Invariant($"{speed.From.SecondsPerStep:0.000} s a step of batch {speed.From.Batch}, measured ")
                + $"{speed.From.Where}, " + FormattableString.Invariant($"x {StepMargin}"));
    }

    private sealed record Expected(SpeedMeasurement From, double SecondsPerStep, TimeSpan Validation);

    /// <summary>What was measured, on as many threads as there will be; null if nothing was, or another network.</summary>
    private Expected? Speed(ConfigurationPlan plan, int cpus)
    {
        var onDevice = site.Gres is not null;
        if (SpeedMeasurement.Find(work, plans, plan, onDevice) is not { } found)
        {
            return null;
        }

        var slower = onDevice ? 1 : Math.Max(1, (double)found.Threads / cpus);
        var recipe = PreprocessingRecipe.From(plans, plan);
        var mirrored = Enumerable.Range(plan.Is2D ? 1 : 0, plan.Is2D ? 2 : 3).Except(plans.UnmirroredAxes).Count();
        var passes = sizes.Cases.Sum(item => Predictor.ForwardPasses(
            PreprocessingMemory.Of(item, recipe, hasLabels: false).Shape, plan, new InferenceOptions(), mirrored, folds: 1));
        var folds = Math.Clamp(sizes.Cases.Count, 1, Splits.DefaultFolds);
        var scoring = sizes.Cases.Sum(item => ValidationRun.SecondsToScore(item.Extent.Voxels));
        var seconds = (passes * found.SecondsPerTile * slower) + scoring;
        return new Expected(found, found.SecondsPerStep * slower, Seconds(seconds / folds));
    }
}
