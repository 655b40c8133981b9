using System.Runtime.CompilerServices;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Weight gradient of a transposed convolution: for every tap, the sum over all input voxels of x · dy, where the tap of each
/// voxel is one voxel of the output. A chunk is (rows of taps along x, output channel blocks, input channel tiles); it sees all
/// voxels, in slices, and writes or adds its part of the gradient itself.
/// <para>A slice is stored in panels: a tile's input channels of all its voxels one after the other, once for all taps, and
/// 2·lanes output channels at a tap, for one row of taps, whose voxels follow one another in memory. A tile then reads two
/// streams from the first-level cache; while the tiles of a row are computed, the next row's voxels are prefetched.</para>
/// </summary>
internal unsafe struct TransposedGradientWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Most voxels of a slice: 2·lanes gradients of them are 32 KiB.</summary>
    private const int SliceVoxels = 256;

    private TransposedConvProblem p;
    private float* x;
    private float* dy;
    private float* dw;
    private bool accumulate;
    private int rows;
    private int slice;
    private int lineParts;
    private int linesPerPart;
    private int blockParts;
    private int blocksPerPart;
    private int runParts;
    private int runsPerPart;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => lineParts * blockParts * runParts;

    /// <summary>Floats of scratch memory per worker: a slice of the input, and one of a row of taps' gradients.</summary>
    public readonly long ScratchPerWorker => (runsPerPart * PanelPitch) + (p.Stride.X * TapPitch) + 64;

    private static int Width => PackWeightsWork<TLanes, TVector>.Block;

    private static int TileLength => GradientTile<TLanes, TVector>.Height * Width;

    /// <summary>Floats of a panel of inputs, with space for a whole vector at the end.</summary>
    private readonly nint PanelPitch => ((((nint)slice * rows) + 31) / 16) * 16;

    private readonly nint BlockPitch => (nint)slice * Width;

    private readonly nint TapPitch => blocksPerPart * BlockPitch;

    /// <summary>Rows of taps along x.</summary>
    private readonly int Lines => p.Stride.Z * p.Stride.Y;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static TransposedGradientWork<TLanes, TVector> Plan(
        in TransposedConvProblem problem, float* x, float* dy, bool accumulate, float* dw, int threads)
    {
        var work = new TransposedGradientWork<TLanes, TVector>
        {
            p = problem,
            x = x,
            dy = dy,
            dw = dw,
            accumulate = accumulate,
            rows = GradientTile<TLanes, TVector>.RowsFor(problem.Cin),
        };
        var voxels = problem.N * problem.Input.Voxels;
        work.slice = (int)Up(voxels, Up(voxels, SliceVoxels));
        var wanted = threads == 1 ? 1 : 4 * threads;
        (work.lineParts, work.linesPerPart) = Cut(work.Lines, wanted);
        (work.blockParts, work.blocksPerPart) = Cut(
            PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout), Up(wanted, work.lineParts));
        (work.runParts, work.runsPerPart) = Cut(
            Up(problem.Cin, work.rows), Up(wanted, work.lineParts * work.blockParts));
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int firstLine = chunk % lineParts * linesPerPart, firstBlock = chunk / lineParts % blockParts * blocksPerPart;
        var firstRun = chunk / lineParts / blockParts * runsPerPart;
        var lastLine = Math.Min(firstLine + linesPerPart, Lines);
        var blocks = Math.Min(blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout) - firstBlock);
        var runs = Math.Min(runsPerPart, Up(p.Cin, rows) - firstRun);
        var inputs = scratch + (worker * ScratchPerWorker);
        var gradients = inputs + (runsPerPart * PanelPitch);
        float** memory = stackalloc float*[2 * SliceVoxels], now = memory, next = memory + SliceVoxels;
        var voxels = p.N * p.Input.Voxels;
        FindVoxels(0, (int)Math.Min(slice, voxels), firstLine, firstBlock, now);
        for (long first = 0; first < voxels; first += slice)
        {
            var count = (int)Math.Min(slice, voxels - first);
            CopyInputs(first, count, firstRun, runs, inputs);
            for (var line = firstLine; line < lastLine; line++)
            {
                CopyGradients(now, count, blocks, gradients);
                var ahead = count;
                if (line + 1 < lastLine)
                {
                    FindVoxels(first, count, line + 1, firstBlock, next);
                }
                else
                {
                    ahead = (int)Math.Clamp(voxels - first - slice, 0, slice);
                    FindVoxels(first + slice, ahead, firstLine, firstBlock, next);
                }

                Multiply(
                    inputs, gradients, count, line, firstRun, runs, firstBlock, blocks, accumulate || first > 0, next, ahead);
                var free = now;
                now = next;
                next = free;
            }
        }
    }

    /// <summary>
    /// Cuts the voxels' channels into the panels. Whole vectors are copied; what they write beyond a panel's entry is the next
    /// voxel's, which comes later, or the space behind the panel.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void CopyInputs(long first, int count, int firstRun, int runs, float* inputs)
    {
        int height = rows, channels = p.Cin;
        var panel = PanelPitch;
        var source = x + (first * channels) + (firstRun * height);
        for (var voxel = 0; voxel < count; voxel++, source += channels, inputs += height)
        {
            for (var run = 0; run < runs; run++)
            {
                float* from = source + (run * height), to = inputs + (run * panel);
                for (var i = 0; i < height; i += TLanes.Count)
                {
                    TLanes.Store(to + i, TLanes.Load(from + i));
                }
            }
        }
    }

    /// <summary>Where the gradient at the first tap of a row of taps lies, for some input voxels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void FindVoxels(long first, int count, int line, int firstBlock, float** voxels)
    {
        int tapY = line % p.Stride.Y, tapZ = line / p.Stride.Y, columns = p.Input.X;
        var size = p.Output;
        var step = (nint)p.Stride.X * p.Cout;
        for (var done = 0; done < count;)
        {
            var row = (first + done) / columns;
            var x0 = (int)((first + done) % columns);
            int y = (int)(row % p.Input.Y), z = (int)(row / p.Input.Y % p.Input.Z);
            var n = row / p.Input.Y / p.Input.Z;
            var source = dy + ((((((n * size.Z) + (z * p.Stride.Z) + tapZ) * size.Y) + (y * p.Stride.Y) + tapY) * size.X * p.Cout)
                + (x0 * step) + (firstBlock * Width));
            for (var end = Math.Min(count, done + columns - x0); done < end; done++, source += step)
            {
                voxels[done] = source;
            }
        }
    }

    /// <summary>Copies the gradients at a row of taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void CopyGradients(float** voxels, int count, int blocks, float* gradients)
    {
        int taps = p.Stride.X, channels = p.Cout, width = Width, lanes = TLanes.Count;
        nint blockPitch = BlockPitch, tapPitch = TapPitch;
        for (var voxel = 0; voxel < count; voxel++, gradients += width)
        {
            var source = voxels[voxel];
            for (var tap = 0; tap < taps; tap++, source += channels)
            {
                float* from = source, to = gradients + (tap * tapPitch);
                for (var block = 0; block < blocks; block++, from += width, to += blockPitch)
                {
                    TLanes.Store(to, TLanes.Load(from));
                    TLanes.Store(to + lanes, TLanes.Load(from + lanes));
                }
            }
        }
    }

    /// <summary>
    /// Writes or adds a slice's products with a row of taps. Values behind the last channel are arbitrary; their sums are not
    /// written. Prefetches what comes next, each tile a part.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(
        float* inputs, float* gradients, int voxels, int line, int firstRun, int runs, int firstBlock, int blocks, bool add,
        float** next, int ahead)
    {
        int lanes = TLanes.Count, width = Width, tileLength = TileLength, height = rows, taps = p.Stride.X;
        var box = new VoxelBox { Planes = 1, Rows = 1, Columns = voxels, XVoxelPitch = height, GVoxelPitch = Width };
        nint panel = PanelPitch, blockPitch = BlockPitch, tapPitch = TapPitch;
        var raw = stackalloc float[(12 * 32) + 16];
        var sums = (float*)(((nint)raw + 63) & ~(nint)63);
        int tiles = taps * blocks * runs, perTile = (ahead + tiles - 1) / tiles, fetched = 0;
        var fetchLength = (taps - 1) * p.Cout + Math.Min(blocks * Width, p.Cout - (firstBlock * Width));
        for (var tile = 0; tile < tiles; tile++)
        {
            int run = tile % runs, block = tile / runs % blocks, tap = tile / runs / blocks;
            int output = (firstBlock + block) * width, channels = Math.Min(width, p.Cout - output);
            var input = (firstRun + run) * height;
            var corner = dw + (((((long)line * taps) + tap) * p.Cin) + input) * p.Cout + output;
            var count = Math.Min(height, p.Cin - input);
            for (var i = 0; i < count; i++)
            {
                CacheHint.Fetch(corner + ((long)i * p.Cout), channels);
            }

            for (var end = Math.Min(fetched + perTile, ahead); fetched < end; fetched++)
            {
                CacheHint.Fetch(next[fetched], fetchLength);
            }

            // Not Span.Clear: loads cannot be forwarded from the string instruction's stores.
            for (var i = 0; i < tileLength; i += lanes)
            {
                TLanes.Store(sums + i, TLanes.Zero);
            }

            GradientTile<TLanes, TVector>.Run(
                box, inputs + (run * panel), gradients + (tap * tapPitch) + (block * blockPitch), sums, height);
            for (var i = 0; i < count; i++)
            {
                Put(sums + (i * width), corner + ((long)i * p.Cout), channels, add);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* sums, float* target, int channels, bool add)
    {
        TVector a = TLanes.Load(sums), b = TLanes.Load(sums + TLanes.Count);
        if (add)
        {
            a = TLanes.Add(a, TLanes.Load(target));
            b = TLanes.Add(b, TLanes.Load(target + TLanes.Count));
        }

        if (channels == Width)
        {
            TLanes.Store(target, a);
            TLanes.Store(target + TLanes.Count, b);
        }
        else
        {
            TLanes.StoreFirst(target, a, Math.Min(channels, TLanes.Count));
            TLanes.StoreFirst(target + TLanes.Count, b, Math.Clamp(channels - TLanes.Count, 0, TLanes.Count));
        }
    }
}
