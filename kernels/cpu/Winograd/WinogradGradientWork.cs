using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Winograd weight gradient, F(3, 2) or F(3, 4): inputs and output gradients are transformed tile by tile, multiplied and summed
/// over all tiles per point and channel pair; the sums are transformed once at the end
/// (<see cref="WinogradGradientSumWork{TLanes, TVector}"/>).
/// <para>Fused (few channels): a chunk is a part of the tiles and owns a full set of sums. Batched (many channels): transforms of
/// a slice of tiles, then one product per point over the slice; there is one set of sums.</para>
/// <para>Sums lie as [part][point][block of Cin][block of Cout][Height][2·lanes].</para>
/// </summary>
internal unsafe struct WinogradGradientWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const long FusedSumsBudget = 2300 << 10;
    private const long FusedTilesBudget = 1200 << 10;
    private const long PartsBudget = 16 << 20;
    private const int Group = 12;

    private TapProblem p;
    private WinogradTiles tiles;
    private float* g;
    private int blocks;
    private int inputBlocks;
    private int height;
    private int perTurn;
    private nint rowPitch;
    private nint gradientRowPitch;
    private nint vPitch;
    private nint dPitch;
    private float* sums;
    private float* v;
    private float* d;
    private float* scratch;
    private long scratchPerWorker;
    private int sliceFirst;
    private int sliceCount;
    private WinogradConvWork<TLanes, TVector>.Step step;

    /// <summary>Sets of sums.</summary>
    public int Parts { get; private set; }

    /// <summary>Whether the steps are separate.</summary>
    public bool Batched { get; private set; }

    /// <summary>Tiles that go through the steps at once, if batched.</summary>
    public int SliceSize { get; private set; }

    /// <summary>All tiles.</summary>
    public readonly int TileCount => tiles.Count;

    /// <summary>Floats of one set of sums.</summary>
    public readonly long PartLength => (long)tiles.Points * inputBlocks * blocks * TileLength;

    /// <summary>Floats of memory shared by the workers, without the sums.</summary>
    public readonly long SharedLength => Batched ? (vPitch + dPitch) * tiles.Points : 0;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => scratchPerWorker;

    /// <summary>Number of chunks of the current step.</summary>
    public readonly int Chunks => step switch
    {
        WinogradConvWork<TLanes, TVector>.Step.Fused => Parts,
        WinogradConvWork<TLanes, TVector>.Step.Multiply => tiles.Points,
        _ => (sliceCount + Group - 1) / Group,
    };

    private static int TileLength => DirectGradientWork<TLanes, TVector>.TileLength;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static WinogradGradientWork<TLanes, TVector> Plan(in TapProblem problem, bool wide, float* g, int threads)
    {
        var work = new WinogradGradientWork<TLanes, TVector> { p = problem, g = g, tiles = new(problem, wide) };
        int width = PackWeightsWork<TLanes, TVector>.Block, height = GradientTile<TLanes, TVector>.RowsFor(problem.CTotal),
        points = work.tiles.Points;
        work.blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout);
        work.inputBlocks = (problem.CTotal + height - 1) / height;
        work.height = height;
        work.rowPitch = WinogradInput<TLanes, TVector>.Round(problem.CTotal);
        work.gradientRowPitch = work.blocks * width;
        work.Batched = work.PartLength * sizeof(float) > FusedSumsBudget;
        var perTile = (work.rowPitch + work.gradientRowPitch) * points * sizeof(float);
        var border = WinogradInput<TLanes, TVector>.ScratchLength(problem, work.tiles);
        if (work.Batched)
        {
            work.Parts = 1;
            work.SliceSize = Math.Min(
                WinogradConvWork<TLanes, TVector>.TilesOfSlice(perTile, threads), RoundUp(work.tiles.Count));
        }
        else
        {
            work.perTurn = Math.Min((int)Math.Clamp(FusedTilesBudget / perTile / Group, 1, 8) * Group, RoundUp(work.tiles.Count));
            var turns = (work.tiles.Count + work.perTurn - 1) / work.perTurn;
            var most = Math.Max(1, PartsBudget / (work.PartLength * sizeof(float)));
            work.Parts = (int)Math.Clamp(threads == 1 ? 1 : 8 * threads, 1, Math.Min(most, turns));
            work.Parts -= work.Parts > threads ? work.Parts % threads : 0;
            work.SliceSize = work.perTurn;
        }

        work.vPitch = (nint)OddLines((work.SliceSize * work.rowPitch) + height);
        work.dPitch = (nint)OddLines(work.SliceSize * work.gradientRowPitch);
        work.scratchPerWorker = work.Batched ? border : ((work.vPitch + work.dPitch) * points) + border;
        return work;
    }

    /// <summary>Sets the memory: all sums, <see cref="SharedLength"/>, <see cref="ScratchPerWorker"/> per worker.</summary>
    public void UseMemory(float* allSums, float* shared, float* perWorker)
    {
        sums = allSums;
        v = shared;
        d = shared + (vPitch * tiles.Points);
        scratch = perWorker;
    }

    /// <summary>Selects one step for a slice of the tiles.</summary>
    public void Prepare(WinogradConvWork<TLanes, TVector>.Step next, int first, int count)
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
        switch (step)
        {
            case WinogradConvWork<TLanes, TVector>.Step.Fused:
                Fused(chunk, own);
                break;
            case WinogradConvWork<TLanes, TVector>.Step.Input:
                int first = sliceFirst + (chunk * Group), count = Math.Min(Group, sliceCount - (chunk * Group));
                WinogradInput<TLanes, TVector>.Transform(
                    p, tiles, first, count, v + (chunk * Group * rowPitch), vPitch, rowPitch, own);
                WinogradOutputGradient<TLanes, TVector>.Transform(
                    p, tiles, g, first, count, d + (chunk * Group * gradientRowPitch), dPitch, gradientRowPitch);
                break;
            default:
                Multiply(
                    v + (chunk * vPitch), d + (chunk * dPitch), sums + (chunk * (PartLength / tiles.Points)), sliceCount,
                    sliceFirst == 0);
                break;
        }
    }

    private static int RoundUp(int count) => (count + Group - 1) / Group * Group;

    private static long OddLines(long floats) => (((floats + 15) / 16) | 1) * 16;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Fused(int part, float* own)
    {
        float* ownV = own, ownD = own + (vPitch * tiles.Points), border = ownD + (dPitch * tiles.Points);
        var turns = (tiles.Count + perTurn - 1) / perTurn;
        int firstTurn = (int)((long)turns * part / Parts), lastTurn = (int)((long)turns * (part + 1) / Parts);
        for (var turn = firstTurn; turn < lastTurn; turn++)
        {
            int first = turn * perTurn, count = Math.Min(perTurn, tiles.Count - first);
            WinogradInput<TLanes, TVector>.Transform(p, tiles, first, count, ownV, vPitch, rowPitch, border);
            WinogradOutputGradient<TLanes, TVector>.Transform(p, tiles, g, first, count, ownD, dPitch, gradientRowPitch);
            for (var point = 0; point < tiles.Points; point++)
            {
                var target = sums + (part * PartLength) + (point * (PartLength / tiles.Points));
                Multiply(ownV + (point * vPitch), ownD + (point * dPitch), target, count, turn == firstTurn);
            }
        }
    }

    /// <summary>One point: sums[i, q] += Σ_t values[t, i]·gradients[t, q] over count tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* values, float* gradients, float* target, int count, bool clear)
    {
        var box = new VoxelBox { Planes = 1, Rows = 1, Columns = count, XVoxelPitch = rowPitch, GVoxelPitch = gradientRowPitch };
        for (var i = 0; i < inputBlocks; i++)
        {
            for (var block = 0; block < blocks; block++, target += TileLength)
            {
                if (clear)
                {
                    new Span<float>(target, TileLength).Clear();
                }

                GradientTile<TLanes, TVector>.Run(
                    box, values + (i * height), gradients + (block * PackWeightsWork<TLanes, TVector>.Block), target, height);
            }
        }
    }
}
