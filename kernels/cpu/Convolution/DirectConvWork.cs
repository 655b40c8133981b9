using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Direct convolution of a <see cref="TapProblem"/> with packed weights. A chunk is (sample, planes, rows, columns, output
/// channel blocks): it copies its part of the input with border (unless that can be read in place), then walks over tiles of
/// output voxels. The slab and one block's weights fit the second-level cache.
/// </summary>
internal unsafe struct DirectConvWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int SlabBudget = 640 << 10;
    private const int ColumnsPerChunk = 768;

    private TapProblem p;
    private float* packed;
    private float* bias;
    private bool accumulate;
    private bool inPlace;
    private int planes;
    private int rows;
    private int columns;
    private int zParts;
    private int yParts;
    private int xParts;
    private int qParts;
    private int blocksPerPart;
    private float* slabs;
    private long slabLength;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => p.N * zParts * yParts * xParts * qParts;

    /// <summary>Floats of scratch memory per worker.</summary>
    public readonly long ScratchPerWorker => slabLength;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static DirectConvWork<TLanes, TVector> Plan(
        in TapProblem problem, float* packed, float* bias, bool accumulate, int threads)
    {
        var work = new DirectConvWork<TLanes, TVector> { p = problem, packed = packed, bias = bias, accumulate = accumulate };
        ref var p = ref work.p;
        var blocks = PackWeightsWork<TLanes, TVector>.Blocks(p.Cout);

        // Groups that extend beyond a row are moved back into it, which requires rows of at least one group.
        work.inPlace = p.ReadsInPlace && p.Grid.X >= ForwardTile<TLanes, TVector>.GroupSize;
        work.xParts = Parts(p.Grid.X, ColumnsPerChunk);
        work.columns = Parts(p.Grid.X, work.xParts);
        var rowBytes = 4L * SlabSize(work.columns, p.Step.X, p.Window.X) * p.CTotal;
        var planeBytes = rowBytes * SlabSize(p.Grid.Y, p.Step.Y, p.Window.Y);

        // Without a copy smaller chunks cost nothing, and the outputs, too, can stay there until the last block is written.
        var outputBytes = work.inPlace && blocks > 1 ? 4L * p.Grid.Y * p.Grid.X * p.Cout : 0;
        work.planes = p.Grid.Z;
        while (work.planes > 1
            && (planeBytes * SlabSize(work.planes, p.Step.Z, p.Window.Z)) + (outputBytes * work.planes) > SlabBudget)
        {
            work.planes = Parts(work.planes, 2);
        }

        work.rows = p.Grid.Y;
        while (work.rows > 4 && work.planes == 1
            && rowBytes * SlabSize(work.rows, p.Step.Y, p.Window.Y) * p.Window.Z > SlabBudget)
        {
            work.rows = Parts(work.rows, 2);
        }

        work.zParts = Parts(p.Grid.Z, work.planes);
        work.yParts = Parts(p.Grid.Y, work.rows);
        var wanted = threads == 1 ? 1 : 8 * threads;
        work.qParts = Math.Clamp(Parts(wanted, p.N * work.zParts * work.yParts * work.xParts), 1, blocks);
        work.blocksPerPart = Parts(blocks, work.qParts);
        work.qParts = Parts(blocks, work.blocksPerPart);
        while (work.Chunks < wanted && work.rows > 1)
        {
            work.rows = Parts(work.rows, 2);
            work.yParts = Parts(p.Grid.Y, work.rows);
        }

        work.slabLength = work.inPlace
            ? 0
            : ((long)SlabSize(work.columns, p.Step.X, p.Window.X) * p.CTotal * SlabSize(work.rows, p.Step.Y, p.Window.Y)
                * SlabSize(work.planes, p.Step.Z, p.Window.Z)) + (8L * p.Step.X * p.CTotal) + 64;
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => slabs = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        var q = chunk % qParts;
        chunk /= qParts;
        int x0 = chunk % xParts * columns, y0 = chunk / xParts % yParts * rows, z0 = chunk / xParts / yParts % zParts * planes;
        var n = chunk / xParts / yParts / zParts;
        int x1 = Math.Min(x0 + columns, p.Grid.X), y1 = Math.Min(y0 + rows, p.Grid.Y), z1 = Math.Min(z0 + planes, p.Grid.Z);
        var total = p.CTotal;
        int inZ = (z0 * p.Step.Z) + p.First.Z, inY = (y0 * p.Step.Y) + p.First.Y, inX = (x0 * p.Step.X) + p.First.X;
        float* corner;
        nint rowPitch, planePitch;
        if (inPlace)
        {
            rowPitch = (nint)p.Input.X * total;
            planePitch = rowPitch * p.Input.Y;
            corner = p.X + (((long)n * p.Input.Z * planePitch) + (inZ * planePitch) + (inY * rowPitch) + ((nint)inX * total));
        }
        else
        {
            int slabColumns = SlabSize(x1 - x0, p.Step.X, p.Window.X), slabRows = SlabSize(y1 - y0, p.Step.Y, p.Window.Y);
            corner = slabs + (worker * slabLength);
            rowPitch = (nint)slabColumns * total;
            planePitch = rowPitch * slabRows;
            PaddedSlab<TLanes, TVector>.Fill(
                p, n, inZ, inY, inX, SlabSize(z1 - z0, p.Step.Z, p.Window.Z), slabRows, slabColumns, corner);
        }

        var lastBlock = Math.Min((q + 1) * blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout));
        for (var block = q * blocksPerPart; block < lastBlock; block++)
        {
            for (var z = z0; z < z1; z++)
            {
                var plane = corner + ((z - z0) * p.Step.Z * planePitch);
                Plane(n, z, y0, y1, x0, x1, plane, planePitch, rowPitch, block);
            }
        }
    }

    private static int Parts(int length, int part) => (length + part - 1) / part;

    private static int SlabSize(int grid, int step, int window) => window == 0 ? 0 : ((grid - 1) * step) + window;

    /// <summary>One plane of the chunk for one block of output channels: collects groups of voxels, three to a tile.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Plane(
        int n, int z, int y0, int y1, int x0, int x1, float* plane, nint planePitch, nint rowPitch, int block)
    {
        var total = p.CTotal;
        var size = ForwardTile<TLanes, TVector>.GroupSize;

        // Taps on planes outside the input read only zeros and are left out.
        var zFirst = (z * p.Step.Z) + p.First.Z;
        int tapLow = Math.Clamp(-zFirst, 0, p.Window.Z), tapHigh = Math.Clamp(p.Input.Z - zFirst, tapLow, p.Window.Z);
        var taps = new Taps
        {
            Planes = tapHigh - tapLow,
            Rows = p.Window.Y,
            Run = p.Window.X * total,
            PlanePitch = planePitch,
            RowPitch = rowPitch,
            VoxelPitch = (nint)p.Step.X * total,
        };
        var perPlane = (long)p.Window.Y * p.Window.X * total * PackWeightsWork<TLanes, TVector>.Block;
        var w = packed + (((long)block * p.Window.Z) + tapLow) * perPlane;
        plane += tapLow * planePitch;
        var raw = stackalloc float[(12 * 32) + 16];
        var tile = (float*)(((nint)raw + 63) & ~(nint)63);
        var sources = stackalloc float*[3];
        var targets = stackalloc float*[3];
        var skips = stackalloc int[3];
        var ends = stackalloc int[3];
        var found = 0;
        var fetches = inPlace && block % blocksPerPart == 0; // for the first of the blocks, which all read the same voxels
        for (var y = y0; y < y1; y++)
        {
            var outRow = ((((((long)n * p.Output.Z) + (z * p.OutputStep.Z) + p.OutputFirst.Z) * p.Output.Y)
                + (y * p.OutputStep.Y) + p.OutputFirst.Y) * p.Output.X) + p.OutputFirst.X;
            for (var x = x0; x < x1; x += size)
            {
                // The last group of a row is moved back so that it ends with the row; the voxels computed twice are not stored
                // again.
                var start = Math.Max(Math.Min(x, x1 - size), x0);
                if (inPlace && x1 - x0 < size)
                {
                    start = Math.Min(x, p.Grid.X - size);
                }

                sources[found] = plane + ((y - y0) * p.Step.Y * rowPitch) + ((nint)(start - x0) * p.Step.X * total);
                targets[found] = p.Y + ((outRow + ((long)start * p.OutputStep.X)) * p.Cout)
                    + (block * PackWeightsWork<TLanes, TVector>.Block);
                skips[found] = x - start;
                ends[found] = Math.Min(size, x1 - start);
                if (fetches && y + 1 < y1)
                {
                    FetchBelow(taps, sources[found]);
                }

                if (++found == 3)
                {
                    ForwardTile<TLanes, TVector>.Run(taps, sources[0], sources[1], sources[2], w, tile);
                    Put(tile, targets, skips, ends, found, block);
                    found = 0;
                }
            }
        }

        if (found > 0)
        {
            ForwardTile<TLanes, TVector>.Run(taps, sources[0], sources[found > 1 ? 1 : 0], sources[0], w, tile);
            Put(tile, targets, skips, ends, found, block);
        }
    }

    /// <summary>
    /// Prefetches what the group one row below will read: the tiles' arithmetic hides it, and groups further on along x were
    /// fetched a row before. Read in place, the voxels come from beyond the core's caches.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void FetchBelow(in Taps taps, float* source)
    {
        source += p.Step.Y * taps.RowPitch;
        var length = (int)((ForwardTile<TLanes, TVector>.GroupSize - 1) * taps.VoxelPitch) + taps.Run;
        for (var tapZ = 0; tapZ < taps.Planes; tapZ++)
        {
            for (var tapY = 0; tapY < taps.Rows; tapY++)
            {
                CacheHint.Fetch(source + (tapZ * taps.PlanePitch) + (tapY * taps.RowPitch), length);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Put(float* tile, float** targets, int* skips, int* ends, int groups, int block)
    {
        var lanes = TLanes.Count;
        var width = PackWeightsWork<TLanes, TVector>.Block;
        var size = ForwardTile<TLanes, TVector>.GroupSize;
        var channels = Math.Min(width, p.Cout - (block * width));
        TVector bias0 = TLanes.Zero, bias1 = TLanes.Zero;
        if (bias is not null)
        {
            bias0 = TLanes.Load(bias + (block * width));
            bias1 = TLanes.Load(bias + (block * width) + lanes);
        }

        for (var g = 0; g < groups; g++)
        {
            for (var j = skips[g]; j < ends[g]; j++)
            {
                var source = tile + (((g * size) + j) * width);
                var target = targets[g] + ((long)j * p.OutputStep.X * p.Cout);
                TVector a = TLanes.Add(TLanes.Load(source), bias0), b = TLanes.Add(TLanes.Load(source + lanes), bias1);
                if (accumulate)
                {
                    a = TLanes.Add(a, TLanes.Load(target));
                    b = TLanes.Add(b, TLanes.Load(target + lanes));
                }

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
