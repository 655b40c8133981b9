namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// A histogram of unknown range in bounded memory. Bins are [i·w, (i+1)·w) with w a power of two, the least for which the range
/// needs at most 65,536 bins (and not below 2⁻⁴⁰ of the greatest magnitude, finer than float32 resolves). Two bins of one width
/// make exactly one of the next, so merging two histograms gives the bins of the joint data. A bin keeps the sum of its values:
/// whole numbers, as CT has them, come back exactly.
/// </summary>
internal sealed class DyadicHistogram
{
    private const int MostBins = 65536;
    private const int FinestBits = 40;          // indices then fit 64 bits with room
    private const int ZeroExponent = -200;      // of data that are all zero; below that of any other float32

    private readonly int exponent;              // w = 2^exponent
    private readonly long first;                // index i of the first bin
    private readonly long[] counts;
    private readonly double[] sums;

    private DyadicHistogram(int exponent, long first, long[] counts, double[] sums)
    {
        this.exponent = exponent;
        this.first = first;
        this.counts = counts;
        this.sums = sums;
    }

    /// <summary>Smallest and largest value decide the bins.</summary>
    /// <param name="sorted">Ascending, finite, at least one.</param>
    public static DyadicHistogram Of(ReadOnlySpan<float> sorted)
    {
        var magnitude = Math.Max(Math.Abs(sorted[0]), Math.Abs(sorted[^1]));
        var exponent = magnitude == 0 ? ZeroExponent : Math.ILogB((double)magnitude) - FinestBits;
        while (Bin(sorted[^1], exponent) - Bin(sorted[0], exponent) >= MostBins)
        {
            exponent++;
        }

        var first = Bin(sorted[0], exponent);
        var bins = (int)(Bin(sorted[^1], exponent) - first) + 1;
        var counts = new long[bins];
        var sums = new double[bins];
        foreach (var value in sorted)
        {
            var bin = (int)(Bin(value, exponent) - first);
            counts[bin]++;
            sums[bin] += value;
        }

        return new DyadicHistogram(exponent, first, counts, sums);
    }

    /// <summary>The histogram of both data.</summary>
    public DyadicHistogram Merge(DyadicHistogram other)
    {
        var common = Math.Max(exponent, other.exponent);
        while (Math.Max(Last(this, common), Last(other, common)) - Math.Min(
            First(this, common), First(other, common)) >= MostBins)
        {
            common++;
        }

        var first = Math.Min(First(this, common), First(other, common));
        var bins = (int)(Math.Max(Last(this, common), Last(other, common)) - first) + 1;
        var merged = new DyadicHistogram(common, first, new long[bins], new double[bins]);
        merged.Take(this);
        merged.Take(other);
        return merged;
    }

    /// <summary>The value of a rank from 0: the mean of the bin that holds it.</summary>
    public double AtRank(long rank)
    {
        var below = 0L;
        for (var bin = 0; bin < counts.Length; bin++)
        {
            below += counts[bin];
            if (rank < below)
            {
                return sums[bin] / counts[bin];
            }
        }

        throw new ArgumentOutOfRangeException(nameof(rank), rank, $"there are {below} values");
    }

    private static long Bin(float value, int exponent) => (long)Math.Floor(Math.ScaleB((double)value, -exponent));

    private static long First(DyadicHistogram histogram, int exponent) =>
        histogram.first >> Math.Min(63, exponent - histogram.exponent);

    private static long Last(DyadicHistogram histogram, int exponent) =>
        (histogram.first + histogram.counts.Length - 1) >> Math.Min(63, exponent - histogram.exponent);

    private void Take(DyadicHistogram finer)
    {
        var shift = Math.Min(63, exponent - finer.exponent);
        for (var bin = 0; bin < finer.counts.Length; bin++)
        {
            var mine = (int)(((finer.first + bin) >> shift) - first);
            counts[mine] += finer.counts[bin];
            sums[mine] += finer.sums[bin];
        }
    }
}
