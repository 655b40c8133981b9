namespace SharpSeg.Engine.Optimizers;

/// <summary>When a <see cref="PlateauSchedule"/> ends the run (docs/method/losses-and-optimisers.md §9.2).</summary>
public enum StopRule
{
    /// <summary>No validation gain for 60 epochs, or the rate has fallen below 1e-6. The default.</summary>
    Either,

    /// <summary>Both conditions together.</summary>
    Both,

    /// <summary>Only the rate counts.</summary>
    RateOnly,
}

/// <summary>The whole state of a <see cref="PlateauSchedule"/>; part of a checkpoint.</summary>
/// <param name="Rate">η.</param>
/// <param name="BestTraining">Training average that the next one must beat; +∞ at first.</param>
/// <param name="BadEpochs">Epochs since it was beaten.</param>
/// <param name="TrainingAverage">Moving average of the training loss; null before the first epoch.</param>
/// <param name="ValidationAverage">Moving average of the validation loss; null before the first epoch.</param>
/// <param name="BestValidation">Validation average that the next one must beat; +∞ at first.</param>
/// <param name="BestEpoch">Epoch in which it was beaten.</param>
public sealed record PlateauState(
    double Rate, double BestTraining, int BadEpochs, double? TrainingAverage, double? ValidationAverage, double BestValidation,
    int BestEpoch)
{
    /// <summary>Before the first epoch.</summary>
    public static PlateauState Start(double rate) =>
        new(rate, double.PositiveInfinity, 0, null, null, double.PositiveInfinity, 0);
}

/// <summary>
/// The classic profile's learning rate: divided by 5 when the moving average of the training loss has not fallen by 5e-3 for 30
/// epochs; the run ends by a rule on the validation loss and the rate (docs/method/losses-and-optimisers.md §9.2).
/// </summary>
/// <param name="state">Where it is.</param>
/// <param name="rule">When it ends.</param>
/// <param name="maxEpochs">Epochs of the run.</param>
/// <param name="pace">Published epochs that one epoch of the run stands for: 1, or more where the run is fitted to a time.
/// Patience and averages are measured in published epochs.</param>
public sealed class PlateauSchedule(
    PlateauState state, StopRule rule = StopRule.Either, int maxEpochs = PlateauSchedule.PublishedEpochs, double pace = 1)
{
    /// <summary>The most epochs of a published run.</summary>
    public const int PublishedEpochs = 1000;

    /// <summary>The classic profile's initial rate.</summary>
    public const double InitialRate = 3e-4;

    private const double TrainingDecay = 0.93;
    private const double ValidationDecay = 0.9;
    private const double Threshold = 5e-3;
    private const int RatePatience = 30;                                // epochs
    private const double RateFactor = 0.2;
    private const double SmallestReduction = 1e-8;
    private const int StopPatience = 60;                                // epochs
    private const double LowestRate = 1e-6;
    private const int LeastPatience = 3; // epochs: fewer are the noise of their batches, however long the run

    private readonly double trainingDecay = Math.Pow(TrainingDecay, pace), validationDecay = Math.Pow(ValidationDecay, pace);
    private readonly int ratePatience = Paced(RatePatience, pace), stopPatience = Paced(StopPatience, pace);

    /// <summary>The state.</summary>
    public PlateauState State { get; private set; } = state;

    /// <summary>η of the coming epoch.</summary>
    public double Rate => State.Rate;

    /// <summary>Updates the state after an epoch.</summary>
    /// <param name="epoch">Index from 0.</param>
    /// <param name="trainingLoss">Mean over its training iterations.</param>
    /// <param name="validationLoss">Mean over its validation iterations.</param>
    /// <returns>Whether training ends after this epoch.</returns>
    public bool Finish(int epoch, double trainingLoss, double validationLoss)
    {
        var s = State;
        var training = s.TrainingAverage is { } t ? (trainingDecay * t) + ((1 - trainingDecay) * trainingLoss) : trainingLoss;
        var validation = s.ValidationAverage is { } v
            ? (validationDecay * v) + ((1 - validationDecay) * validationLoss)
            : validationLoss;
        s = s with { TrainingAverage = training, ValidationAverage = validation };

        s = training < s.BestTraining - Threshold
            ? s with { BestTraining = training, BadEpochs = 0 }
            : s with { BadEpochs = s.BadEpochs + 1 };
        if (s.BadEpochs > ratePatience)
        {
            var reduced = s.Rate * RateFactor;
            s = s with { Rate = s.Rate - reduced > SmallestReduction ? reduced : s.Rate, BadEpochs = 0 };
        }

        if (validation < s.BestValidation - Threshold)
        {
            s = s with { BestValidation = validation, BestEpoch = epoch };
        }

        State = s;
        return epoch + 1 >= maxEpochs || Ends(epoch - s.BestEpoch >= stopPatience, s.Rate < LowestRate);
    }

    private static int Paced(int epochs, double pace) => Math.Max(LeastPatience, (int)Math.Round(epochs / pace));

    private bool Ends(bool stalled, bool slow) => rule switch
    {
        StopRule.Either => stalled || slow,
        StopRule.Both => stalled && slow,
        _ => slow,
    };
}
