using SharpSeg.AutoPlanner.Imaging.Pictures;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>The legend of a case's picture: each class with its colour and what it scored.</summary>
internal static class CaseLegend
{
    /// <summary>One entry per class; a region has no colour of its own, its labels have.</summary>
    public static IReadOnlyList<LegendEntry> Of(IReadOnlyList<EvaluatedClass> classes, CaseMetrics scores) =>
    [
        .. classes.Select((item, c) => new LegendEntry(
            item.Labels is [var label] ? label : 0,
            $"{item.Name}: {(double.IsNaN(scores.Metrics[c].Dice) ? "in neither map" : FormattableString.Invariant($"Dice {scores.Metrics[c].Dice:0.000}"))}")),
    ];
}
