using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Winograd convolution of a <see cref="TapProblem"/>: input transform, one matrix product per point, output transform.
/// <para>Fused (few channels): a chunk takes some tiles through all three steps within a core's second-level cache; the
/// transformed weights stay there too.</para>
/// <para>Batched (many channels, the transformed weights exceed the cache): each step is a separate work over a slice of all
/// tiles, so that weights are read once per slice; the products are chunked by point.</para>
/// </summary>
internal unsafe struct WinogradConvWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Most bytes of tiles that are transformed at once.</summary>
    private const long SliceBytes = 24 << 20;

    /// <summary>
    /// The same for each thread: what a step writes, the next one finds in the second- and third-level caches (1 to 4 MB were as
    /// fast as one another, 24 MB a third slower).
    /// </summary>
    private const long SliceBytesPerThread = 2 << 20;

    private const long FusedWeightsBudget = 2300 << 10;
    private const long FusedTilesBudget = 700 << 10;

    /// <summary>Tiles per tile product: 12, also where only 6 go at a time.</summary>
    private const int Group = 12;

    private TapProblem p;
    private WinogradTiles tiles;
    private float* u;
    private float* bias;
    private bool accumulate;
    private bool accumulateSecond;
    private int blocks;
    private int perChunk;
    private nint rowPitch;
    private nint vPitch;
    private nint mPitch;
    private float* v;
    private float* m;
    private float* scratch;
    private long scratchPerWorker;
    private int sliceFirst;
    private int sliceCount;
    private Step step;

    /// <summary>The steps of a batched product; the fused one is a single step.</summary>
    internal enum Step
    {
        /// <summary>All three for some tiles.</summary>
        Fused,

        /// <summary>Input transform of <see cref="Group"/> tiles.</summary>
        Input,

        /// <summary>The matrix product of one point.</summary>
        Multiply,

        /// <summary>Output transform of <see cref="Group"/> tiles.</summary>
        Output,
    }

    /// <summary>Floats from one point of the transformed weights to the next.</summary>
    public long WeightsPitch { get; private set; }

    /// <summary>Floats of the transformed weights.</summary>
    public readonly long WeightsLength => WeightsPitch * tiles.Points;

    /// <summary>Whether the steps are separate.</summary>
    public bool Batched { get; private set; }

    /// <summary>Tiles that go through the steps at once.</summary>
    public int SliceSize { get; private set; }

    /// <summary>All tiles.</summary>
    public readonly int TileCount => tiles.Count;

    /// <summary>Floats of memory shared by the workers.</summary>
    public readonly long SharedLength => Batched ? (vPitch + mPitch) * tiles.Points : 0;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => scratchPerWorker;

    /// <summary>Number of chunks of the current step.</summary>
    public readonly int Chunks => step switch
    {
        Step.Multiply => tiles.Points,
        Step.Fused => (tiles.Count + perChunk - 1) / perChunk,
        _ => (sliceCount + Group - 1) / Group,
    };

    /// <summary>Tiles of a slice, given the bytes of each with its products.</summary>
    public static int TilesOfSlice(long perTile, int threads) =>
        (int)Math.Max(1, Math.Min(SliceBytes, threads * SliceBytesPerThread) / perTile / Group) * Group;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static WinogradConvWork<TLanes, TVector> Plan(
        in TapProblem problem, bool wide, float* bias, bool accumulate, bool accumulateSecond, int threads)
    {
        var work = new WinogradConvWork<TLanes, TVector> { p = problem, bias = bias, tiles = new(problem, wide) };
        (work.accumulate, work.accumulateSecond) = (accumulate, accumulateSecond);
        var width = PackWeightsWork<TLanes, TVector>.Block;
        work.blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout);
        work.rowPitch = WinogradInput<TLanes, TVector>.Round(problem.CTotal);
        work.WeightsPitch = OddLines((long)work.blocks * problem.CTotal * width);
        var points = work.tiles.Points;
        work.Batched = work.WeightsLength * sizeof(float) > FusedWeightsBudget;
        var border = WinogradInput<TLanes, TVector>.ScratchLength(problem, work.tiles);
        if (work.Batched)
        {
            var perTile = (work.rowPitch + ((long)work.blocks * width)) * points * sizeof(float);
            work.SliceSize = Math.Min(TilesOfSlice(perTile, threads), RoundUp(work.tiles.Count));
            work.vPitch = (nint)OddLines(work.SliceSize * work.rowPitch);
            work.mPitch = (nint)OddLines((long)work.SliceSize * work.blocks * width);
            work.scratchPerWorker = border;
        }
        else
        {
            var perTile = (work.rowPitch + width) * points * sizeof(float);
            work.perChunk = Math.Min(
                (int)Math.Clamp(FusedTilesBudget / perTile / Group, 1, 8) * Group, RoundUp(work.tiles.Count));
            work.SliceSize = work.tiles.Count;
            work.vPitch = (nint)OddLines(work.perChunk * work.rowPitch);
            work.mPitch = (nint)OddLines((long)work.perChunk * width);
            work.scratchPerWorker = ((work.vPitch + work.mPitch) * points) + border;
        }

        return work;
    }

    /// <summary>
    /// Sets the transformed weights and the memory of <see cref="SharedLength"/> and <see cref="ScratchPerWorker"/> per worker.
    /// </summary>
    public void UseMemory(float* weights, float* shared, float* perWorker)
    {
        u = weights;
        v = shared;
        m = shared + (vPitch * tiles.Points);
        scratch = perWorker;
    }

    /// <summary>Selects one step for a slice of the tiles.</summary>
    public void Prepare(Step next, int first, int count)
    {
        step = next;
        sliceFirst = first;
        sliceCount = count;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var own = scratch + (worker * scratchPerWorker);
        var width = PackWeightsWork<TLanes, TVector>.Block;
        switch (step)
        {
            case Step.Fused:
                Fused(chunk * perChunk, Math.Min(perChunk, tiles.Count - (chunk * perChunk)), own);
                break;
            case Step.Input:
                WinogradInput<TLanes, TVector>.Transform(
                    p, tiles, sliceFirst + (chunk * Group), Math.Min(Group, sliceCount - (chunk * Group)),
                    v + (chunk * Group * rowPitch), vPitch, rowPitch, own);
                break;
            case Step.Multiply:
                for (var block = 0; block < blocks; block++)
                {
                    Multiply(
                        v + (chunk * vPitch), u + (chunk * WeightsPitch) + ((long)block * p.CTotal * width),
                        m + (chunk * mPitch) + ((nint)block * SliceSize * width), sliceCount);
                }

                break;
            default:
                for (var block = 0; block < blocks; block++)
                {
                    WinogradOutput<TLanes, TVector>.Transform(
                        p, tiles, sliceFirst + (chunk * Group), Math.Min(Group, sliceCount - (chunk * Group)), block,
                        m + ((((nint)block * SliceSize) + (chunk * Group)) * width), mPitch, bias, Adds(block));
                }

                break;
        }
    }

    private readonly bool Adds(int block) =>
        p.Y2 is not null && block * PackWeightsWork<TLanes, TVector>.Block >= p.CoutFirst ? accumulateSecond : accumulate;

    private static int RoundUp(int count) => (count + Group - 1) / Group * Group;

    /// <summary>An odd number of cache lines, so that the points of one tile do not fall into the same cache sets.</summary>
    private static long OddLines(long floats) => (((floats + 15) / 16) | 1) * 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Fused(int first, int count, float* own)
    {
        var width = PackWeightsWork<TLanes, TVector>.Block;
        float* ownV = own, ownM = own + (vPitch * tiles.Points), border = ownM + (mPitch * tiles.Points);
        WinogradInput<TLanes, TVector>.Transform(p, tiles, first, count, ownV, vPitch, rowPitch, border);
        for (var block = 0; block < blocks; block++)
        {
            for (var point = 0; point < tiles.Points; point++)
            {
                Multiply(
                    ownV + (point * vPitch), u + (point * WeightsPitch) + ((long)block * p.CTotal * width),
                    ownM + (point * mPitch), count);
            }

            WinogradOutput<TLanes, TVector>.Transform(p, tiles, first, count, block, ownM, mPitch, bias, Adds(block));
        }
    }

    /// <summary>
    /// One point, one block of output channels: count × C by C × 2·lanes, in groups of tiles that the kernel holds in registers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* values, float* weights, float* products, int count)
    {
        var size = ForwardTile<TLanes, TVector>.GroupSize;
        var taps = new Taps { Planes = 1, Rows = 1, Run = p.CTotal, VoxelPitch = rowPitch };
        for (var t = 0; t < count; t += 3 * size)
        {
            var x = values + (t * rowPitch);
            ForwardTile<TLanes, TVector>.Run(
                taps, x, x + (size * rowPitch), x + (2 * size * rowPitch), weights,
                products + ((nint)t * PackWeightsWork<TLanes, TVector>.Block));
        }
    }
}
