using System.Numerics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The two SIMD loops over runs of neighbouring voxels that blur and low resolution are made of: whole vectors, then the tail.
/// </summary>
internal static class Rows
{
    /// <summary>to += factor·from.</summary>
    public static void AddScaled(ReadOnlySpan<float> from, float factor, Span<float> to)
    {
        from = from[..to.Length];
        var i = 0;
        for (; i <= to.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var part = to[i..];
            (new Vector<float>(part) + (new Vector<float>(from[i..]) * factor)).CopyTo(part);
        }

        for (; i < to.Length; i++)
        {
            to[i] += factor * from[i];
        }
    }

    /// <summary>to = a + fraction·(b − a).</summary>
    public static void Blend(ReadOnlySpan<float> a, ReadOnlySpan<float> b, float fraction, Span<float> to)
    {
        var i = 0;
        for (; i <= to.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var left = new Vector<float>(a[i..]);
            (left + ((new Vector<float>(b[i..]) - left) * fraction)).CopyTo(to[i..]);
        }

        for (; i < to.Length; i++)
        {
            to[i] = a[i] + (fraction * (b[i] - a[i]));
        }
    }
}
