using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Spline coefficients of one channel, with one mirrored voxel before and two behind along every interpolated axis, in memory
/// that is kept and grows as needed. Rows are whole vectors.
/// </summary>
internal sealed unsafe class SplineGrid<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int Before = 1, Around = 3; // mirrored voxels before the first one, and in all
    private const int Margin = SplineFilter<TLanes, TVector>.Horizon;

    private readonly GrowingBuffer<float> coefficients = new();
    private readonly GrowingBuffer<float> row = new();

    /// <summary>The coefficient of the first voxel that is filtered.</summary>
    public float* Origin { get; private set; }

    /// <summary>Floats from one row to the next.</summary>
    public int RowStride { get; private set; }

    /// <summary>Floats from one slice to the next.</summary>
    public int SliceStride { get; private set; }

    /// <summary>Filters a channel: whatever lies outside the box is 0.</summary>
    public void Fill(in SplineSampling p, ReadOnlySpan<float> image, int channel)
    {
        var (first, size, planar) = (p.First, p.Filtered, p.Affine.Planar);
        RowStride = (size.X + Around + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
        SliceStride = RowStride * (size.Y + Around);
        var slicesBefore = planar ? 0 : Before;
        var start = coefficients.Take(checked(SliceStride * (size.Z + (planar ? 0 : Around))));
        Origin = start + (slicesBefore * SliceStride) + (Before * RowStride) + Before;
        for (var z = 0; z < size.Z; z++)
        {
            var slice = start + ((nint)(slicesBefore + z) * SliceStride);
            FillSlice(p, image, channel, z, slice);
        }

        if (planar)
        {
            return;
        }

        var inner = start + (Before * SliceStride);
        SplineFilter<TLanes, TVector>.Columns(inner, SliceStride, size.Z, SliceStride);
        CopyMirrored(inner, SliceStride, size.Z);
    }

    // Rows, then columns, then mirrored rows; the mirrored columns come with the rows.
    private void FillSlice(in SplineSampling p, ReadOnlySpan<float> image, int channel, int z, float* slice)
    {
        Extent box = p.Affine.Box, size = p.Filtered;
        int bz = p.First.Z + z - p.Affine.Origin.Z, by = p.First.Y - p.Affine.Origin.Y, channels = p.Affine.Channels;
        if ((uint)bz >= (uint)box.Z)
        {
            new Span<float>(slice, SliceStride).Clear();
            return;
        }

        var inner = slice + (Before * RowStride);
        var at = p.Affine.Origin.X - p.First.X; // where the box begins in a row
        for (var y = 0; y < size.Y; y++, by++)
        {
            var to = inner + (y * RowStride);
            if ((uint)by >= (uint)box.Y)
            {
                new Span<float>(to, RowStride).Clear();
                continue;
            }

            var from = image.Slice(((bz * box.Y) + by) * box.X * channels, box.X * channels);
            SplineFilter<TLanes, TVector>.Row(Mirrored(from, channels, channel, at, size.X), to, RowStride);
        }

        SplineFilter<TLanes, TVector>.Columns(inner, RowStride, size.Y, RowStride);
        CopyMirrored(inner, RowStride, size.Y);
    }

    // A row of the box between zeros, and as many mirror images around it as filtering a whole row of coefficients reads.
    private float* Mirrored(ReadOnlySpan<float> from, int channels, int channel, int at, int count)
    {
        const int Front = Before + Margin;
        var length = RowStride + (2 * Margin);
        var all = new Span<float>(row.Take(length), length);
        var samples = all.Slice(Front, count);
        samples[..at].Clear();
        var inBox = samples.Slice(at, from.Length / channels);
        if (channels == 1)
        {
            from.CopyTo(inBox);
        }
        else
        {
            for (var x = 0; x < inBox.Length; x++)
            {
                inBox[x] = from[(x * channels) + channel];
            }
        }

        samples[(at + inBox.Length)..].Clear();
        for (var x = 1; x <= Front; x++)
        {
            all[Front - x] = samples[MirrorIndex(-x, count)];
        }

        for (var x = count; x < length - Front; x++)
        {
            all[Front + x] = samples[MirrorIndex(x, count)];
        }

        return row.Take(length);
    }

    // One line before the first and two behind the last, as long as the distance between lines.
    private static void CopyMirrored(float* first, int stride, int count)
    {
        foreach (var line in (ReadOnlySpan<int>)[-1, count, count + 1])
        {
            new Span<float>(first + ((nint)MirrorIndex(line, count) * stride), stride)
                .CopyTo(new Span<float>(first + ((nint)line * stride), stride));
        }
    }

    private static int MirrorIndex(int index, int count)
    {
        // Nearly always one reflection is enough, and a division for every border voxel of a row is as dear as the row.
        var (once, period) = (Math.Abs(index), Math.Max(1, (2 * count) - 2));
        once = once < count ? once : period - once;
        if (once >= 0)
        {
            return once;
        }

        index = ((index % period) + period) % period;
        return index < count ? index : period - index;
    }
}
