using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Evaluation;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>report.json: what the page shows, for programs. What is not defined is null.</summary>
internal static class ReportJson
{
    /// <summary>The key and value by which the file is known.</summary>
    public const string FormatKey = "format", Format = "sharpseg-report";

    /// <summary>The text of the file.</summary>
    public static string Of(ReportContent content) => JsonFile.ToText(new JsonObject
    {
        [FormatKey] = Format,
        ["version"] = 1,
        ["title"] = content.Title,
        ["findings"] = new JsonArray([.. Findings.Of(content).Select(text => (JsonNode)text)]),
        ["scores"] = content.Scores is { } scores ? Scores(scores) : null,
        ["runs"] = new JsonArray([.. content.Runs.Select(Run)]),
        ["best"] = content.Best is { } best ? JsonNode.Parse(best.ToJson()) : null,
        ["plans"] = new JsonArray([.. content.Plans.Select(Plan)]),
    });

    private static JsonObject Scores(ReportScores scores)
    {
        var summary = scores.Summary;
        var perClass = new JsonObject();
        for (var c = 0; c < summary.Classes.Count; c++)
        {
            var entry = new JsonObject { ["name"] = summary.Classes[c].Name };
            foreach (var name in summary.MetricNames)
            {
                entry[name] = Number(summary.ClassMeans[c][name]);
            }

            perClass[summary.Classes[c].Key] = entry;
        }

        JsonObject Case(ReportCase item)
        {
            var metrics = new JsonObject();
            for (var c = 0; c < summary.Classes.Count; c++)
            {
                var entry = new JsonObject();
                foreach (var name in summary.MetricNames)
                {
                    entry[name] = Number(item.Metrics.Metrics[c][name] ?? double.NaN);
                }

                metrics[summary.Classes[c].Key] = entry;
            }

            return new JsonObject
            {
                ["case"] = item.Id, ["fold"] = item.Fold, ["mean_dice"] = Number(item.Dice),
                ["reference_file"] = item.Metrics.ReferenceFile, ["prediction_file"] = item.Metrics.PredictionFile,
                ["metrics"] = metrics,
            };
        }

        return new JsonObject
        {
            ["of"] = scores.Source,
            ["mean_foreground_dice"] = Number(summary.ForegroundDice),
            ["per_class"] = perClass,
            ["median_case"] = scores.Median?.Id,
            ["missing"] = summary.Missing.Count,
            ["cases_worst_first"] = new JsonArray([.. scores.Cases.Select(Case)]),
        };
    }

    private static JsonObject Run(ReportRunOf run) => new()
    {
        ["configuration"] = run.Configuration,
        ["fold"] = run.Fold,
        ["state"] = run.State,
        ["mean_foreground_dice"] = run.Dice is { } dice ? Number(dice) : null,
        ["epochs"] = run.Log?.Epochs.Count,
        ["iterations"] = run.Log?.Iterations,
        ["seconds"] = run.Log?.Seconds,
        ["forecast"] = run.Forecast?.Text,
        ["device"] = run.Log?.Device,
        ["precision"] = run.Log?.Precision,
        ["seed"] = run.Log?.Seed,
        ["batch_size"] = run.Log?.Schedule.BatchSize,
        ["training_cases"] = run.Log?.TrainingCases,
        ["validation_cases"] = run.Log?.ValidationCases,
        ["curves"] = run.Log is { } log ? new JsonObject
        {
            ["train_loss"] = Numbers(log.Epochs.Select(epoch => (double?)epoch.TrainLoss)),
            ["val_loss"] = Numbers(log.Epochs.Select(epoch => epoch.ValidationLoss)),
            ["mean_pseudo_dice"] = Numbers(log.Epochs.Select(epoch => epoch.MeanPseudoDice)),
            ["ema_pseudo_dice"] = Numbers(log.Epochs.Select(epoch => epoch.PseudoDiceAverage)),
            ["whole_case_dice"] = Numbers(log.Epochs.Select(epoch => epoch.MeanWholeCaseDice)),
        } : null,
    };

    private static JsonObject Plan(ReportPlan plan) => new()
    {
        ["plan"] = plan.Name,
        ["plans_name"] = plan.Plans.PlansName,
        ["predicted_training_bytes"] = new JsonObject(
            plan.PeakBytes.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        ["decisions"] = plan.Result is { } result ? new JsonArray([.. result.Decisions.Select(decision => new JsonObject
        {
            ["configuration"] = decision.Configuration, ["subject"] = decision.Subject, ["result"] = decision.Result,
            ["rule"] = decision.Rule, ["inputs"] = decision.Inputs,
        })]) : null,
    };

    private static JsonArray Numbers(IEnumerable<double?> values) =>
        new([.. values.Select(value => Number(value ?? double.NaN))]);

    private static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;
}
