namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// How well a prediction matches the reference for one class (a label or a region), in one case or on average over cases
/// (docs/method/evaluation.md §1 to §3). Counts are doubles so that averages fit; they are exact up to 2⁵³ voxels.
/// </summary>
public sealed record ClassMetrics
{
    /// <summary>Names of the metrics that are always there, in the order of files and tables.</summary>
    public static IReadOnlyList<string> Names { get; } = ["Dice", "IoU", "TP", "FP", "FN", "TN", "n_pred", "n_ref"];

    /// <summary>Names of the surface metrics, which cost time and are there on request.</summary>
    public static IReadOnlyList<string> SurfaceNames { get; } = ["HD95", "NSD"];

    /// <summary>2TP/(2TP+FP+FN), 0 to 1; NaN if the class is in neither map.</summary>
    public required double Dice { get; init; }

    /// <summary>TP/(TP+FP+FN), 0 to 1; NaN if the class is in neither map.</summary>
    public required double IoU { get; init; }

    /// <summary>Voxels of the class in both maps.</summary>
    public required double TruePositives { get; init; }

    /// <summary>Voxels of the class in the prediction only.</summary>
    public required double FalsePositives { get; init; }

    /// <summary>Voxels of the class in the reference only.</summary>
    public required double FalseNegatives { get; init; }

    /// <summary>Counted voxels of the class in neither map.</summary>
    public required double TrueNegatives { get; init; }

    /// <summary>
    /// 95th percentile of the distances between both surfaces, mm; NaN unless both are there; null if not asked for.
    /// </summary>
    public double? Hd95 { get; init; }

    /// <summary>Share of both surfaces that lies within the tolerance of the other; null if not asked for.</summary>
    public double? Nsd { get; init; }

    /// <summary>A metric by its name in files; null for a surface metric that was not asked for.</summary>
    /// <exception cref="ArgumentException">There is no such metric.</exception>
    public double? this[string name] => name switch
    {
        "Dice" => Dice,
        "IoU" => IoU,
        "TP" => TruePositives,
        "FP" => FalsePositives,
        "FN" => FalseNegatives,
        "TN" => TrueNegatives,
        "n_pred" => TruePositives + FalsePositives,
        "n_ref" => TruePositives + FalseNegatives,
        "HD95" => Hd95,
        "NSD" => Nsd,
        _ => throw new ArgumentException($"there is no metric `{name}`", nameof(name)),
    };

    /// <summary>Of a class that the reference does not show: nothing is known.</summary>
    /// <param name="surface">Surface metrics were asked for.</param>
    public static ClassMetrics Unknown(bool surface) => new()
    {
        Dice = double.NaN,
        IoU = double.NaN,
        TruePositives = double.NaN,
        FalsePositives = double.NaN,
        FalseNegatives = double.NaN,
        TrueNegatives = double.NaN,
        Hd95 = surface ? double.NaN : null,
        Nsd = surface ? double.NaN : null,
    };

    /// <summary>The metrics that follow from counts of voxels.</summary>
    public static ClassMetrics FromCounts(long truePositives, long falsePositives, long falseNegatives, long trueNegatives)
    {
        // 0/0 is NaN on purpose: a class that nobody drew and nobody predicted says nothing about the prediction.
        double wrong = falsePositives + falseNegatives;
        return new ClassMetrics
        {
            Dice = 2.0 * truePositives / (2.0 * truePositives + wrong),
            IoU = truePositives / (truePositives + wrong),
            TruePositives = truePositives,
            FalsePositives = falsePositives,
            FalseNegatives = falseNegatives,
            TrueNegatives = trueNegatives,
        };
    }
}
