using System.Text.Json;
using System.Text.Json.Serialization;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// How far a run has got, between two iterations: with weights and optimiser all that is needed to continue as if it had never
/// stopped. Random streams need no state, each sample derives its own from seed, epoch and iteration.
/// </summary>
internal sealed class TrainingState
{
    /// <summary>Completed epochs, so also the index of the current one.</summary>
    public int Epoch { get; set; }

    /// <summary>Completed training iterations of the current epoch.</summary>
    public int Iteration { get; set; }

    /// <summary>Training iterations that the current epoch will have; 0 before it begins.</summary>
    public int EpochIterations { get; set; }

    /// <summary>Sum of the training losses of the current epoch.</summary>
    public double LossSum { get; set; }

    /// <summary>Training time used, over all sessions.</summary>
    public double Seconds { get; set; }

    /// <summary>Training time used when the current epoch began.</summary>
    public double SecondsAtEpochStart { get; set; }

    /// <summary>Steps left out because a gradient was not finite.</summary>
    public int SkippedSteps { get; set; }

    /// <summary>State of the loss scaling; null unless the products are float16.</summary>
    public LossScaleState? LossScale { get; set; }

    /// <summary>Highest moving average of the pseudo-Dice so far.</summary>
    public double? Best { get; set; }

    /// <summary>State of the classic learning-rate schedule; null in the modern profile.</summary>
    public PlateauState? Plateau { get; set; }

    /// <summary>The classic schedule has ended the run early.</summary>
    public bool Stopped { get; set; }

    /// <summary>From which other network the run started; null for random weights.</summary>
    public PretrainedRecord? Pretrained { get; set; }

    /// <summary>In what the run departs from its profile; null in nothing.</summary>
    public TrainingVariant? Variant { get; set; }

    /// <summary>Finished epochs, in order.</summary>
    public List<EpochRecord> Records { get; set; } = [];

    /// <summary>Training iterations so far.</summary>
    [JsonIgnore]
    public int TotalIterations => Records.Sum(r => r.Iterations) + Iteration;

    /// <summary>As text, for a checkpoint's metadata.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJson.Default.TrainingState);

    /// <summary>From a checkpoint's metadata.</summary>
    /// <exception cref="JsonException">The text is not a state.</exception>
    public static TrainingState FromJson(string json)
    {
        var state = JsonSerializer.Deserialize(json, TrainingJson.Default.TrainingState);
        if (state is not { Epoch: >= 0, Iteration: >= 0, EpochIterations: >= 0, SkippedSteps: >= 0, Records: not null })
        {
            throw new JsonException("no training state");
        }

        long iterations = state.Iteration;
        foreach (var record in state.Records)
        {
            (record ?? throw new JsonException("an empty epoch")).Require(ref iterations);
        }

        return state;
    }
}

/// <summary>Source-generated JSON of what training writes: no reflection, no type names in files.</summary>
[JsonSourceGenerationOptions(
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TrainingState))]
[JsonSerializable(typeof(TrainingSchedule))]
[JsonSerializable(typeof(TrainingRecipe))]
[JsonSerializable(typeof(RecipeMirroring))]
[JsonSerializable(typeof(EpochRecord))]
[JsonSerializable(typeof(int[]))]
internal sealed partial class TrainingJson : JsonSerializerContext;

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
internal sealed record EpochRecord(
    [property: JsonPropertyName("epoch")] int Epoch,
    [property: JsonPropertyName("iterations")] int Iterations,
    [property: JsonPropertyName("learning_rate")] double LearningRate,
    [property: JsonPropertyName("train_loss")] double TrainLoss,
    [property: JsonPropertyName("val_loss")] double? ValidationLoss,
    [property: JsonPropertyName("pseudo_dice")] IReadOnlyList<double?> PseudoDice,
    [property: JsonPropertyName("mean_pseudo_dice")] double? MeanPseudoDice,
    [property: JsonPropertyName("ema_pseudo_dice")] double? PseudoDiceAverage,
    [property: JsonPropertyName("seconds")] double Seconds,
    [property: JsonPropertyName("skipped_steps")] int SkippedSteps)
{
    /// <summary>
    /// Mean foreground Dice of the whole cases that were scored at the end of the epoch, by name; null where none was.
    /// </summary>
    [JsonPropertyName("whole_case_dice")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? WholeCaseDice { get; init; }

    /// <summary>Part of <see cref="Seconds"/> that scoring them took; null where none was.</summary>
    [JsonPropertyName("whole_case_seconds")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? WholeCaseSeconds { get; init; }

    /// <summary>Mean over those cases; null where none was scored.</summary>
    [JsonIgnore]
    public double? MeanWholeCaseDice => WholeCaseDice is { Count: > 0 } scores ? scores.Values.Average() : null;

    /// <summary>Refuses what no training writes, in a file that somebody may have changed.</summary>
    /// <param name="iterations">Iterations of the epochs before; gets those of this one added.</param>
    /// <exception cref="JsonException">A value cannot be; its path names it.</exception>
    public void Require(ref long iterations)
    {
        iterations += Iterations;
        var wrong = Epoch < 0 ? "epoch"
            : Iterations < 0 || iterations > int.MaxValue ? "iterations"
            : PseudoDice is null ? "pseudo_dice"
            : !double.IsFinite(Seconds) || Seconds < 0 ? "seconds"
            : SkippedSteps < 0 ? "skipped_steps"
            : WholeCaseDice?.Values.Any(dice => dice is not (>= 0 and <= 1)) == true ? "whole_case_dice"
            : WholeCaseSeconds is { } scoring && (!double.IsFinite(scoring) || scoring < 0) ? "whole_case_seconds"
            : null;
        if (wrong is not null)
        {
            throw new JsonException("a value that no training writes", wrong, null, null);
        }
    }
}
