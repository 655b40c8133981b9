using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps;

namespace SharpSeg.Cli.Commands;

/// <summary>Scores and training figures in the form that every verb prints.</summary>
internal static class Scores
{
    /// <summary><c>mean_foreground_dice</c> and <c>per_class</c>; an undefined score is null.</summary>
    public static JsonObject Json(EvaluationSummary summary)
    {
        var perClass = new JsonObject();
        for (var c = 0; c < summary.Classes.Count; c++)
        {
            var metrics = new JsonObject { ["name"] = summary.Classes[c].Name };
            foreach (var name in summary.MetricNames)
            {
                metrics[name] = Number(summary.ClassMeans[c][name]);
            }

            perClass[summary.Classes[c].Key] = metrics;
        }

        return new JsonObject
        {
            ["mean_foreground_dice"] = Number(summary.ForegroundDice), ["per_class"] = perClass,
            ["cases"] = summary.Cases.Count
        };
    }

    /// <summary>The table for people.</summary>
    public static string Text(EvaluationSummary summary, bool perCase = false) =>
        SummaryTable.Of(summary, perCase).TrimEnd()
            + FormattableString.Invariant(
                $"\n\nmean foreground Dice {summary.ForegroundDice:0.0000} over {Counted.Of(summary.Cases.Count, "case")}");

    /// <summary><c>iterations</c>, <c>seconds_per_iteration</c>, <c>peak_bytes</c> and what was chosen.</summary>
    public static void AddTraining(JsonObject json, TrainingOutcome outcome)
    {
        json["iterations"] = outcome.Iterations;
        json["seconds_per_iteration"] = outcome.SecondsPerIteration;
        json["training_seconds"] = outcome.Seconds;
        json["peak_bytes"] = outcome.PeakBytes;
        json["predicted_peak_bytes"] = outcome.PredictedPeakBytes;
        json["batch_size"] = outcome.Schedule.BatchSize;
        json["epochs"] = outcome.Schedule.Epochs;
    }

    /// <summary>One line on the training.</summary>
    public static string Training(TrainingOutcome outcome) => FormattableString.Invariant(
        $"{Counted.Of(outcome.Iterations, "iteration")} of batch {outcome.Schedule.BatchSize}, {outcome.SecondsPerIteration:0.000} s per iteration (waiting for data {outcome.WaitingSeconds:0.0} s), ")
        + (outcome.PeakBytes == 0
            ? "finished before"
            : FormattableString.Invariant($"peak {outcome.PeakBytes / 1e6:0} MB (predicted {outcome.PredictedPeakBytes / 1e6:0})"));

    /// <summary>A number, or null where it is undefined.</summary>
    public static JsonValue? Number(double value) => double.IsNaN(value) ? null : JsonValue.Create(value);
}
