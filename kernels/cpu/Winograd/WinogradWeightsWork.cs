using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Weight transform: 3×3×3 (or 1×3×3) taps → the points of a tile per channel pair, laid out for the tiles of the direct
/// convolution: u[point·PointPitch + (block·Reduction + r)·2·lanes + q]. Plain: reduction = input channels. Transposed and
/// mirrored (backward data): reduction = output channels of the forward pass. A chunk is some reduction channels, of all blocks
/// or of one.
/// </summary>
internal unsafe struct WinogradWeightsWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int RowsPerChunk = 4;

    /// <summary>Reduction channels per chunk when transposed: a cache line of each row.</summary>
    private const int TransposedRows = 16;

    /// <summary>Where the taps come from; its window is the whole kernel.</summary>
    public PackWeightsWork<TLanes, TVector> Source;

    /// <summary>F(4, 3) along y and x.</summary>
    public bool Wide;

    /// <summary>Transformed weights.</summary>
    public float* U;

    /// <summary>Floats from one point to the next.</summary>
    public long PointPitch;

    /// <summary>Scratch: <see cref="ScratchPerWorker"/> floats per worker.</summary>
    public float* Scratch;

    /// <summary>Floats of the taps of a chunk.</summary>
    public readonly long ScratchPerWorker => Source.Transposed
        ? 27L * TransposedRows * PackWeightsWork<TLanes, TVector>.Block
        : 27L * PlainPitch;

    private readonly nint PlainPitch => ((((RowsPerChunk * Source.Columns) + 15) / 16) | 1) * 16;

    /// <summary>Reduction channels.</summary>
    public readonly int Reduction => Source.Transposed ? Source.Columns : Source.Rows;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => Source.Transposed
        ? PackWeightsWork<TLanes, TVector>.Blocks(Source.Outputs) * PerBlock
        : (Reduction + RowsPerChunk - 1) / RowsPerChunk;

    private readonly int PerBlock => (Reduction + TransposedRows - 1) / TransposedRows;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        if (Source.Transposed)
        {
            RunTransposed(chunk, Scratch + (worker * ScratchPerWorker));
            return;
        }

        // Tap by tap into scratch memory first: the taps lie powers of two apart, where 27 of them at once would evict each
        // other.
        int blocks = PackWeightsWork<TLanes, TVector>.Blocks(Source.Outputs), width = PackWeightsWork<TLanes, TVector>.Block;
        int first = chunk * RowsPerChunk, rows = Math.Min(RowsPerChunk, Reduction - first), taps = (int)Source.Kernel.Voxels;
        var own = Scratch + (worker * ScratchPerWorker);
        for (var tap = 0; tap < taps; tap++)
        {
            var source = Source.W + ((((long)tap * Source.Rows) + first) * Source.Columns);
            new ReadOnlySpan<float>(source, rows * Source.Columns)
                .CopyTo(new Span<float>(own + (tap * PlainPitch), rows * Source.Columns));
        }

        for (var r = 0; r < rows; r++)
        {
            for (var block = 0; block < blocks; block++)
            {
                Row(own + (r * Source.Columns) + (block * width), PlainPitch, block, first + r);
            }
        }
    }

    /// <summary>
    /// Mirrored and transposed: a block of outputs × some reduction channels, first transposed to scratch memory.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void RunTransposed(int chunk, float* scratch)
    {
        int block = chunk / PerBlock, r0 = chunk % PerBlock * TransposedRows, rows = Math.Min(TransposedRows, Reduction - r0);
        int width = PackWeightsWork<TLanes, TVector>.Block, taps = (int)Source.Kernel.Voxels;
        nint tapPitch = rows * width;
        var outputs = Math.Min(width, Source.Outputs - (block * width));
        for (var tap = 0; tap < taps; tap++)
        {
            // Tap t of the mirrored kernel is tap (last − t) of the kernel.
            var matrix = Source.W + ((long)(taps - 1 - tap) * Source.Rows * Source.Columns);
            var corner = matrix + ((long)(Source.RowFirst + (block * width)) * Source.Columns) + r0;
            Transposition.Run(corner, Source.Columns, outputs, rows, scratch + (tap * tapPitch), width);
        }

        for (var r = 0; r < rows; r++)
        {
            Row(scratch + (r * width), tapPitch, block, r0 + r);
        }
    }

    /// <summary>
    /// One reduction channel × one block; lanes behind the last output are arbitrary, and their products are never stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Row(float* source, nint tapPitch, int block, int r)
    {
        var width = PackWeightsWork<TLanes, TVector>.Block;
        var target = U + ((((long)block * Reduction) + r) * width);
        for (var q = 0; q < width; q += TLanes.Count)
        {
            Transform(source + q, tapPitch, Source.Kernel.Z == 3, Wide, target + q, (nint)PointPitch);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transform(float* g, nint tap, bool deep, bool wide, float* u, nint pitch)
    {
        int lanes = TLanes.Count, points = wide ? 36 : 16;
        var half = TLanes.Broadcast(0.5f);
        var raw = stackalloc float[((3 * 36) + 18 + 1) * 16];
        var buffer = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var z = 0; z < (deep ? 3 : 1); z++)
        {
            var target = deep ? buffer + (z * points * lanes) : u;
            var targetPitch = deep ? lanes : pitch;
            if (wide)
            {
                WidePlane(g + (9 * z * tap), tap, buffer + (3 * 36 * lanes), target, targetPitch);
            }
            else
            {
                Plane(g + (9 * z * tap), tap, half, target, targetPitch);
            }
        }

        for (var i = 0; deep && i < points; i++)
        {
            var b = buffer + (i * lanes);
            TVector g0 = TLanes.Load(b), g2 = TLanes.Load(b + (2 * points * lanes));
            WinogradTransforms<TLanes, TVector>.ThreeTaps(
                g0, TLanes.Load(b + (points * lanes)), g2, half, out var u1, out var u2);
            TLanes.Store(u + (i * pitch), g0);
            TLanes.Store(u + ((points + i) * pitch), u1);
            TLanes.Store(u + (((2 * points) + i) * pitch), u2);
            TLanes.Store(u + (((3 * points) + i) * pitch), g2);
        }
    }

    /// <summary>3×3 taps → 6×6 points.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidePlane(float* g, nint tap, float* rows, float* u, nint pitch)
    {
        var lanes = TLanes.Count;
        for (var y = 0; y < 3; y++)
        {
            var line = g + (3 * y * tap);
            WinogradTransforms<TLanes, TVector>.WideThreeTaps(
                TLanes.Load(line), TLanes.Load(line + tap), TLanes.Load(line + (2 * tap)), rows + (6 * y * lanes), lanes);
        }

        for (var x = 0; x < 6; x++)
        {
            var column = rows + (x * lanes);
            WinogradTransforms<TLanes, TVector>.WideThreeTaps(
                TLanes.Load(column), TLanes.Load(column + (6 * lanes)), TLanes.Load(column + (12 * lanes)),
                u + (x * pitch), 6 * pitch);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Plane(float* g, nint tap, TVector half, float* u, nint pitch)
    {
        TVector a0 = TLanes.Load(g), a3 = TLanes.Load(g + (2 * tap));
        WinogradTransforms<TLanes, TVector>.ThreeTaps(a0, TLanes.Load(g + tap), a3, half, out var a1, out var a2);
        TVector b0 = TLanes.Load(g + (3 * tap)), b3 = TLanes.Load(g + (5 * tap));
        WinogradTransforms<TLanes, TVector>.ThreeTaps(b0, TLanes.Load(g + (4 * tap)), b3, half, out var b1, out var b2);
        TVector c0 = TLanes.Load(g + (6 * tap)), c3 = TLanes.Load(g + (8 * tap));
        WinogradTransforms<TLanes, TVector>.ThreeTaps(c0, TLanes.Load(g + (7 * tap)), c3, half, out var c1, out var c2);
        Column(a0, b0, c0, half, u, pitch);
        Column(a1, b1, c1, half, u + pitch, pitch);
        Column(a2, b2, c2, half, u + (2 * pitch), pitch);
        Column(a3, b3, c3, half, u + (3 * pitch), pitch);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Column(TVector a, TVector b, TVector c, TVector half, float* u, nint pitch)
    {
        WinogradTransforms<TLanes, TVector>.ThreeTaps(a, b, c, half, out var u1, out var u2);
        TLanes.Store(u, a);
        TLanes.Store(u + (4 * pitch), u1);
        TLanes.Store(u + (8 * pitch), u2);
        TLanes.Store(u + (12 * pitch), c);
    }
}
