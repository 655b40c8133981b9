using System.Numerics;
using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Smallest and largest value of a volume, or of each of its slices across one axis; what cubic splines overshoot is cut back to
/// it (docs/method/preprocessing.md §4.5).
/// </summary>
internal sealed class SliceRange
{
    private readonly int? axis;
    private readonly float[] low;
    private readonly float[] high;

    private SliceRange(int? axis, float[] low, float[] high)
    {
        this.axis = axis;
        this.low = low;
        this.high = high;
    }

    /// <summary>Measures the range.</summary>
    /// <param name="voxels">extent.Voxels values (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="axis">Axis across which slices are measured by themselves; null for the whole volume.</param>
    /// <param name="threads">Maximum number of threads.</param>
    public static SliceRange Of(float[] voxels, Extent extent, int? axis, int threads)
    {
        var slices = axis is { } a ? extent[a] : 1;
        var low = new float[slices];
        var high = new float[slices];
        Array.Fill(low, float.PositiveInfinity);
        Array.Fill(high, float.NegativeInfinity);
        ParallelLines.For(extent.Z, threads, () => (Low: new float[slices], High: new float[slices]), (z, own) =>
        {
            Array.Fill(own.Low, float.PositiveInfinity);
            Array.Fill(own.High, float.NegativeInfinity);
            for (var y = 0; y < extent.Y; y++)
            {
                var line = voxels.AsSpan((z * extent.Y + y) * extent.X, extent.X);
                if (axis == 2)
                {
                    Widen(line, own.Low, own.High);
                }
                else
                {
                    var (least, greatest) = Extremes(line);
                    var slice = axis == 0 ? z : axis == 1 ? y : 0;
                    own.Low[slice] = Math.Min(own.Low[slice], least);
                    own.High[slice] = Math.Max(own.High[slice], greatest);
                }
            }

            // Minimum and maximum do not depend on the order in which threads arrive here.
            lock (low)
            {
                for (var i = 0; i < slices; i++)
                {
                    low[i] = Math.Min(low[i], own.Low[i]);
                    high[i] = Math.Max(high[i], own.High[i]);
                }
            }
        });
        return new SliceRange(axis, low, high);
    }

    /// <summary>Clips a volume in place; its slices across the axis are those that were measured.</summary>
    public void Clip(float[] voxels, Extent extent, int threads) =>
        ParallelLines.For(extent.Z, threads, () => 0, (z, _) =>
        {
            for (var y = 0; y < extent.Y; y++)
            {
                var line = voxels.AsSpan((z * extent.Y + y) * extent.X, extent.X);
                if (axis == 2)
                {
                    for (var x = 0; x < line.Length; x++)
                    {
                        line[x] = Math.Clamp(line[x], low[x], high[x]);
                    }
                }
                else
                {
                    var slice = axis == 0 ? z : axis == 1 ? y : 0;
                    ClipLine(line, low[slice], high[slice]);
                }
            }
        });

    private static (float Least, float Greatest) Extremes(ReadOnlySpan<float> line)
    {
        float least = float.PositiveInfinity, greatest = float.NegativeInfinity;
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(line);
        if (vectors.Length > 0)
        {
            var lows = vectors[0];
            var highs = vectors[0];
            foreach (var vector in vectors)
            {
                lows = Vector.Min(lows, vector);
                highs = Vector.Max(highs, vector);
            }

            for (var i = 0; i < Vector<float>.Count; i++)
            {
                least = Math.Min(least, lows[i]);
                greatest = Math.Max(greatest, highs[i]);
            }
        }

        foreach (var value in line[(vectors.Length * Vector<float>.Count)..])
        {
            least = Math.Min(least, value);
            greatest = Math.Max(greatest, value);
        }

        return (least, greatest);
    }

    private static void Widen(ReadOnlySpan<float> line, float[] low, float[] high)
    {
        for (var x = 0; x < line.Length; x++)
        {
            low[x] = Math.Min(low[x], line[x]);
            high[x] = Math.Max(high[x], line[x]);
        }
    }

    private static void ClipLine(Span<float> line, float low, float high)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(line);
        Vector<float> lows = new(low), highs = new(high);
        for (var i = 0; i < vectors.Length; i++)
        {
            vectors[i] = Vector.Min(Vector.Max(vectors[i], lows), highs);
        }

        for (var x = vectors.Length * Vector<float>.Count; x < line.Length; x++)
        {
            line[x] = Math.Clamp(line[x], low, high);
        }
    }
}
