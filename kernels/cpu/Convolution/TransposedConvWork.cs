using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Forward pass of a transposed convolution whose kernel is its stride: for every tap a matrix product of all input voxels, which
/// follow one another in memory, so that tiles are cut without regard to rows; each product is an output voxel of its own and is
/// written once.
/// <para>A chunk is (slice of voxels, taps): while one tap's matrix for a block of output channels stays in the first-level
/// cache, the slice's voxels go by; they come from the second, and the next slice's are prefetched meanwhile.</para>
/// </summary>
internal unsafe struct TransposedConvWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Most voxels of a slice, whole tiles: 192 KiB of 256 channels.</summary>
    private const int SliceVoxels = 192;

    private TransposedConvProblem p;
    private float* x;
    private float* packed;
    private float* bias;
    private float* y;
    private int slice;
    private int slices;
    private int tapParts;
    private int tapsPerPart;
    private float* tails;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => slices * tapParts;

    /// <summary>Floats of scratch memory per worker: the last tile's voxels, because nothing behind the input is read.</summary>
    public readonly long ScratchPerWorker => ((long)TileVoxels * p.Cin) + 64;

    private static int TileVoxels => 3 * ForwardTile<TLanes, TVector>.GroupSize;

    private static int Width => PackWeightsWork<TLanes, TVector>.Block;

    private readonly int Taps => (int)p.Stride.Voxels;

    private readonly long Voxels => p.N * p.Input.Voxels;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    /// <param name="problem">Sizes.</param>
    /// <param name="x">Input.</param>
    /// <param name="packed">Weights of all taps as <see cref="PackWeightsWork{TLanes, TVector}"/> packs them.</param>
    /// <param name="bias">Bias with space for whole blocks, or null.</param>
    /// <param name="y">Output.</param>
    /// <param name="threads">Threads.</param>
    public static TransposedConvWork<TLanes, TVector> Plan(
        in TransposedConvProblem problem, float* x, float* packed, float* bias, float* y, int threads)
    {
        var work = new TransposedConvWork<TLanes, TVector> { p = problem, x = x, packed = packed, bias = bias, y = y };
        var least = Up(work.Voxels, SliceVoxels);
        work.slice = (int)Up(Up(work.Voxels, least), TileVoxels) * TileVoxels;
        work.slices = checked((int)Up(work.Voxels, work.slice));
        (work.tapParts, work.tapsPerPart) = Cut(work.Taps, Up(threads == 1 ? 1 : 4 * threads, work.slices));
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => tails = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var first = (long)(chunk / tapParts) * slice;
        int firstTap = chunk % tapParts * tapsPerPart, lastTap = Math.Min(firstTap + tapsPerPart, Taps),
        blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout), count = (int)Math.Min(slice, Voxels - first);
        var targets = stackalloc float*[SliceVoxels];
        FindVoxels(first, count, targets);
        float* voxels = x + (first * p.Cin), tail = tails + (worker * ScratchPerWorker);
        var inTail = count % TileVoxels;
        if (inTail > 0)
        {
            PaddedSlab<TLanes, TVector>.CopyRun(voxels + ((nint)(count - inTail) * p.Cin), tail, inTail * p.Cin);
        }

        // What the tiles prefetch of the next slice, each a part: nothing where other taps of this one are computed beside.
        var next = voxels + ((nint)count * p.Cin);
        var ahead = tapParts > 1 ? 0 : Math.Min(slice, Voxels - first - count) * p.Cin;
        var perTile = (int)Up(ahead, Taps * blocks * Up(count, TileVoxels) * CacheHint.Line) * CacheHint.Line;
        for (var tap = firstTap; tap < lastTap; tap++)
        {
            int tapZ = tap / p.Stride.X / p.Stride.Y, tapY = tap / p.Stride.X % p.Stride.Y, tapX = tap % p.Stride.X;
            var output = ((((nint)tapZ * p.Output.Y) + tapY) * p.Output.X + tapX) * p.Cout;
            for (var block = 0; block < blocks; block++)
            {
                var matrix = packed + ((((nint)block * Taps) + tap) * p.Cin * Width);
                Multiply(voxels, tail, count, matrix, targets, output + (block * Width), block, next, perTile, ahead);
                next += (nint)perTile * Up(count, TileVoxels);
                ahead -= (long)perTile * Up(count, TileVoxels);
            }
        }
    }

    /// <summary>Where the outputs of some input voxels at the first tap lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FindVoxels(long first, int count, float** targets)
    {
        var step = (nint)p.Stride.X * p.Cout;
        for (var done = 0; done < count;)
        {
            var row = (first + done) / p.Input.X;
            int x0 = (int)((first + done) % p.Input.X), iy = (int)(row % p.Input.Y), iz = (int)(row / p.Input.Y % p.Input.Z);
            var plane = (row / p.Input.Y / p.Input.Z * p.Output.Z) + (iz * p.Stride.Z);
            var target = y + (((((plane * p.Output.Y) + (iy * p.Stride.Y)) * p.Output.X) * p.Cout) + (x0 * step));
            for (var end = Math.Min(count, done + p.Input.X - x0); done < end; done++, target += step)
            {
                targets[done] = target;
            }
        }
    }

    /// <summary>Some voxels with one tap's matrix for one block, tile by tile.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(
        float* voxels, float* tail, int count, float* matrix, float** targets, nint output, int block, float* next, int perTile,
        long ahead)
    {
        int size = ForwardTile<TLanes, TVector>.GroupSize, lanes = TLanes.Count, width = Width,
        channels = Math.Min(width, p.Cout - (block * width));
        var taps = new Taps { Planes = 1, Rows = 1, Run = p.Cin, VoxelPitch = p.Cin };
        nint group = (nint)size * p.Cin;
        var raw = stackalloc float[(12 * 32) + 16];
        var tile = (float*)(((nint)raw + 63) & ~(nint)63);
        TVector bias0 = TLanes.Zero, bias1 = TLanes.Zero;
        if (bias is not null)
        {
            bias0 = TLanes.Load(bias + (block * width));
            bias1 = TLanes.Load(bias + (block * width) + lanes);
        }

        for (var first = 0; first < count; first += TileVoxels, next += perTile, ahead -= perTile)
        {
            CacheHint.Fetch(next, (int)Math.Clamp(ahead, 0, perTile));
            var corner = first + TileVoxels <= count ? voxels + ((nint)first * p.Cin) : tail;
            ForwardTile<TLanes, TVector>.Run(taps, corner, corner + group, corner + (2 * group), matrix, tile);
            var inTile = Math.Min(TileVoxels, count - first);
            for (var voxel = 0; voxel < inTile; voxel++)
            {
                float* source = tile + (voxel * width), target = targets[first + voxel] + output;
                TVector a = TLanes.Add(TLanes.Load(source), bias0), b = TLanes.Add(TLanes.Load(source + lanes), bias1);
                if (channels == width)
                {
                    TLanes.Store(target, a);
                    TLanes.Store(target + lanes, b);
                }
                else
                {
                    TLanes.StoreFirst(target, a, Math.Min(channels, lanes));
                    TLanes.StoreFirst(target + lanes, b, Math.Clamp(channels - lanes, 0, lanes));
                }
            }
        }
    }
}
