using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Direct weight gradient of a <see cref="TapProblem"/> whose output's gradient is G (n, grid, Cout): for every tap and input
/// channel the products with G are summed over all grid voxels.
/// <para>The taps of a voxel are runs of floats that follow one another in the input: the taps along x times the input channels
/// for each (dz, dy). A run is cut into tiles. A run of three floats, as the first layer of one channel has, would leave most of
/// a tile empty; there a tile takes several runs, and the window counts as one run.</para>
/// <para>A chunk is (voxel part, plane of taps, output channel blocks) and owns its sums, so no two threads share any; of few
/// channels it takes all planes of taps, so that the gradient is read from memory once. Voxel parts are added later, in order
/// (<see cref="SumGradientPartsWork{TLanes, TVector}"/>). Sums are laid out as
/// [part][dz][dy][block of run][block of Cout][Height][2·lanes].</para>
/// </summary>
internal unsafe struct DirectGradientWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// Voxels that a tile processes before its sums are stored: enough to hide the loads, few enough for the first-level cache.
    /// </summary>
    private const int VoxelsPerTile = 80;

    /// <summary>Upper limit of the memory for all parts of the sums, bytes.</summary>
    private const long PartsBudget = 24L << 20;

    /// <summary>
    /// Input channels up to which a chunk takes all planes of taps: its slab then holds as many planes, and still fits the
    /// second-level cache beside the sums.
    /// </summary>
    private const int FewChannels = 32;

    private TapProblem p;
    private float* g;
    private float* sums;
    private float* slabs;
    private long slabLength;
    private bool inPlace;
    private int rows;
    private int planes;
    private int planesOfTaps;
    private int qParts;
    private int blocksPerPart;
    private int runBlocks;
    private int qBlocks;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => Parts * TapParts * qParts;

    /// <summary>Floats of a run.</summary>
    public readonly int RunLength => RunOf(p);

    /// <summary>Rows that a tile takes of a run.</summary>
    public readonly int TileRows => RowsOf(p);

    /// <summary>Tiles of all runs, for one block of output channels.</summary>
    public readonly int Tiles => Lines(p) * runBlocks;

    /// <summary>Voxel parts, each with its own sums.</summary>
    public int Parts { get; private set; }

    /// <summary>Floats of the sums of one part.</summary>
    public readonly long PartLength => (long)Tiles * qBlocks * TileLength;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => slabLength;

    /// <summary>Floats of a tile of sums.</summary>
    public static int TileLength => GradientTile<TLanes, TVector>.Height * 2 * TLanes.Count;

    /// <summary>
    /// Rows of products that are computed for every voxel and block of output channels, those left unused included.
    /// </summary>
    public static int RowsComputed(in TapProblem p) => Lines(p) * Up(RunOf(p), RowsOf(p)) * RowsOf(p);

    /// <summary>
    /// Whether x and the output's gradient should change places, as one tap allows where the grids are the same: a head's few
    /// classes then are the rows of a tile and the input channels its lanes, instead of three outputs in a vector or two.
    /// </summary>
    public static bool IsCheaperSwapped(in TapProblem p) =>
        p.Window == Extent.One && p.ReadsInPlace && p.Grid == p.Input
            && Products(p with { C = p.Cout, Cout = p.C }) < Products(p);

    private static long Products(in TapProblem p) => (long)RowsComputed(p) * PackWeightsWork<TLanes, TVector>.Blocks(p.Cout);

    private static bool IsThrees(in TapProblem p) => p.Window.X * p.CTotal == 3 && p.Window.Z * p.Window.Y > 1;

    private static int Lines(in TapProblem p) => IsThrees(p) ? 1 : p.Window.Z * p.Window.Y;

    private static int RunOf(in TapProblem p) => (IsThrees(p) ? (int)p.Window.Voxels : p.Window.X) * p.CTotal;

    private static int RowsOf(in TapProblem p) => IsThrees(p)
        ? 3 * GradientTile<TLanes, TVector>.ThreesPerTile
        : GradientTile<TLanes, TVector>.RowsFor(RunOf(p));

    private readonly int TapParts => p.Window.Z / planesOfTaps;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static DirectGradientWork<TLanes, TVector> Plan(in TapProblem problem, float* g, int threads)
    {
        var work = new DirectGradientWork<TLanes, TVector> { p = problem, g = g };
        ref var p = ref work.p;
        work.inPlace = p.ReadsInPlace;
        work.planesOfTaps = p.CTotal <= FewChannels ? p.Window.Z : 1;
        work.runBlocks = Up(work.RunLength, work.TileRows);
        work.qBlocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout);
        var wanted = threads == 1 ? 1 : 12 * threads;
        (work.qParts, work.blocksPerPart) = Cut(work.qBlocks, Up(wanted, work.TapParts));
        var most = Math.Min((long)p.N * p.Grid.Z, Math.Max(1, PartsBudget / (4 * work.PartLength)));
        work.Parts = (int)Math.Clamp(Up(wanted, work.TapParts * work.qParts), 1, most);
        work.rows = Math.Min(p.Grid.Y, Math.Max(1, Up(VoxelsPerTile, p.Grid.X)));
        work.planes = work.rows < p.Grid.Y ? 1 : Math.Clamp(Up(VoxelsPerTile, p.Grid.X * p.Grid.Y), 1, p.Grid.Z);
        work.slabLength = work.inPlace
            ? 0
            : ((long)work.SlabPlanes(work.planes) * work.SlabRows(work.rows) * work.SlabColumns * p.CTotal)
                + GradientTile<TLanes, TVector>.Height + 64;
        return work;
    }

    private readonly int SlabRows(int count) => ((count - 1) * p.Step.Y) + p.Window.Y;

    /// <summary>Planes of a slab: those of the taps that the chunk takes, which only lie apart if they are few.</summary>
    private readonly int SlabPlanes(int count) =>
        planesOfTaps == 1 ? count : ((count - 1) * p.Step.Z) + planesOfTaps;

    private readonly int SlabColumns => ((p.Grid.X - 1) * p.Step.X) + p.Window.X;

    /// <summary>Sets the memory for the sums of all parts, and <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* parts, float* memory)
    {
        sums = parts;
        slabs = memory;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int q = chunk % qParts, dz = chunk / qParts % TapParts, part = chunk / qParts / TapParts;
        int firstBlock = q * blocksPerPart, lastBlock = Math.Min(firstBlock + blocksPerPart, qBlocks);
        var tiles = Tiles / TapParts;
        var own = sums + (part * PartLength) + ((long)dz * tiles * qBlocks * TileLength);
        for (var tile = 0; tile < tiles; tile++)
        {
            new Span<float>(
                own + (((long)tile * qBlocks) + firstBlock) * TileLength, (lastBlock - firstBlock) * TileLength).Clear();
        }

        // Only planes with a tap inside the input count; they are consecutive within a sample.
        var planesInAll = (long)p.N * p.Grid.Z;
        int first = (int)(planesInAll * part / Parts), last = (int)(planesInAll * (part + 1) / Parts);
        while (first < last)
        {
            int n = first / p.Grid.Z, z0 = first % p.Grid.Z, z1 = Math.Min(z0 + last - first, p.Grid.Z);
            first += z1 - z0;
            var offset = p.First.Z + dz;
            while (z0 < z1 && (z0 * p.Step.Z) + offset + planesOfTaps <= 0)
            {
                z0++;
            }

            while (z0 < z1 && ((z1 - 1) * p.Step.Z) + offset >= p.Input.Z)
            {
                z1--;
            }

            for (var z = z0; z < z1; z += planes)
            {
                for (var y = 0; y < p.Grid.Y; y += rows)
                {
                    Box(
                        n, z, Math.Min(planes, z1 - z), y, Math.Min(rows, p.Grid.Y - y), dz, firstBlock, lastBlock, own,
                        slabs + (worker * slabLength));
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Box(
        int n, int z, int zCount, int y, int yCount, int dz, int firstBlock, int lastBlock, float* own, float* slab)
    {
        var total = p.CTotal;
        int inZ = (z * p.Step.Z) + p.First.Z + dz, inY = (y * p.Step.Y) + p.First.Y, inX = p.First.X;
        var box = new VoxelBox
        {
            Planes = zCount,
            Rows = yCount,
            Columns = p.Grid.X,
            XVoxelPitch = (nint)p.Step.X * total,
            GVoxelPitch = p.Cout,
            GRowPitch = (nint)p.Grid.X * p.Cout,
            GPlanePitch = (nint)p.Grid.Y * p.Grid.X * p.Cout,
        };
        float* corner;
        nint rowPitch, planePitch;
        if (inPlace)
        {
            rowPitch = (nint)p.Input.X * total;
            planePitch = rowPitch * p.Input.Y;
            box.XPlanePitch = planePitch * p.Step.Z;
            corner = p.X + (p.InputVoxel(n, inZ, inY, inX) * total);
        }
        else
        {
            int slabRows = SlabRows(yCount), step = planesOfTaps == 1 ? 1 : p.Step.Z;
            rowPitch = (nint)SlabColumns * total;
            planePitch = rowPitch * slabRows;
            box.XPlanePitch = planePitch * step;
            corner = slab;
            for (var i = 0; i < SlabPlanes(zCount); i++)
            {
                PaddedSlab<TLanes, TVector>.Fill(
                    p, n, inZ + (planesOfTaps == 1 ? i * p.Step.Z : i), inY, inX, 1, slabRows, SlabColumns,
                    slab + (i * planePitch));
            }
        }

        box.XRowPitch = rowPitch * p.Step.Y;
        var gradient = g + (((((long)n * p.Grid.Z) + z) * p.Grid.Y) + y) * box.GRowPitch;

        // Block by block: one block's gradient stays in the first-level cache while the tiles pass. Each tile prefetches a part
        // of what the next box reads, which lies behind this one's.
        var tiles = Tiles / TapParts;
        var length = zCount * yCount * (int)box.GRowPitch;
        var perTile = Up(length, (lastBlock - firstBlock) * tiles * CacheHint.Line) * CacheHint.Line;
        var next = gradient + length;
        for (var block = firstBlock; block < lastBlock; block++)
        {
            for (var tile = 0; tile < tiles; tile++, next += perTile)
            {
                CacheHint.Fetch(next, perTile);
                var target = own + ((((long)tile * qBlocks) + block) * TileLength);
                var values = gradient + (block * PackWeightsWork<TLanes, TVector>.Block);
                if (IsThrees(p))
                {
                    var first = tile * GradientTile<TLanes, TVector>.ThreesPerTile;
                    var x = LineOffset(first, planePitch, rowPitch);
                    GradientTile<TLanes, TVector>.Threes(
                        box, corner + x, LineOffset(first + 1, planePitch, rowPitch) - x,
                        LineOffset(first + 2, planePitch, rowPitch) - x, values, target);
                }
                else
                {
                    GradientTile<TLanes, TVector>.Run(
                        box, corner + LineOffset(tile / runBlocks, planePitch, rowPitch) + (tile % runBlocks * TileRows), values,
                        target, TileRows);
                }
            }
        }
    }

    /// <summary>Floats from the first tap to those of a line (dz, dy); behind the last one, the last.</summary>
    private readonly nint LineOffset(int line, nint planePitch, nint rowPitch)
    {
        line = Math.Min(line, (planesOfTaps * p.Window.Y) - 1);
        return (line / p.Window.Y * planePitch) + (line % p.Window.Y * rowPitch);
    }
}
