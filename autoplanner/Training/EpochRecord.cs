using System.Text.Json.Serialization;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>The results of one epoch: a line of <c>log.jsonl</c> and a point of the progress plot.</summary>
/// <param name="Epoch">0-based index.</param>
/// <param name="Iterations">Training iterations of this epoch.</param>
/// <param name="LearningRate">Rate at its start.</param>
/// <param name="TrainLoss">Mean training loss.</param>
/// <param name="ValidationLoss">Mean validation loss; null without validation cases.</param>
/// <param name="PseudoDice">Per foreground class or region; null where undefined.</param>
/// <param name="MeanPseudoDice">Mean over the defined ones.</param>
/// <param name="PseudoDiceAverage">Moving average over epochs, the measure for "best".</param>
/// <param name="Seconds">Wall time of the epoch, validation included.</param>
/// <param name="SkippedSteps">Steps left out so far because a gradient was not finite.</param>
public sealed record EpochRecord(
    [property: JsonPropertyName("epoch")] int Epoch,
    [property: JsonPropertyName("iterations")] int Iterations,
    [property: JsonPropertyName("learning_rate")] double LearningRate,
    [property: JsonPropertyName("train_loss")] double TrainLoss,
    [property: JsonPropertyName("val_loss")] double? ValidationLoss,
    [property: JsonPropertyName("pseudo_dice")] IReadOnlyList<double?> PseudoDice,
    [property: JsonPropertyName("mean_pseudo_dice")] double? MeanPseudoDice,
    [property: JsonPropertyName("ema_pseudo_dice")] double? PseudoDiceAverage,
    [property: JsonPropertyName("seconds")] double Seconds,
    [property: JsonPropertyName("skipped_steps")] int SkippedSteps);
