namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Profile `modern`: every case counts the same, whatever its size. Each gives S evenly spaced quantiles of its foreground, which is the
/// limit of the reference's random draws without a generator (docs/method/planning.md §1).
/// </summary>
/// <param name="cases">Training cases of the dataset.</param>
internal sealed class EqualCasePooling(int cases) : IntensityPooling
{
    private const int SamplesPerCase = 10_000;
    private const int LeastSamplesPerCase = 1_000;
    private const long SamplesOfDataset = 20_000_000;

    private readonly List<float[]> samples = [];
    private double means, meanSquares;
    private double min = double.PositiveInfinity, max = double.NegativeInfinity;

    /// <summary>S; tests set it.</summary>
    internal int Samples { get; init; } = (long)SamplesPerCase * cases > SamplesOfDataset
        ? (int)Math.Max(LeastSamplesPerCase, SamplesOfDataset / cases)
        : SamplesPerCase;

    public override CondensedCase Condense(Span<float> values)
    {
        values.Sort();
        var quantiles = new float[Samples];
        for (var j = 0; j < quantiles.Length; j++)
        {
            var rank = (long)Math.Floor((j + 0.5) * values.Length / quantiles.Length);
            quantiles[j] = values[(int)Math.Min(values.Length - 1, rank)];
        }

        return Moments(values, quantiles);
    }

    public override void Add(CondensedCase condensed)
    {
        samples.Add((float[])condensed.Detail);
        means += condensed.Mean;
        meanSquares += condensed.MeanSquare;
        min = Math.Min(min, condensed.Min);
        max = Math.Max(max, condensed.Max);
    }

    public override IntensityProperties? Finish()
    {
        if (samples.Count == 0)
        {
            return null;
        }

        var pooled = new float[(long)samples.Count * Samples];
        for (var i = 0; i < samples.Count; i++)
        {
            samples[i].CopyTo(pooled, (long)i * Samples);
        }

        Array.Sort(pooled);
        var mean = means / samples.Count;
        return new IntensityProperties(
            mean, Percentile(pooled, 50), Deviation(mean, meanSquares / samples.Count), min, max, Percentile(pooled, 0.5), Percentile(pooled, 99.5));
    }

    private static double Percentile(float[] sorted, double percent)
    {
        var rank = percent / 100 * (sorted.Length - 1);
        var below = (int)Math.Floor(rank);
        return OrderStatistics.Interpolate(sorted[below], sorted[Math.Min(below + 1, sorted.Length - 1)], rank - below);
    }
}
