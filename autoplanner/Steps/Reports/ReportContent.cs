using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>Everything that a report shows, before it becomes a page or a file.</summary>
internal sealed record ReportContent
{
    /// <summary>Name of the dataset, or of the folder of predictions.</summary>
    public required string Title { get; init; }

    /// <summary>The labels, where they are known.</summary>
    public required LabelScheme Labels { get; init; }

    /// <summary>The scored segmentations; null where nothing is scored yet.</summary>
    public ReportScores? Scores { get; init; }

    /// <summary>All training runs, in the order of the matrix.</summary>
    public IReadOnlyList<ReportRunOf> Runs { get; init; } = [];

    /// <summary>What find-best compared and chose; null where it has not run.</summary>
    public BestModel? Best { get; init; }

    /// <summary>The plans, the default one first.</summary>
    public IReadOnlyList<ReportPlan> Plans { get; init; } = [];

    /// <summary>What could not be read or is not there, a line each.</summary>
    public IReadOnlyList<string> Gaps { get; init; } = [];
}

/// <summary>Scores and the cases behind them.</summary>
/// <param name="Source">Whose segmentations, in words.</param>
/// <param name="Summary">The scores.</param>
/// <param name="Cases">All cases, worst first; those without any foreground last.</param>
internal sealed record ReportScores(string Source, EvaluationSummary Summary, IReadOnlyList<ReportCase> Cases)
{
    /// <summary>The case in the middle of the order; null where none has a score.</summary>
    public ReportCase? Median => Cases.Where(item => !double.IsNaN(item.Dice)).ToArray() is { Length: > 0 } scored
        ? scored[scored.Length / 2]
        : null;

    /// <summary>Sorts the cases of a summary.</summary>
    /// <param name="source">Whose segmentations, in words.</param>
    /// <param name="summary">The scores.</param>
    /// <param name="foldOf">In which fold a case was validated; null where there are no folds.</param>
    public static ReportScores Of(string source, EvaluationSummary summary, Func<string, string?> foldOf)
    {
        var cases = summary.Cases.Select(item => new ReportCase(
            item, foldOf(item.CaseId), EvaluationSummary.MeanOfNumbers(item.Metrics.Select(metrics => metrics.Dice))));
        return new ReportScores(
            source, summary,
            [.. cases.OrderBy(item => double.IsNaN(item.Dice) ? 2 : item.Dice).ThenBy(item => item.Id, StringComparer.Ordinal)]);
    }
}

/// <summary>One scored case.</summary>
/// <param name="Metrics">Its files and metrics.</param>
/// <param name="Fold">In which fold it was validated; null where there are no folds.</param>
/// <param name="Dice">Mean over the classes that are in it; NaN if none is.</param>
internal sealed record ReportCase(CaseMetrics Metrics, string? Fold, double Dice)
{
    /// <summary>Its name.</summary>
    public string Id => Metrics.CaseId;
}

/// <summary>One training run.</summary>
/// <param name="Configuration">Its configuration, with its plan where that is not the default one.</param>
/// <param name="Fold">Its fold, as the command line names it.</param>
/// <param name="State">done, trained, begun or left.</param>
/// <param name="Log">Its log; null where there is none.</param>
/// <param name="Dice">Mean foreground Dice of its validation cases; null where they are not scored.</param>
internal sealed record ReportRunOf(string Configuration, string Fold, string State, RunLog? Log, double? Dice)
{
    /// <summary>What twice the time would give; null where whole cases were not scored on the way.</summary>
    public Forecast? Forecast => Log is { } log && Dice is { } dice ? Forecast.Of(log.Schedule, log.Epochs, dice) : null;

    /// <summary>Configuration and fold in words.</summary>
    public string Name => $"{Configuration}, fold {Fold}";
}

/// <summary>A plan with its reasons.</summary>
/// <param name="Name">Its name in the workspace.</param>
/// <param name="Plans">The plan.</param>
/// <param name="Result">The same with every rule; null where the rules of the default options give other numbers.</param>
/// <param name="PeakBytes">Memory at the peak of training per configuration.</param>
internal sealed record ReportPlan(string Name, Plans Plans, PlanResult? Result, IReadOnlyDictionary<string, long> PeakBytes);
