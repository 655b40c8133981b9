using System.Text.Json.Serialization;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>How long and in what portions a network learns (docs/method/training.md §1).</summary>
/// <param name="BatchSize">Patches per iteration.</param>
/// <param name="Epochs">Epochs; the learning rate falls from epoch to epoch over exactly this many.</param>
/// <param name="IterationsPerEpoch">Training iterations per epoch.</param>
/// <param name="ValidationIterations">Validation batches per epoch.</param>
/// <param name="TimeBudget">Training must end within this time, iterations per epoch adapt; null trains as planned, however
/// long.</param>
public sealed record TrainingSchedule(
    int BatchSize, int Epochs, int IterationsPerEpoch, int ValidationIterations, TimeSpan? TimeBudget = null)
{
    /// <summary>How it learns; null as nnU-Net does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TrainingRecipe? Recipe { get; init; }

    /// <summary>Whole cases that are scored on the way; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CaseChecks? Checks { get; init; }

    private const int FullEpochs = 1000, FullIterations = 250, FullValidationIterations = 50; // nnU-Net, all versions

    // Below so many iterations the batch stays small; above, it grows towards the plan's. In 3D twice the batch for half of 8,000
    // gained nothing (docs/method/budget.md §3); in 2D nothing is measured.
    private const int Enough3D = 8000, Enough2D = 4000;
    private const int FittedEpochs = 50;
    private const int MinimumBatch3D = 2, MinimumBatch2D = 12; // the planner's own floor, and nnU-Net's 2D reference batch

    // A validation batch is a forward pass, about a third of a training step; one per ten training iterations.
    private const double ValidationShare = 0.1, ForwardShare = 1.0 / 3;

    /// <summary>The published schedule: 1000 epochs of 250 iterations with the plan's batch.</summary>
    public static TrainingSchedule Full(int plannedBatch) =>
        new(plannedBatch, FullEpochs, FullIterations, FullValidationIterations);

    /// <summary>The batch whose step time <see cref="Fit"/> wants to know.</summary>
    public static int ProbeBatch(int plannedBatch, bool is2D) => Math.Min(plannedBatch, is2D ? MinimumBatch2D : MinimumBatch3D);

    /// <summary>
    /// Fits the schedule to a time. In little time many small batches teach more than few large ones, so the batch is the
    /// smallest sensible one until enough iterations fit, and grows from there to the plan's; beyond the published schedule
    /// nothing is added.
    /// </summary>
    /// <param name="budget">Time for training alone.</param>
    /// <param name="secondsPerStep">Measured time of one training step at <see cref="ProbeBatch"/>.</param>
    /// <param name="plannedBatch">The plan's batch size.</param>
    /// <param name="is2D">Whether patches are slices.</param>
    /// <param name="secondsOfChecks">Part of the time in which whole cases are scored.</param>
    public static TrainingSchedule Fit(
        TimeSpan budget, double secondsPerStep, int plannedBatch, bool is2D, double secondsOfChecks = 0)
    {
        var probe = ProbeBatch(plannedBatch, is2D);
        var seconds = secondsPerStep * (1 + (ValidationShare * ForwardShare));
        var atProbe = Math.Max(0, budget.TotalSeconds - secondsOfChecks) / seconds;
        var batch = (int)Math.Clamp(probe * (atProbe / (is2D ? Enough2D : Enough3D)), probe, plannedBatch);
        var iterations = Math.Clamp(atProbe * probe / batch, 1, (double)FullEpochs * FullIterations);
        var epochs = (int)Math.Clamp(
            iterations / 10, 1, iterations > FittedEpochs * FullIterations ? iterations / FullIterations : FittedEpochs);
        var perEpoch = Math.Max(1, (int)(iterations / epochs));
        return new(batch, epochs, perEpoch, ValidationIterationsFor(perEpoch), budget);
    }

    /// <summary>What it takes by a measured step, validation batches included, seconds.</summary>
    /// <param name="secondsPerStep">Measured time of one training step at <see cref="ProbeBatch"/>.</param>
    /// <param name="plannedBatch">The plan's batch size.</param>
    /// <param name="is2D">Whether patches are slices.</param>
    public double Seconds(double secondsPerStep, int plannedBatch, bool is2D) =>
        Epochs * (IterationsPerEpoch + (ValidationIterations * ForwardShare)) * secondsPerStep * BatchSize
            / ProbeBatch(plannedBatch, is2D);

    /// <summary>Validation batches that go with a number of training iterations when time is short.</summary>
    public static int ValidationIterationsFor(int iterationsPerEpoch) => Math.Max(2, (int)(iterationsPerEpoch * ValidationShare));

    /// <summary>
    /// Iterations for the next epoch of a run under a time budget, from what its steps have cost so far, so that the remaining
    /// epochs end in time however the machine's speed drifts.
    /// </summary>
    /// <param name="used">Training time used so far.</param>
    /// <param name="epoch">Index of the next epoch.</param>
    /// <param name="secondsPerIteration">What an iteration costs, validation's share included.</param>
    /// <param name="cost">What an iteration of the epoch costs beside those, where its patches are smaller; the epoch has so many
    /// more of them.</param>
    /// <param name="secondsPerCheck">What scoring whole cases costs each time; kept for those that are still to come.</param>
    public int IterationsFor(
        TimeSpan used, int epoch, double secondsPerIteration, double cost = 1, double secondsPerCheck = 0)
    {
        if (TimeBudget is not { } budget)
        {
            return (int)(IterationsPerEpoch / cost);
        }

        var checks = (Checks?.Left(epoch, Epochs) ?? 0) * secondsPerCheck;
        var left = ((budget - used).TotalSeconds - checks) / Math.Max(1, Epochs - epoch);
        return (int)Math.Clamp(left / (cost * secondsPerIteration), 1, 4.0 / cost * IterationsPerEpoch);
    }
}
