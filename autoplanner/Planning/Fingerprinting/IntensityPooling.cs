namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Foreground intensities of one channel, case after case, to the dataset's statistics. A case is condensed on its worker, so
/// that memory stays bounded; the condensed cases are added in case order.
/// </summary>
internal abstract class IntensityPooling
{
    /// <summary>The pooling of a profile: `modern` weighs cases equally, `classic` voxels (docs/method/planning.md §1).</summary>
    public static IntensityPooling Of(Profile profile, int cases) =>
        profile == Profile.Modern ? new EqualCasePooling(cases) : new EqualVoxelPooling();

    /// <summary>Condenses one case; thread-safe.</summary>
    /// <param name="values">Its foreground values; sorted in place. Not empty.</param>
    public abstract CondensedCase Condense(Span<float> values);

    /// <summary>Adds a condensed case; not thread-safe, in case order.</summary>
    public abstract void Add(CondensedCase condensed);

    /// <summary>The statistics; null if no case was added.</summary>
    public abstract IntensityProperties? Finish();

    /// <summary>A case's moments and extremes, and what its pooling keeps in addition.</summary>
    /// <param name="Count">Values.</param>
    /// <param name="Mean">Mean.</param>
    /// <param name="MeanSquare">Mean of the squares.</param>
    /// <param name="Min">Least.</param>
    /// <param name="Max">Greatest.</param>
    /// <param name="Detail">Of the pooling.</param>
    public sealed record CondensedCase(long Count, double Mean, double MeanSquare, float Min, float Max, object Detail);

    /// <summary>Moments of sorted values.</summary>
    protected static CondensedCase Moments(ReadOnlySpan<float> sorted, object detail)
    {
        double sum = 0, squares = 0;
        foreach (var value in sorted)
        {
            sum += value;
            squares += (double)value * value;
        }

        return new CondensedCase(sorted.Length, sum / sorted.Length, squares / sorted.Length, sorted[0], sorted[^1], detail);
    }

    /// <summary>Standard deviation from the first two moments; rounding must not make it the root of a negative number.</summary>
    protected static double Deviation(double mean, double meanSquare) => Math.Sqrt(Math.Max(0, meanSquare - (mean * mean)));
}

/// <summary>
/// Profile `modern`: every case counts the same, whatever its size. Each gives S evenly spaced quantiles of its foreground, which
/// is the limit of the reference's random draws without a generator (docs/method/planning.md §1).
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
            mean, Percentile(pooled, 50), Deviation(mean, meanSquares / samples.Count), min, max, Percentile(pooled, 0.5),
            Percentile(pooled, 99.5));
    }

    private static double Percentile(float[] sorted, double percent)
    {
        var rank = percent / 100 * (sorted.Length - 1);
        var below = (int)Math.Floor(rank);
        return OrderStatistics.Interpolate(sorted[below], sorted[Math.Min(below + 1, sorted.Length - 1)], rank - below);
    }
}

/// <summary>
/// Profile `classic`: every foreground voxel counts the same (docs/method/planning.md §1). Percentiles come from a histogram with
/// bins below 1/32768 of the range, well inside the 0.1 % that the specification allows.
/// </summary>
internal sealed class EqualVoxelPooling : IntensityPooling
{
    private DyadicHistogram? histogram;
    private long count;
    private double sum, squares;
    private double min = double.PositiveInfinity, max = double.NegativeInfinity;

    public override CondensedCase Condense(Span<float> values)
    {
        values.Sort();
        return Moments(values, DyadicHistogram.Of(values));
    }

    public override void Add(CondensedCase condensed)
    {
        var one = (DyadicHistogram)condensed.Detail;
        histogram = histogram is null ? one : histogram.Merge(one);
        count += condensed.Count;
        sum += condensed.Mean * condensed.Count;
        squares += condensed.MeanSquare * condensed.Count;
        min = Math.Min(min, condensed.Min);
        max = Math.Max(max, condensed.Max);
    }

    public override IntensityProperties? Finish()
    {
        if (histogram is null)
        {
            return null;
        }

        var mean = sum / count;
        return new IntensityProperties(
            mean, Percentile(50), Deviation(mean, squares / count), min, max, Percentile(0.5), Percentile(99.5));
    }

    private double Percentile(double percent)
    {
        var rank = percent / 100 * (count - 1);
        var below = (long)Math.Floor(rank);
        return OrderStatistics.Interpolate(
            histogram!.AtRank(below), histogram.AtRank(Math.Min(below + 1, count - 1)), rank - below);
    }
}
