namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>What to compute and how.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Compute HD95 and NSD, too.</summary>
    public bool Surface { get; init; }

    /// <summary>Tolerance of NSD in mm, for classes without one of their own.</summary>
    public double ToleranceMm { get; init; } = 1;

    /// <summary>Tolerances in mm by class key.</summary>
    public IReadOnlyDictionary<string, double> ToleranceMmByClass { get; init; } = new Dictionary<string, double>();

    /// <summary>References without a prediction are an error instead of a warning.</summary>
    public bool RequireAll { get; init; }

    /// <summary>Maximum number of cores; 0 = all.</summary>
    public int Workers { get; init; }

    /// <summary>NSD's tolerance for a class, mm.</summary>
    public double ToleranceFor(EvaluatedClass item) => ToleranceMmByClass.GetValueOrDefault(item.Key, ToleranceMm);
}
