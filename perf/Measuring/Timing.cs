namespace SharpSeg.Perf.Measuring;

/// <summary>A measured time.</summary>
/// <param name="Median">Milliseconds.</param>
/// <param name="Low">The quarter of the runs was faster, milliseconds.</param>
/// <param name="High">The quarter of the runs was slower, milliseconds.</param>
internal readonly record struct Timing(double Median, double Low, double High)
{
    /// <summary>Distance of the quartiles in percent of the median: how far single runs lie apart.</summary>
    public double SpreadPercent => Median > 0 ? 100 * (High - Low) / Median : 0;

    /// <summary>Of single runs, in any order.</summary>
    public static Timing Of(List<double> milliseconds)
    {
        milliseconds.Sort();
        return new(
            milliseconds[milliseconds.Count / 2], milliseconds[milliseconds.Count / 4],
            milliseconds[Math.Min(milliseconds.Count - 1, 3 * milliseconds.Count / 4)]);
    }

    /// <summary>Of an operation that is repeated.</summary>
    public Timing Times(int count) => new(Median * count, Low * count, High * count);
}
