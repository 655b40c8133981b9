using System.Numerics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>Brightness, contrast and gamma of one channel over the whole patch (docs/method/augmentation.md §5).</summary>
internal static class Intensity
{
    private const float SmallestSpread = 1e-7f;

    /// <summary>x·f.</summary>
    public static void Brighten(Span<float> values, float factor) => Affine(values, factor, 0, float.NegativeInfinity, float.PositiveInfinity);

    /// <summary>(x − mean)·f + mean, then clamped to the range the channel had.</summary>
    /// <param name="values">One channel.</param>
    /// <param name="factor">f.</param>
    /// <param name="keepRange">Clamp; the published recipes do.</param>
    public static void Contrast(Span<float> values, float factor, bool keepRange)
    {
        var before = ChannelStatistics.Of(values);
        var offset = (float)(before.Mean - (before.Mean * factor));
        Affine(
            values, factor, offset, keepRange ? before.Min : float.NegativeInfinity, keepRange ? before.Max : float.PositiveInfinity);
    }

    /// <summary>
    /// ((x − min)/range)^γ·range + min, then mean and standard deviation are set back to what they were. Values may leave the old range.
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
            var power = Vector.Exp(Vector.Log(x) * gamma);
            power = Vector.ConditionalSelect(Vector.Equals(x, zero), zero, power); // not left to how Exp takes −∞
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
