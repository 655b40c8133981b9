using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Resamples one axis of a volume (<see cref="Engine.Backends.AxisResampling"/>), seen as (outer, axis, inner). Lines along the
/// axis are independent; neighbouring lines are processed together in the vector lanes.
/// <para>Along z and y neighbouring lines lie side by side in memory. Linear: rows of the source are read where they lie. Cubic:
/// a block of 128 lines is copied to rows of coefficients that stay in the cache.</para>
/// <para>Along x (inner = 1) a block of lines is transposed on the way in and out.</para>
/// <para>Products and sums are rounded one by one, never fused: all instruction sets give the same bytes.</para>
/// </summary>
internal unsafe struct AxisWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int CubicLines = 128;                   // long enough runs for the memory, and 500 rows of them fit the cache
    private const int LinearLines = 1024;                 // two rows and an output stay in the first-level cache
    private const int NearestLines = 1 << 14;

    public float* Source, Target, Weights, Scratch;
    public int* Rows;
    public int Outer, From, To, Inner, Order;

    private static int TransposedLines => Math.Max(16, 2 * TLanes.Count);

    private readonly int LinesPerBlock => Inner == 1 ? TransposedLines
        : Order == 0 ? NearestLines : Order == 1 ? LinearLines
        : Math.Min(CubicLines, (Inner + TLanes.Count - 1) / TLanes.Count * TLanes.Count);

    private readonly int BlocksPerOuter => (Inner + LinesPerBlock - 1) / LinesPerBlock;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => Inner == 1 ? (Outer + TransposedLines - 1) / TransposedLines : checked(Outer * BlocksPerOuter);

    /// <summary>
    /// Floats of scratch memory per worker: rows of the source and two beyond on either side, and outputs if they are transposed.
    /// </summary>
    public readonly long ScratchPerWorker =>
        Order == 0 || (Order == 1 && Inner > 1) ? 0 : (From + 4L + (Inner == 1 ? To : 0)) * LinesPerBlock;

    /// <inheritdoc/>
    public readonly void Run(int chunk, int worker)
    {
        var scratch = Scratch + (worker * ScratchPerWorker);
        if (Inner == 1)
        {
            var first = chunk * TransposedLines;
            var lines = Math.Min(TransposedLines, Outer - first);
            if (Order == 0)
            {
                PickVoxels(first, lines);
            }
            else
            {
                AlongRows(first, lines, scratch);
            }

            return;
        }

        var (outer, start) = (chunk / BlocksPerOuter, chunk % BlocksPerOuter * LinesPerBlock);
        var source = Source + ((long)outer * From * Inner) + start;
        var target = Target + ((long)outer * To * Inner) + start;
        var count = Math.Min(LinesPerBlock, Inner - start);
        if (Order == 0)
        {
            for (var j = 0; j < To; j++)
            {
                Buffer.MemoryCopy(source + ((long)Rows[j] * Inner), target + ((long)j * Inner), 4L * count, 4L * count);
            }
        }
        else if (Order == 1)
        {
            LinearRows(source, Inner, target, count);
        }
        else
        {
            CubicRows(source, target, count, scratch);
        }
    }

    private readonly void PickVoxels(int first, int lines)
    {
        for (var line = first; line < first + lines; line++)
        {
            float* source = Source + ((long)line * From), target = Target + ((long)line * To);
            for (var j = 0; j < To; j++)
            {
                target[j] = source[Rows[j]];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void LinearRows(float* source, long pitch, float* target, int count)
    {
        for (var j = 0; j < To; j++, target += pitch)
        {
            float* near = source + (Rows[2 * j] * pitch), far = source + (Rows[(2 * j) + 1] * pitch);
            TVector a = TLanes.Broadcast(Weights[2 * j]), b = TLanes.Broadcast(Weights[(2 * j) + 1]);
            var l = 0;
            for (; l + TLanes.Count <= count; l += TLanes.Count)
            {
                TLanes.Store(target + l, Linear(a, near + l, b, far + l));
            }

            if (l < count)
            {
                TLanes.StoreFirst(target + l, Linear(a, near + l, b, far + l), count - l);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void CubicRows(float* source, float* target, int count, float* rows)
    {
        // Whole vectors are read: what lies behind the block takes part in arithmetic whose results are dropped.
        var whole = (count + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
        for (var i = 0; i < From; i++)
        {
            float* from = source + ((long)i * Inner), to = rows + ((i + 2) * whole);
            for (var l = 0; l < whole; l += TLanes.Count)
            {
                TLanes.Store(to + l, TLanes.Load(from + l));
            }
        }

        SplinePrefilter<TLanes, TVector>.Apply(rows, From, whole);
        for (var j = 0; j < To; j++, target += Inner)
        {
            CubicRow(rows + (Rows[j] * whole), whole, Weights + (4 * j), target, count);
        }
    }

    private readonly void AlongRows(int first, int lines, float* rows)
    {
        var pitch = TransposedLines;
        var outputs = rows + ((From + 4) * pitch);
        Transposition.Run(Source + ((long)first * From), From, lines, From, rows + (2 * pitch), pitch);
        if (Order == 1)
        {
            TransposedLinear(rows + (2 * pitch), outputs, pitch);
        }
        else
        {
            SplinePrefilter<TLanes, TVector>.Apply(rows, From, pitch);
            for (var j = 0; j < To; j++)
            {
                CubicRow(rows + (Rows[j] * pitch), pitch, Weights + (4 * j), outputs + (j * pitch), pitch);
            }
        }

        Transposition.Run(outputs, pitch, To, lines, Target + ((long)first * To), To);
    }

    private readonly void TransposedLinear(float* rows, float* outputs, int pitch) => LinearRows(rows, pitch, outputs, pitch);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CubicRow(float* rows, int pitch, float* weights, float* target, int count)
    {
        TVector w0 = TLanes.Broadcast(weights[0]), w1 = TLanes.Broadcast(weights[1]);
        TVector w2 = TLanes.Broadcast(weights[2]), w3 = TLanes.Broadcast(weights[3]);
        var l = 0;
        for (; l + TLanes.Count <= count; l += TLanes.Count)
        {
            TLanes.Store(target + l, Cubic(rows + l, pitch, w0, w1, w2, w3));
        }

        if (l < count)
        {
            TLanes.StoreFirst(target + l, Cubic(rows + l, pitch, w0, w1, w2, w3), count - l);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Linear(TVector a, float* near, TVector b, float* far) =>
        TLanes.Add(TLanes.Multiply(a, TLanes.Load(near)), TLanes.Multiply(b, TLanes.Load(far)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Cubic(float* rows, int pitch, TVector w0, TVector w1, TVector w2, TVector w3) => TLanes.Add(
        TLanes.Add(TLanes.Multiply(w0, TLanes.Load(rows)), TLanes.Multiply(w1, TLanes.Load(rows + pitch))),
        TLanes.Add(TLanes.Multiply(w2, TLanes.Load(rows + (2 * pitch))), TLanes.Multiply(w3, TLanes.Load(rows + (3 * pitch)))));
}
