using System.Runtime.Intrinsics;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>The few SIMD loops over runs of neighbouring voxels that separable filters are made of. 16 voxels at a time, then the tail.</summary>
internal static class Rows
{
    /// <summary>to += factor·from.</summary>
    public static void AddScaled(ReadOnlySpan<float> from, float factor, Span<float> to)
    {
        var i = 0;
        for (; i <= to.Length - 16; i += 16)
        {
            (Vector512.Create<float>(to[i..]) + (Vector512.Create(from[i..]) * factor)).CopyTo(to[i..]);
        }

        for (; i < to.Length; i++)
        {
            to[i] += factor * from[i];
        }
    }

    /// <summary>to = factor·to + otherFactor·other.</summary>
    public static void Combine(Span<float> to, float factor, ReadOnlySpan<float> other, float otherFactor)
    {
        var i = 0;
        for (; i <= to.Length - 16; i += 16)
        {
            ((Vector512.Create<float>(to[i..]) * factor) + (Vector512.Create(other[i..]) * otherFactor)).CopyTo(to[i..]);
        }

        for (; i < to.Length; i++)
        {
            to[i] = (factor * to[i]) + (otherFactor * other[i]);
        }
    }

    /// <summary>to = a + fraction·(b − a).</summary>
    public static void Blend(ReadOnlySpan<float> a, ReadOnlySpan<float> b, float fraction, Span<float> to)
    {
        var i = 0;
        for (; i <= to.Length - 16; i += 16)
        {
            var left = Vector512.Create(a[i..]);
            (left + ((Vector512.Create(b[i..]) - left) * fraction)).CopyTo(to[i..]);
        }

        for (; i < to.Length; i++)
        {
            to[i] = a[i] + (fraction * (b[i] - a[i]));
        }
    }
}
