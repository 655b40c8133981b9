using System.Numerics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>Brightness, contrast and gamma of one channel over the whole patch (docs/method/augmentation.md §5).</summary>
internal static class Intensity
{
    private const float SmallestSpread = 1e-7f;

    /// <summary>x·f.</summary>
    public static void Brighten(Span<float> values, float factor) =>
        Affine(values, factor, 0, float.NegativeInfinity, float.PositiveInfinity);

    /// <summary>(x − mean)·f + mean, then clamped to the range the channel had.</summary>
    /// <param name="values">One channel.</param>
    /// <param name="factor">f.</param>
    /// <param name="keepRange">Clamp; the published recipes do.</param>
    public static void Contrast(Span<float> values, float factor, bool keepRange)
    {
        var before = ChannelStatistics.Of(values);
        var offset = (float)(before.Mean - (before.Mean * factor));
        Affine(
            values, factor, offset, keepRange ? before.Min : float.NegativeInfinity,
            keepRange ? before.Max : float.PositiveInfinity);
    }

    /// <summary>
    /// ((x − min)/range)^γ·range + min, then mean and standard deviation are set back to what they were. Values may leave the old
    /// range.
    /// </summary>
    /// <param name="values">One channel.</param>
    /// <param name="gamma">Exponent γ.</param>
    /// <param name="invert">Work on −x: changes the bright end instead of the dark one.</param>
    /// <param name="keepStatistics">Restore mean and standard deviation; the published recipes do.</param>
    public static void Gamma(Span<float> values, float gamma, bool invert, bool keepStatistics)
    {
        var before = ChannelStatistics.Of(values);
        var deviation = keepStatistics ? ChannelStatistics.Deviation(values, before.Mean) : 0;
        var sign = invert ? -1f : 1f;
        var min = invert ? -before.Max : before.Min;
        var range = before.Max - before.Min;
        Power(values, sign, min, gamma, range);
        if (!keepStatistics)
        {
            Affine(values, sign, 0, float.NegativeInfinity, float.PositiveInfinity);
            return;
        }

        var after = ChannelStatistics.Of(values);
        var factor = deviation / Math.Max(ChannelStatistics.Deviation(values, after.Mean), SmallestSpread);
        var offset = (sign * before.Mean) - (after.Mean * factor);
        Affine(values, (float)(sign * factor), (float)(sign * offset), float.NegativeInfinity, float.PositiveInfinity);
    }

    private static void Power(Span<float> values, float sign, float min, float gamma, float range)
    {
        var scale = 1 / MathF.Max(range, SmallestSpread);
        Vector<float> signs = new(sign), mins = new(min), zero = Vector<float>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var part = values[i..];
            var x = Vector.MaxNative(((new Vector<float>(part) * signs) - mins) * scale, zero);
            var power = VectorFunctions.Exp(VectorFunctions.Log(x) * gamma);
            power = Vector.ConditionalSelect(Vector.Equals(x, zero), zero, power);
            ((power * range) + mins).CopyTo(part);
        }

        for (; i < values.Length; i++)
        {
            values[i] = (MathF.Pow(MathF.Max(((values[i] * sign) - min) * scale, 0), gamma) * range) + min;
        }
    }

    private static void Affine(Span<float> values, float factor, float offset, float low, float high)
    {
        Vector<float> lows = new(low), highs = new(high), offsets = new(offset);
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var part = values[i..];
            Vector.MinNative(Vector.MaxNative((new Vector<float>(part) * factor) + offsets, lows), highs).CopyTo(part);
        }

        for (; i < values.Length; i++)
        {
            values[i] = MathF.Min(MathF.Max((values[i] * factor) + offset, low), high);
        }
    }
}

/// <summary>
/// Mean, extremes and spread of one image channel over the whole patch. Sums run in the lanes of two vectors over blocks, blocks
/// add up in double: fast, precise, and on one machine always in the same order.
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
                Vector<float> a = new Vector<float>(block[i..]) - centre,
                b = new Vector<float>(block[(i + Vector<float>.Count)..]) - centre;
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
