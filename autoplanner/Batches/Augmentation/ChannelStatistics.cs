using System.Runtime.Intrinsics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Mean, extremes and spread of one image channel over the whole patch. Sums run in 16 float lanes over blocks, blocks add up in double:
/// fast, precise, and always in the same order.
/// </summary>
/// <param name="Mean">Mean value.</param>
/// <param name="Min">Smallest value.</param>
/// <param name="Max">Largest value.</param>
internal readonly record struct ChannelStatistics(double Mean, float Min, float Max)
{
    private const int Block = 4096;

    /// <summary>Measures a channel with at least one voxel.</summary>
    public static ChannelStatistics Of(ReadOnlySpan<float> values)
    {
        var low = Vector512.Create(values[0]);
        var high = low;
        double sum = 0;
        float tailLow = values[0], tailHigh = values[0];
        for (var start = 0; start < values.Length; start += Block)
        {
            var block = values.Slice(start, Math.Min(Block, values.Length - start));
            var lanes = Vector512<float>.Zero;
            var i = 0;
            for (; i <= block.Length - 16; i += 16)
            {
                var v = Vector512.Create(block[i..]);
                lanes += v;
                low = Vector512.MinNative(low, v);
                high = Vector512.MaxNative(high, v);
            }

            sum += Vector512.Sum(lanes);
            for (; i < block.Length; i++)
            {
                sum += block[i];
                tailLow = MathF.Min(tailLow, block[i]);
                tailHigh = MathF.Max(tailHigh, block[i]);
            }
        }

        for (var lane = 0; lane < 16; lane++)
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
        var centre = Vector512.Create((float)mean);
        for (var start = 0; start < values.Length; start += Block)
        {
            var block = values.Slice(start, Math.Min(Block, values.Length - start));
            var lanes = Vector512<float>.Zero;
            var i = 0;
            for (; i <= block.Length - 16; i += 16)
            {
                var d = Vector512.Create(block[i..]) - centre;
                lanes += d * d;
            }

            sum += Vector512.Sum(lanes);
            for (; i < block.Length; i++)
            {
                var d = block[i] - (float)mean;
                sum += d * d;
            }
        }

        return values.Length < 2 ? 0 : Math.Sqrt(sum / (values.Length - 1));
    }
}
