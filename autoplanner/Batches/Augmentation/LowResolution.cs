using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// Simulated low resolution of one channel: nearest neighbour down, linear up again, half-pixel centres
/// (docs/method/augmentation.md §6, modern).
/// </summary>
internal static class LowResolution
{
    /// <summary>Size of the small image: n·zoom rounded half to even, at least 1; z may be kept, as in dummy-2D.</summary>
    public static Extent SmallSize(Extent size, double zoom, bool keepZ) =>
        new(keepZ ? size.Z : Shrink(size.Z, zoom), Shrink(size.Y, zoom), Shrink(size.X, zoom));

    /// <summary>Replaces a channel by its low-resolution version.</summary>
    /// <param name="values">One channel (z, y, x); changed in place.</param>
    /// <param name="size">Its size in voxels.</param>
    /// <param name="small">Size of the small image.</param>
    /// <param name="scratch">At least small.Voxels + small.Y·small.X + small.X elements.</param>
    public static void Apply(Span<float> values, Extent size, Extent small, Span<float> scratch)
    {
        var voxels = (int)small.Voxels;
        var image = scratch[..voxels];
        var slice = scratch.Slice(voxels, small.Y * small.X);
        var row = scratch.Slice(voxels + slice.Length, small.X);
        Shrink(values, size, image, small);
        Span<int> lefts = size.X <= 1024 ? stackalloc int[size.X] : new int[size.X];
        Span<float> fractions = size.X <= 1024 ? stackalloc float[size.X] : new float[size.X];
        for (var x = 0; x < size.X; x++)
        {
            (lefts[x], fractions[x]) = Tap(x, size.X, small.X);
        }

        for (var z = 0; z < size.Z; z++)
        {
            var (near, fraction) = Tap(z, size.Z, small.Z);
            Rows.Blend(image.Slice(near * slice.Length, slice.Length), Next(image, near, small.Z, slice.Length), fraction, slice);
            for (var y = 0; y < size.Y; y++)
            {
                (near, fraction) = Tap(y, size.Y, small.Y);
                Rows.Blend(slice.Slice(near * small.X, small.X), Next(slice, near, small.Y, small.X), fraction, row);
                var target = values.Slice(((z * size.Y) + y) * size.X, size.X);
                for (var x = 0; x < target.Length; x++)
                {
                    var left = row[lefts[x]];
                    target[x] = left + (fractions[x] * (row[Math.Min(lefts[x] + 1, small.X - 1)] - left));
                }
            }
        }
    }

    private static int Shrink(int n, double zoom) => Math.Max(1, (int)Math.Round(n * zoom, MidpointRounding.ToEven));

    private static void Shrink(ReadOnlySpan<float> from, Extent size, Span<float> to, Extent small)
    {
        Span<int> columns = small.X <= 1024 ? stackalloc int[small.X] : new int[small.X];
        for (var x = 0; x < small.X; x++)
        {
            columns[x] = NearestIndex.Of(x, size.X, small.X);
        }

        for (int z = 0, i = 0; z < small.Z; z++)
        {
            var slice = NearestIndex.Of(z, size.Z, small.Z) * size.Y;
            for (var y = 0; y < small.Y; y++)
            {
                var row = from.Slice((slice + NearestIndex.Of(y, size.Y, small.Y)) * size.X, size.X);
                for (var x = 0; x < small.X; x++, i++)
                {
                    to[i] = row[columns[x]];
                }
            }
        }
    }

    // Position (o + 0.5)·m/n − 0.5, clamped to [0, m − 1].
    private static (int Near, float Fraction) Tap(int output, int n, int m)
    {
        var position = Math.Clamp(((output + 0.5f) * m / n) - 0.5f, 0, m - 1);
        var near = (int)position;
        return (near, position - near);
    }

    private static ReadOnlySpan<float> Next(ReadOnlySpan<float> parts, int near, int count, int length) =>
        parts.Slice(Math.Min(near + 1, count - 1) * length, length);
}
