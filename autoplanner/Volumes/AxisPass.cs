using System.Numerics;
using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Resamples one axis of a float32 volume. Lines along the axis are independent: blocks of neighbouring lines are brought into
/// rows of vectors, interpolated there while they sit in the cache, and written back. Along z and y neighbouring lines lie side
/// by side in memory; along x a block of lines is transposed on the way in and out.
/// </summary>
internal static class AxisPass
{
    // Floats per row of a block along z and y: long enough runs for the memory, few enough that a block of 500 rows stays in the cache.
    private const int BlockFloats = 128;

    private static int LinesPerBlock => 2 * Vector<float>.Count;

    /// <summary>Order 1 or 3.</summary>
    /// <param name="source">extent.Voxels values (z, y, x); not changed.</param>
    /// <param name="extent">Voxels of the source.</param>
    /// <param name="axis">0 = z, 1 = y, 2 = x.</param>
    /// <param name="to">Samples wanted along the axis.</param>
    /// <param name="order">1 or 3.</param>
    /// <param name="threads">Maximum number of threads.</param>
    public static float[] Interpolate(float[] source, Extent extent, int axis, int to, int order, int threads)
    {
        var target = GC.AllocateUninitializedArray<float>(checked((int)extent.With(axis, to).Voxels));
        var lines = new LineInterpolation(order, extent[axis], to);
        if (axis == 2)
        {
            AlongRows(source, target, extent, to, lines, threads);
        }
        else
        {
            AcrossRows(source, target, extent, axis, to, lines, threads);
        }

        return target;
    }

    /// <summary>Order 0: every output takes the value of its nearest input.</summary>
    /// <typeparam name="T">Voxel type.</typeparam>
    public static T[] PickNearest<T>(T[] source, Extent extent, int axis, int to)
    {
        var target = GC.AllocateUninitializedArray<T>(checked((int)extent.With(axis, to).Voxels));
        var index = AxisCoordinates.Nearest(extent[axis], to);
        var (outer, inner) = Strides(extent, axis);
        for (var o = 0; o < outer; o++)
        {
            var from = source.AsSpan(checked(o * extent[axis] * inner), extent[axis] * inner);
            var into = target.AsSpan(checked(o * to * inner), to * inner);
            for (var j = 0; j < to; j++)
            {
                if (inner == 1)
                {
                    into[j] = from[index[j]];
                }
                else
                {
                    from.Slice(index[j] * inner, inner).CopyTo(into.Slice(j * inner, inner));
                }
            }
        }

        return target;
    }

    private static (int Outer, int Inner) Strides(Extent extent, int axis) => axis switch
    {
        0 => (1, extent.Y * extent.X),
        1 => (extent.Z, extent.X),
        _ => (extent.Z * extent.Y, 1),
    };

    private static void AcrossRows(float[] source, float[] target, Extent extent, int axis, int to, LineInterpolation lines, int threads)
    {
        var from = extent[axis];
        var (outer, inner) = Strides(extent, axis);
        var width = Math.Min(BlockFloats, inner);
        var lanes = (width + Vector<float>.Count - 1) / Vector<float>.Count;
        var blocks = (inner + width - 1) / width;
        ParallelLines.For(outer * blocks, threads, () => new Vector<float>[(lines.RowCount + 1) * lanes], (item, buffer) =>
        {
            int o = item / blocks, start = item % blocks * width;
            var count = Math.Min(width, inner - start);
            var rows = buffer.AsSpan(0, lines.RowCount * lanes);
            var output = buffer.AsSpan(lines.RowCount * lanes, lanes);
            var floats = MemoryMarshal.Cast<Vector<float>, float>(rows);
            var rowFloats = lanes * Vector<float>.Count;
            for (var i = 0; i < from; i++)
            {
                source.AsSpan((o * from + i) * inner + start, count).CopyTo(floats[((i + 2) * rowFloats)..]);
            }

            lines.Prepare(rows, lanes);
            var outputFloats = MemoryMarshal.Cast<Vector<float>, float>(output)[..count];
            for (var j = 0; j < to; j++)
            {
                lines.Sample(rows, lanes, j, output);
                outputFloats.CopyTo(target.AsSpan((o * to + j) * inner + start, count));
            }
        });
    }

    private static void AlongRows(float[] source, float[] target, Extent extent, int to, LineInterpolation lines, int threads)
    {
        var from = extent.X;
        var total = extent.Z * extent.Y;
        var perBlock = LinesPerBlock;
        var lanes = perBlock / Vector<float>.Count;
        var blocks = (total + perBlock - 1) / perBlock;
        ParallelLines.For(blocks, threads, () => new Vector<float>[(lines.RowCount + 1) * lanes], (item, buffer) =>
        {
            var first = item * perBlock;
            var count = Math.Min(perBlock, total - first);
            var rows = buffer.AsSpan(0, lines.RowCount * lanes);
            var output = buffer.AsSpan(lines.RowCount * lanes, lanes);
            var floats = MemoryMarshal.Cast<Vector<float>, float>(rows);
            for (var line = 0; line < count; line++)
            {
                var values = source.AsSpan((first + line) * from, from);
                var at = 2 * perBlock + line;
                foreach (var value in values)
                {
                    floats[at] = value;
                    at += perBlock;
                }
            }

            lines.Prepare(rows, lanes);
            var outputFloats = MemoryMarshal.Cast<Vector<float>, float>(output);
            for (var j = 0; j < to; j++)
            {
                lines.Sample(rows, lanes, j, output);
                var at = first * to + j;
                for (var line = 0; line < count; line++)
                {
                    target[at] = outputFloats[line];
                    at += to;
                }
            }
        });
    }
}
