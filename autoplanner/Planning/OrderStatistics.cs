namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Median and percentiles as numpy computes them, last digit included: decisions compare them with thresholds.</summary>
internal static class OrderStatistics
{
    /// <summary>The middle value, or the mean of the two middle values. The input is not changed.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = Sorted(values);
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>Linear interpolation between the two nearest ranks. The input is not changed.</summary>
    /// <param name="values">At least one value.</param>
    /// <param name="percent">0 to 100.</param>
    public static double Percentile(IEnumerable<double> values, double percent) => PercentileOfSorted(Sorted(values), percent);

    /// <summary>As <see cref="Percentile"/>, of values that are sorted already.</summary>
    public static double PercentileOfSorted(ReadOnlySpan<double> sorted, double percent)
    {
        var rank = percent / 100 * (sorted.Length - 1);
        var below = Math.Min((int)Math.Floor(rank), sorted.Length - 1);
        var above = Math.Min(below + 1, sorted.Length - 1);
        return Interpolate(sorted[below], sorted[above], rank - below);
    }

    /// <summary>a + (b − a)·t, computed from the nearer end as numpy does.</summary>
    internal static double Interpolate(double a, double b, double t) => t < 0.5 ? a + ((b - a) * t) : b - ((b - a) * (1 - t));

    private static double[] Sorted(IEnumerable<double> values)
    {
        var sorted = values.ToArray();
        if (sorted.Length == 0)
        {
            throw new ArgumentException("no values", nameof(values));
        }

        Array.Sort(sorted);
        return sorted;
    }
}
