namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// Scores of a set of cases and their averages (docs/method/evaluation.md §2): a class's mean of a metric is over the cases where
/// it is not NaN; the foreground mean is over the classes whose mean is not NaN.
/// </summary>
public sealed class EvaluationSummary
{
    private EvaluationSummary(
        IReadOnlyList<EvaluatedClass> classes, IReadOnlyList<CaseMetrics> cases, IReadOnlyList<string> missing,
        IReadOnlyList<FailedCase> failed)
    {
        Failed = failed;
        Classes = classes;
        Cases = cases;
        Missing = missing;
        MetricNames = cases.Count > 0
            && cases.All(item => item.Metrics.All(metrics => metrics is { Nsd: not null, Hd95: not null })) && classes.Count > 0
            ? [.. ClassMetrics.Names, .. ClassMetrics.SurfaceNames]
            : ClassMetrics.Names;
        ClassMeans =
        [
            .. Enumerable.Range(0, classes.Count).Select(index =>
                (IReadOnlyDictionary<string, double>)MetricNames.ToDictionary(
                    name => name, name => MeanOfNumbers(cases.Select(item => item.Metrics[index][name]!.Value)))),
        ];
        ForegroundMean = MetricNames.ToDictionary(name => name, name => MeanOfNumbers(ClassMeans.Select(means => means[name])));
    }

    /// <summary>The scored classes.</summary>
    public IReadOnlyList<EvaluatedClass> Classes { get; }

    /// <summary>The cases, sorted by name.</summary>
    public IReadOnlyList<CaseMetrics> Cases { get; }

    /// <summary>Names of the references without a prediction, which are in no mean.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Cases that could not be scored, which are in no mean.</summary>
    public IReadOnlyList<FailedCase> Failed { get; }

    /// <summary>Names of the metrics in <see cref="ClassMeans"/> and <see cref="ForegroundMean"/>.</summary>
    public IReadOnlyList<string> MetricNames { get; }

    /// <summary>Per class: metric name to mean over cases.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, double>> ClassMeans { get; }

    /// <summary>Metric name to mean over classes.</summary>
    public IReadOnlyDictionary<string, double> ForegroundMean { get; }

    /// <summary>Mean of the class means of Dice; NaN if no case has any foreground.</summary>
    public double ForegroundDice => ForegroundMean["Dice"];

    /// <summary>Mean Dice of each class.</summary>
    public IReadOnlyList<double> ClassDice => [.. ClassMeans.Select(means => means["Dice"])];

    /// <summary>Classes whose mean Dice is not NaN: what the foreground mean is made of.</summary>
    public int ClassesUsed => ClassDice.Count(dice => !double.IsNaN(dice));

    /// <summary>Cases in which a class has a Dice.</summary>
    public int CasesUsed(int classIndex) => Cases.Count(item => !double.IsNaN(item.Metrics[classIndex].Dice));

    /// <summary>Cases in which a class is in exactly one of the two maps, so that HD95 does not exist.</summary>
    public int CasesWithoutDistance(int classIndex) =>
        Cases.Count(item => item.Metrics[classIndex] is { Hd95: double.NaN } metrics && !double.IsNaN(metrics.Dice));

    /// <summary>Averages cases.</summary>
    /// <param name="classes">The scored classes.</param>
    /// <param name="cases">The cases, in any order.</param>
    /// <param name="missing">Names of the references without a prediction.</param>
    /// <param name="failed">Cases that could not be scored.</param>
    /// <exception cref="SharpSegException">A case occurs twice.</exception>
    public static EvaluationSummary Of(
        IReadOnlyList<EvaluatedClass> classes, IEnumerable<CaseMetrics> cases, IReadOnlyList<string>? missing = null,
        IReadOnlyList<FailedCase>? failed = null)
    {
        var sorted = cases.OrderBy(item => item.CaseId, StringComparer.Ordinal).ToArray();
        for (var i = 1; i < sorted.Length; i++)
        {
            if (sorted[i].CaseId == sorted[i - 1].CaseId)
            {
                throw new SharpSegException(
                    $"case `{sorted[i].CaseId}` is scored twice: `{sorted[i - 1].PredictionFile}` and "
                        + $"`{sorted[i].PredictionFile}`",
                    "each case belongs to one fold; check the splits");
            }
        }

        return new EvaluationSummary(classes, sorted, missing ?? [], failed ?? []);
    }

    /// <summary>
    /// The cross-validation score: all folds' cases in one list, averaged once. It is not the mean of the folds' means.
    /// </summary>
    /// <exception cref="SharpSegException">No fold, folds with different classes, or a case in two folds.</exception>
    public static EvaluationSummary Merge(IReadOnlyList<EvaluationSummary> folds)
    {
        if (folds.Count == 0)
        {
            throw new SharpSegException("there is no fold to merge", "train at least one fold");
        }

        foreach (var fold in folds)
        {
            if (!fold.Classes.Select(item => item.Key).SequenceEqual(folds[0].Classes.Select(item => item.Key)))
            {
                throw new SharpSegException("the folds score different classes", "evaluate them again with one dataset.json");
            }
        }

        return Of(folds[0].Classes, folds.SelectMany(fold => fold.Cases));
    }

    /// <summary>Mean of those values that are numbers; NaN if none is.</summary>
    public static double MeanOfNumbers(IEnumerable<double> values)
    {
        var sum = 0.0;
        var count = 0;
        foreach (var value in values)
        {
            if (!double.IsNaN(value))
            {
                sum += value;
                count++;
            }
        }

        return sum / count;
    }
}

/// <summary>Metrics of one case.</summary>
/// <param name="CaseId">Name of the case.</param>
/// <param name="ReferenceFile">Label file it was compared with.</param>
/// <param name="PredictionFile">Predicted label file.</param>
/// <param name="Metrics">Per class, in the order of the summary's classes.</param>
public sealed record CaseMetrics(
    string CaseId, string ReferenceFile, string PredictionFile, IReadOnlyList<ClassMetrics> Metrics)
{
    /// <summary>Everything that was odd but did not prevent the comparison.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
