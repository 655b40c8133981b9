namespace SharpSeg.AutoPlanner.Training;

/// <summary>What a user asks of a run's length, in his own words; what is null was not asked for.</summary>
/// <param name="Epochs">--epochs.</param>
/// <param name="Iterations">--iterations, per epoch.</param>
/// <param name="Batch">--batch.</param>
/// <param name="Time">--max-time.</param>
public sealed record ScheduleChange(int? Epochs = null, int? Iterations = null, int? Batch = null, TimeSpan? Time = null)
{
    /// <summary>--recipe; null lets the rule decide.</summary>
    public TrainingRecipe? Recipe { get; init; }

    private const int ValidationShare = 5; // training iterations per validation iteration, of the published 250 and 50

    /// <summary>A new run's schedule: the published one, with what is asked for.</summary>
    /// <param name="plannedBatch">The plan's batch size.</param>
    public TrainingSchedule Of(int plannedBatch) => Apply(TrainingSchedule.Full(Batch ?? plannedBatch));

    /// <summary>
    /// The schedule with which an interrupted run continues: epochs and iterations may change, and the learning rate then falls
    /// over the new number of epochs; the rest is refused by name.
    /// </summary>
    /// <param name="recorded">With which it began.</param>
    /// <param name="state">How far it is.</param>
    /// <exception cref="SharpSegException">Something is asked for that cannot be.</exception>
    internal TrainingSchedule Continue(TrainingSchedule recorded, TrainingState state)
    {
        if (Batch is { } batch && batch != recorded.BatchSize)
        {
            throw new SharpSegException(
                $"--batch {batch}: the run was begun with batch {recorded.BatchSize}, which cannot change", "leave --batch out");
        }

        if (!HasRecipeOf(recorded))
        {
            throw new SharpSegException(
                $"--recipe: the run was begun with another one: {recorded.Recipe ?? TrainingRecipe.Published}",
                "leave it out: a resumed run keeps its recipe");
        }

        if (Epochs is { } epochs && epochs != recorded.Epochs && recorded.Recipe?.Cycles is not null)
        {
            throw new SharpSegException(
                $"--epochs {epochs}: the cycles of the run's recipe divide its {recorded.Epochs}, which cannot change",
                "leave --epochs out");
        }

        if (recorded.TimeBudget is not null && (Epochs ?? Iterations) is not null)
        {
            throw new SharpSegException(
                "--epochs and --iterations: the run was begun with --max-time, which chooses them",
                "leave them out, or give another --max-time");
        }

        if (Time is { } time && recorded.TimeBudget != time)
        {
            if (recorded.TimeBudget is null || time.TotalSeconds <= state.Seconds)
            {
                throw new SharpSegException(
                    recorded.TimeBudget is null
                        ? "--max-time: the run was begun with a fixed number of epochs"
                        : FormattableString.Invariant($"--max-time: the run has been trained for {state.Seconds:0} s already"),
                    recorded.TimeBudget is null ? "give --epochs instead" : "give more time, for all sessions together");
            }

            return recorded with { TimeBudget = time };
        }

        var changed = Apply(recorded);
        return changed.Epochs > state.Epoch || changed == recorded
            ? changed
            : throw new SharpSegException(
                $"--epochs {changed.Epochs}: the run is in epoch {state.Epoch + 1} already", $"give {state.Epoch + 1} or more");
    }

    /// <summary>Whether a finished run is what is asked for.</summary>
    internal bool IsMetBy(TrainingSchedule finished) => (Batch ?? finished.BatchSize) == finished.BatchSize
        && (Epochs ?? finished.Epochs) == finished.Epochs
        && (Iterations ?? finished.IterationsPerEpoch) == finished.IterationsPerEpoch
        && (Time is null || finished.TimeBudget == Time)
        && HasRecipeOf(finished);

    private bool HasRecipeOf(TrainingSchedule recorded) =>
        Recipe is null || Recipe == (recorded.Recipe ?? TrainingRecipe.Published);

    private TrainingSchedule Apply(TrainingSchedule schedule) => schedule with
    {
        Epochs = Epochs ?? schedule.Epochs,
        IterationsPerEpoch = Iterations ?? schedule.IterationsPerEpoch,
        ValidationIterations = Iterations is { } iterations
            ? Math.Min(TrainingSchedule.Full(1).ValidationIterations, Math.Max(1, iterations / ValidationShare))
            : schedule.ValidationIterations,
    };
}
