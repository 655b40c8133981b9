using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Direct weight gradient of a <see cref="TapProblem"/> whose output's gradient is G (n, grid, Cout): for every tap and input
/// channel the products with G are summed over all grid voxels.
/// <para>A chunk is (voxel part, plane of taps, output channel blocks) and owns its sums, so no two threads share any. Voxel
/// parts are added later, in order (<see cref="SumGradientPartsWork{TLanes, TVector}"/>). Sums are laid out as
/// [part][dz][dy][block of run][block of Cout][Height][2·lanes].</para>
/// </summary>
internal unsafe struct DirectGradientWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>
    /// Voxels that a tile processes before its sums are stored: enough to hide the loads, few enough for the first-level cache.
    /// </summary>
    private const int VoxelsPerTile = 160;

    /// <summary>Upper limit of the memory for all parts of the sums, bytes.</summary>
    private const long PartsBudget = 24L << 20;

    private TapProblem p;
    private float* g;
    private float* sums;
    private float* slabs;
    private long slabLength;
    private bool inPlace;
    private bool gathered;
    private long gatheredLength;
    private int rows;
    private int planes;
    private int qParts;
    private int blocksPerPart;
    private int runBlocks;
    private int qBlocks;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => Parts * TapPlanes * qParts;

    /// <summary>Planes of taps that are summed separately.</summary>
    public readonly int TapPlanes => gathered ? 1 : p.Window.Z;

    /// <summary>Rows of taps per plane that are summed separately.</summary>
    public readonly int TapRows => gathered ? 1 : p.Window.Y;

    /// <summary>Floats of a run: taps along x (gathered: all taps) times input channels.</summary>
    public readonly int RunLength => (gathered ? (int)p.Window.Voxels : p.Window.X) * p.CTotal;

    /// <summary>Voxel parts, each with its own sums.</summary>
    public int Parts { get; private set; }

    /// <summary>Floats of the sums of one part.</summary>
    public readonly long PartLength => (long)TapPlanes * TapRows * runBlocks * qBlocks * TileLength;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => slabLength;

    /// <summary>Floats of a tile of sums.</summary>
    public static int TileLength => GradientTile<TLanes, TVector>.Height * 2 * TLanes.Count;

    /// <summary>
    /// Whether all taps of a voxel are gathered side by side: with a few channels a row of taps alone would fill a quarter of a
    /// tile.
    /// </summary>
    public static bool Gathers(in TapProblem p) => p.CTotal <= 4 && p.Window.Z * p.Window.Y > 1;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static DirectGradientWork<TLanes, TVector> Plan(in TapProblem problem, float* g, int threads)
    {
        var work = new DirectGradientWork<TLanes, TVector> { p = problem, g = g };
        ref var p = ref work.p;
        var height = GradientTile<TLanes, TVector>.Height;
        work.gathered = Gathers(p);
        work.inPlace = p.ReadsInPlace && !work.gathered;
        work.runBlocks = (work.RunLength + height - 1) / height;
        work.qBlocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout);
        var wanted = threads == 1 ? 1 : 12 * threads;
        work.qParts = Math.Clamp(Up(wanted, work.TapPlanes), 1, work.qBlocks);
        work.blocksPerPart = Up(work.qBlocks, work.qParts);
        work.qParts = Up(work.qBlocks, work.blocksPerPart);
        var most = Math.Min((long)p.N * p.Grid.Z, Math.Max(1, PartsBudget / (4 * work.PartLength)));
        work.Parts = (int)Math.Clamp(Up(wanted, work.TapPlanes * work.qParts), 1, most);
        work.rows = Math.Min(p.Grid.Y, Math.Max(1, Up(VoxelsPerTile, p.Grid.X)));
        work.planes = work.rows < p.Grid.Y ? 1 : Math.Clamp(Up(VoxelsPerTile, p.Grid.X * p.Grid.Y), 1, p.Grid.Z);
        work.gatheredLength = work.gathered
            ? ((((long)work.planes * work.rows * p.Grid.X * work.RunLength) + height + 64) | 15) + 1
            : 0;
        work.slabLength = work.inPlace
            ? 0
            : work.gathered
            ? work.gatheredLength + ((((work.planes - 1L) * p.Step.Z) + p.Window.Z)
                * (((work.rows - 1L) * p.Step.Y) + p.Window.Y) * work.SlabColumns * p.CTotal) + 64
            : ((long)work.planes * (((work.rows - 1) * p.Step.Y) + p.Window.Y) * work.SlabColumns * p.CTotal) + height + 64;
        return work;
    }

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
        int q = chunk % qParts, dz = chunk / qParts % TapPlanes, part = chunk / qParts / TapPlanes;
        int firstBlock = q * blocksPerPart, lastBlock = Math.Min(firstBlock + blocksPerPart, qBlocks);
        var own = sums + (part * PartLength) + ((long)dz * TapRows * runBlocks * qBlocks * TileLength);
        for (var tile = 0; tile < TapRows * runBlocks; tile++)
        {
            new Span<float>(
                own + (((long)tile * qBlocks) + firstBlock) * TileLength, (lastBlock - firstBlock) * TileLength).Clear();
        }

        // Only planes whose tap dz lies inside the input count; they are consecutive within a sample.
        var planesInAll = (long)p.N * p.Grid.Z;
        int first = (int)(planesInAll * part / Parts), last = (int)(planesInAll * (part + 1) / Parts);
        while (first < last)
        {
            int n = first / p.Grid.Z, z0 = first % p.Grid.Z, z1 = Math.Min(z0 + last - first, p.Grid.Z);
            first += z1 - z0;
            var offset = p.First.Z + dz;
            while (!gathered && z0 < z1 && (z0 * p.Step.Z) + offset < 0)
            {
                z0++;
            }

            while (!gathered && z0 < z1 && ((z1 - 1) * p.Step.Z) + offset >= p.Input.Z)
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

    private static int Up(int a, int b) => (a + b - 1) / b;

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
        nint rowPitch;
        if (inPlace)
        {
            rowPitch = (nint)p.Input.X * total;
            box.XPlanePitch = rowPitch * p.Input.Y * p.Step.Z;
            corner = p.X + (((((((long)n * p.Input.Z) + inZ) * p.Input.Y) + inY) * p.Input.X) + inX) * total;
        }
        else if (gathered)
        {
            corner = slab;
            rowPitch = (nint)p.Grid.X * RunLength;
            box.XVoxelPitch = RunLength;
            box.XPlanePitch = rowPitch * yCount;
            Gather(n, z, zCount, y, yCount, slab);
        }
        else
        {
            var slabRows = ((yCount - 1) * p.Step.Y) + p.Window.Y;
            rowPitch = (nint)SlabColumns * total;
            box.XPlanePitch = rowPitch * slabRows;
            corner = slab;
            for (var i = 0; i < zCount; i++)
            {
                PaddedSlab<TLanes, TVector>.Fill(
                    p, n, inZ + (i * p.Step.Z), inY, inX, 1, slabRows, SlabColumns, slab + (i * box.XPlanePitch));
            }
        }

        box.XRowPitch = gathered ? rowPitch : rowPitch * p.Step.Y;
        var gradient = g + (((((long)n * p.Grid.Z) + z) * p.Grid.Y) + y) * box.GRowPitch;
        var height = GradientTile<TLanes, TVector>.Height;
        for (var dy = 0; dy < TapRows; dy++)
        {
            for (var run = 0; run < runBlocks; run++)
            {
                var x = corner + (dy * rowPitch) + (run * height);
                var tiles = own + (((long)dy * runBlocks) + run) * qBlocks * TileLength;
                for (var block = firstBlock; block < lastBlock; block++)
                {
                    GradientTile<TLanes, TVector>.Run(
                        box, x, gradient + (block * PackWeightsWork<TLanes, TVector>.Block),
                        tiles + ((long)block * TileLength), height);
                }
            }
        }
    }

    /// <summary>
    /// All taps of every voxel of a box, in the order (dz, dy, dx, channel), from a bordered slab behind the target. Whole
    /// vectors are copied; what they write beyond a row of taps is overwritten by the next row.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Gather(int n, int z, int zCount, int y, int yCount, float* target)
    {
        int total = p.CTotal, row = p.Window.X * total;
        int slabPlanes = ((zCount - 1) * p.Step.Z) + p.Window.Z, slabRows = ((yCount - 1) * p.Step.Y) + p.Window.Y;
        var slab = target + gatheredLength;
        PaddedSlab<TLanes, TVector>.Fill(
            p, n, (z * p.Step.Z) + p.First.Z, (y * p.Step.Y) + p.First.Y, p.First.X, slabPlanes, slabRows, SlabColumns, slab);
        nint pitch = (nint)SlabColumns * total;
        for (var line = 0; line < zCount * yCount; line++)
        {
            var corner = slab + (((line / yCount * p.Step.Z * slabRows) + (line % yCount * p.Step.Y)) * pitch);
            for (var x = 0; x < p.Grid.X; x++, corner += p.Step.X * total)
            {
                for (var dz = 0; dz < p.Window.Z; dz++)
                {
                    var source = corner + (dz * slabRows * pitch);
                    for (var dy = 0; dy < p.Window.Y; dy++, source += pitch, target += row)
                    {
                        for (var i = 0; i < row; i += TLanes.Count)
                        {
                            TLanes.Store(target + i, TLanes.Load(source + i));
                        }
                    }
                }
            }
        }
    }
}
