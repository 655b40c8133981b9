using System.Numerics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Mean, extremes and spread of one image channel over the whole patch. Sums run in the lanes of two vectors over blocks, blocks add up in
/// double: fast, precise, and on one machine always in the same order.
/// </summary>
/// <param name="Mean">Mean value.</param>
/// <param name="Min">Smallest value.</param>
/// <param name="Max">Largest value.</param>
internal readonly record struct ChannelStatistics(double Mean, float Min, float Max)
{
    private const int Block = 4096;

    private static int Step => 2 * Vector<float>.Count;

    /// <summary>Measures a channel with at least one voxel.</summary>
    public static ChannelStatistics Of(ReadOnlySpan<float> values)
    {
        Vector<float> low = new(values[0]), high = low;
        double sum = 0;
        float tailLow = values[0], tailHigh = values[0];
        for (var start = 0; start < values.Length; start += Block)
        {
            var block = values.Slice(start, Math.Min(Block, values.Length - start));
            Vector<float> even = Vector<float>.Zero, odd = Vector<float>.Zero;
            var i = 0;
            for (; i <= block.Length - Step; i += Step)
            {
                Vector<float> a = new(block[i..]), b = new(block[(i + Vector<float>.Count)..]);
                even += a;
                odd += b;
                low = Vector.MinNative(low, Vector.MinNative(a, b));
                high = Vector.MaxNative(high, Vector.MaxNative(a, b));
            }

            sum += Vector.Sum(even) + Vector.Sum(odd);
            for (; i < block.Length; i++)
            {
                sum += block[i];
                tailLow = MathF.Min(tailLow, block[i]);
                tailHigh = MathF.Max(tailHigh, block[i]);
            }
        }

        for (var lane = 0; lane < Vector<float>.Count; lane++)
        {
            tailLow = MathF.Min(tailLow, low[lane]);
            tailHigh = MathF.Max(tailHigh, high[lane]);
        }

        return new ChannelStatistics(sum / values.Length, tailLow, tailHigh);
    }

    /// <summary>Standard deviation with divisor n − 1; 0 for a single voxel.</summary>
    public static double Deviation(ReadOnlySpan<float> values, double mean)
    {
        double sum = 0;
        var centre = new Vector<float>((float)mean);
        for (var start = 0; start < values.Length; start += Block)
        {
            var block = values.Slice(start, Math.Min(Block, values.Length - start));
            Vector<float> even = Vector<float>.Zero, odd = Vector<float>.Zero;
            var i = 0;
            for (; i <= block.Length - Step; i += Step)
            {
                Vector<float> a = new Vector<float>(block[i..]) - centre, b = new Vector<float>(block[(i + Vector<float>.Count)..]) - centre;
                even += a * a;
                odd += b * b;
            }

            sum += Vector.Sum(even) + Vector.Sum(odd);
            for (; i < block.Length; i++)
            {
                var d = block[i] - (float)mean;
                sum += d * d;
            }
        }

        return values.Length < 2 ? 0 : Math.Sqrt(sum / (values.Length - 1));
    }
}
