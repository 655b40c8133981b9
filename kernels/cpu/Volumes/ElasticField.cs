using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Random smooth displacements of a patch's voxels (<see cref="ElasticDisplacement"/>), in memory that is kept and grows as
/// needed.
/// <para>Smoothing is nearly all of the work: up to 105 products per voxel and axis. It runs over blocks of columns, some
/// vectors wide, which are copied to the first-level cache and filtered from there, four results at a time: then a sample that is
/// read once is multiplied four times. So that this serves for columns along x, too, a slice's noise is drawn with rows and
/// columns exchanged.</para>
/// <para>Products and sums are rounded one by one, never fused: all instruction sets give the same bytes.</para>
/// </summary>
internal sealed unsafe class ElasticField<TLanes, TVector>
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const ulong Weyl = 0x9E3779B97F4A7C15;

    // Results that are summed up together, and the width of a block in vectors: eight sums, so that none waits for the last.
    private const int Together = 4;
    private const int Wide = 2;

    private readonly GrowingBuffer<float> offsets = new();
    private readonly GrowingBuffer<float> exchanged = new();
    private readonly GrowingBuffer<float> block = new();
    private readonly GrowingBuffer<float> weights = new();
    private Extent grid;
    private int firstAxis;

    /// <summary>Floats from one row of a field to the next.</summary>
    public int Pitch { get; private set; }

    private int SliceLength => grid.Y * Pitch;

    private int FieldLength => grid.Z * SliceLength;

    /// <summary>Computes the fields of a patch; for a planar patch only one slice, displaced in y and x.</summary>
    public void Draw(ElasticDisplacement displacement, Extent patch, bool planar)
    {
        grid = planar ? patch.With(0, 1) : patch;
        firstAxis = planar ? 1 : 0;
        Pitch = WholeBlocks(grid.X);
        offsets.Take(checked(3 * FieldLength));
        var radius = displacement.Kernel.Length / 2;
        var taps = Padded(displacement.Kernel);
        for (var axis = firstAxis; axis < 3; axis++)
        {
            var field = Along(axis);
            var draws = displacement.Noise;
            var first = draws.First + ((ulong)(axis - firstAxis) * (ulong)grid.Voxels);
            for (var z = 0; z < grid.Z; z++, first += (ulong)(grid.Y * grid.X))
            {
                DrawSlice(draws.Key + (first * Weyl), taps, radius, field + (z * SliceLength));
            }

            for (var y = 0; y < grid.Y && !planar; y++)
            {
                SmoothColumns(field + (y * Pitch), SliceLength, grid.Z, Pitch, taps, radius);
            }

            var strength = TLanes.Broadcast(displacement.Strength);
            for (var i = 0; i < FieldLength; i += TLanes.Count)
            {
                TLanes.Store(field + i, TLanes.Multiply(TLanes.Load(field + i), strength));
            }
        }
    }

    /// <summary>
    /// Displacements along an axis, voxels, in rows of <see cref="Pitch"/> floats; a planar field has one slice.
    /// </summary>
    public float* Along(int axis) => offsets.Take(3 * FieldLength) + ((long)axis * FieldLength);

    // The kernel with zeros around it, which the sums of the results beside a tap's own meet.
    private float* Padded(ReadOnlySpan<float> kernel)
    {
        const int Around = Together - 1;
        var padded = new Span<float>(weights.Take(kernel.Length + (2 * Around)), kernel.Length + (2 * Around));
        padded.Clear();
        kernel.CopyTo(padded[Around..]);
        return weights.Take(padded.Length) + Around;
    }

    // One slice, smoothed along x and y.
    private void DrawSlice(ulong counter, float* taps, int radius, float* slice)
    {
        var pitch = WholeBlocks(grid.Y);
        var columns = exchanged.Take(grid.X * pitch);
        for (var x = 0; x < grid.X; x++)
        {
            FillUniform(counter + ((ulong)x * Weyl), (ulong)grid.X * Weyl, columns + (x * pitch), pitch);
        }

        SmoothColumns(columns, pitch, grid.X, pitch, taps, radius);
        Transposition.Run(columns, pitch, grid.X, grid.Y, slice, Pitch);
        for (var y = 0; y < grid.Y; y++)
        {
            new Span<float>(slice + (y * Pitch) + grid.X, Pitch - grid.X).Clear();
        }

        SmoothColumns(slice, Pitch, grid.Y, Pitch, taps, radius);
    }

    // Uniform numbers in [−1, 1) at counters a step apart; count is a multiple of eight.
    private static void FillUniform(ulong counter, ulong step, float* values, int count)
    {
        var low = Vector256.Create(counter, counter + step, counter + (2 * step), counter + (3 * step));
        for (var i = 0; i < count; i += 8, low += Vector256.Create(8 * step))
        {
            var draws = Vector256.Narrow(Mixed(low), Mixed(low + Vector256.Create(4 * step)));
            var uniform = Vector256.ConvertToSingle(draws.AsInt32()) * (1f / (1 << 24));
            ((uniform + uniform) - Vector256<float>.One).Store(values + i);
        }
    }

    // The highest 24 bits of four draws.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Mixed(Vector256<ulong> x)
    {
        x = (x ^ (x >>> 30)) * Vector256.Create(0xBF58476D1CE4E5B9);
        x = (x ^ (x >>> 27)) * Vector256.Create(0x94D049BB133111EB);
        return (x ^ (x >>> 31)) >>> 40;
    }

    /// <summary>Filters columns in place, with zeros outside.</summary>
    /// <param name="first">The columns' first samples, neighbours in memory.</param>
    /// <param name="stride">Floats from one sample of a column to the next.</param>
    /// <param name="length">Samples of a column.</param>
    /// <param name="width">Columns, whole blocks.</param>
    /// <param name="taps">The kernel between zeros.</param>
    /// <param name="radius">Of the kernel.</param>
    private void SmoothColumns(float* first, int stride, int length, int width, float* taps, int radius)
    {
        var samples = block.Take(length * Wide * TLanes.Count);
        for (var l = 0; l < width; l += Wide * TLanes.Count)
        {
            for (var i = 0; i < length; i++)
            {
                float* from = first + l + ((long)i * stride), to = samples + (i * Wide * TLanes.Count);
                TLanes.Store(to, TLanes.Load(from));
                TLanes.Store(to + TLanes.Count, TLanes.Load(from + TLanes.Count));
            }

            for (var i = 0; i < length; i += Together)
            {
                var low = Math.Max(0, i - radius);
                var high = Math.Min(length - 1, i + Together - 1 + radius);
                Sum(
                    samples + (low * Wide * TLanes.Count), high - low + 1, taps + (radius + low - i),
                    first + l + ((long)i * stride), stride, Math.Min(Together, length - i));
            }
        }
    }

    /// <summary>Four neighbouring results: each samples × taps, the taps of the next one place earlier.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum(float* samples, int count, float* taps, float* to, int stride, int results)
    {
        TVector a0 = TLanes.Zero, a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
        for (var end = samples + (count * Wide * TLanes.Count); samples < end; samples += Wide * TLanes.Count, taps++)
        {
            TVector s0 = TLanes.Load(samples), s1 = TLanes.Load(samples + TLanes.Count);
            var weight = TLanes.Broadcast(taps[0]);
            a0 = TLanes.Add(a0, TLanes.Multiply(s0, weight));
            a1 = TLanes.Add(a1, TLanes.Multiply(s1, weight));
            weight = TLanes.Broadcast(taps[-1]);
            b0 = TLanes.Add(b0, TLanes.Multiply(s0, weight));
            b1 = TLanes.Add(b1, TLanes.Multiply(s1, weight));
            weight = TLanes.Broadcast(taps[-2]);
            c0 = TLanes.Add(c0, TLanes.Multiply(s0, weight));
            c1 = TLanes.Add(c1, TLanes.Multiply(s1, weight));
            weight = TLanes.Broadcast(taps[-3]);
            d0 = TLanes.Add(d0, TLanes.Multiply(s0, weight));
            d1 = TLanes.Add(d1, TLanes.Multiply(s1, weight));
        }

        Store(to, a0, a1);
        if (results > 1)
        {
            Store(to + stride, b0, b1);
        }

        if (results > 2)
        {
            Store(to + (2 * stride), c0, c1);
        }

        if (results > 3)
        {
            Store(to + (3 * stride), d0, d1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, TVector a, TVector b)
    {
        TLanes.Store(to, a);
        TLanes.Store(to + TLanes.Count, b);
    }

    // Multiples of eight, too, because the noise is drawn in eights.
    private static int WholeBlocks(int count)
    {
        var wide = Wide * TLanes.Count;
        return (count + wide - 1) / wide * wide;
    }
}
