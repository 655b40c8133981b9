using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// Weight gradient of a <see cref="TapProblem"/> over gathered voxels, for few voxels and many channels: for one tap, the voxels
/// whose tap lies inside the input are copied side by side (and their output gradients likewise), and their products summed. A
/// chunk is (tap, output channel blocks); it sees all voxels, in slices that fit the second-level cache, and writes or adds its
/// part of the gradient itself.
/// <para>A slice is stored in panels: Height input channels of all its voxels one after the other, and 2·lanes channels of their
/// gradients, so that a tile reads two streams from the first-level cache.</para>
/// </summary>
internal unsafe struct GatherGradientWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Voxels gathered at a time: 2·lanes gradients of them are 32 KiB.</summary>
    private const int SliceVoxels = 256;

    private TapProblem p;
    private float* g;
    private float* dw;
    private bool accumulate;
    private int blockParts;
    private int blocksPerPart;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => (int)p.Window.Voxels * blockParts;

    /// <summary>Floats of scratch memory per worker: a slice of the input and of the gradient, and one voxel.</summary>
    public readonly long ScratchPerWorker =>
        ((long)RunBlocks * InputPanel) + ((long)blocksPerPart * SliceVoxels * Width) + (RunBlocks * Height) + 64;

    /// <summary>Floats of a panel of inputs, with space for a whole vector at the end.</summary>
    private static nint InputPanel => (SliceVoxels * Height) + 16;

    private static int Width => PackWeightsWork<TLanes, TVector>.Block;

    private static int Height => GradientTile<TLanes, TVector>.Height;

    private readonly int RunBlocks => (p.CTotal + Height - 1) / Height;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static GatherGradientWork<TLanes, TVector> Plan(
        in TapProblem problem, float* g, bool accumulate, float* dw, int threads)
    {
        int blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout), taps = (int)problem.Window.Voxels;
        var wanted = threads == 1 ? 1 : 8 * threads;
        var work = new GatherGradientWork<TLanes, TVector> { p = problem, g = g, dw = dw, accumulate = accumulate };
        work.blockParts = Math.Clamp((wanted + taps - 1) / taps, 1, blocks);
        work.blocksPerPart = (blocks + work.blockParts - 1) / work.blockParts;
        work.blockParts = (blocks + work.blocksPerPart - 1) / work.blocksPerPart;
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int chunk, int worker)
    {
        int tap = chunk / blockParts, firstBlock = chunk % blockParts * blocksPerPart;
        var blocks = Math.Min(blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout) - firstBlock);
        var inputs = scratch + (worker * ScratchPerWorker);
        var gradients = inputs + (RunBlocks * InputPanel);
        var both = gradients + ((nint)blocksPerPart * SliceVoxels * Width);
        var at = p.TapAt(tap);
        var (z0, z1) = p.GridInside(0, at.Z);
        var (y0, y1) = p.GridInside(1, at.Y);
        var (x0, x1) = p.GridInside(2, at.X);
        var add = accumulate;
        var found = 0;
        for (var n = 0; n < p.N; n++)
        {
            for (var z = z0; z < z1; z++)
            {
                for (var y = y0; y < y1; y++)
                {
                    var gradient = g
                        + (((((((long)n * p.Grid.Z) + z) * p.Grid.Y) + y) * p.Grid.X) * p.Cout) + (firstBlock * Width);
                    var line = p.InputVoxel(
                        n, (z * p.Step.Z) + p.First.Z + at.Z, (y * p.Step.Y) + p.First.Y + at.Y, p.First.X + at.X);
                    for (var x = x0; x < x1; x++)
                    {
                        ToPanels(line + (x * p.Step.X), both, inputs + (found * Height));
                        for (var block = 0; block < blocks; block++)
                        {
                            var target = gradients + ((((long)block * SliceVoxels) + found) * Width);
                            var count = Math.Min(Width, p.Cout - ((firstBlock + block) * Width));
                            PaddedSlab<TLanes, TVector>.CopyRun(gradient + ((long)x * p.Cout) + (block * Width), target, count);
                        }

                        if (++found == SliceVoxels)
                        {
                            Multiply(inputs, gradients, found, tap, firstBlock, blocks, add);
                            found = 0;
                            add = true;
                        }
                    }
                }
            }
        }

        if (found > 0 || !add)
        {
            Multiply(inputs, gradients, found, tap, firstBlock, blocks, add);
        }
    }

    /// <summary>
    /// Cuts a voxel's channels into the panels. Whole vectors are copied; what they write beyond a panel's entry is the next
    /// voxel's, which comes later, or the space behind the panel.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void ToPanels(long voxel, float* both, float* target)
    {
        var source = p.X + (voxel * p.C);
        if (p.C2 > 0)
        {
            p.CopyVoxel<TLanes, TVector>(voxel, both);
            source = both;
        }

        var whole = (p.CTotal - TLanes.Count) / Height;
        for (var run = 0; run <= whole; run++, source += Height, target += InputPanel)
        {
            for (var i = 0; i < Height; i += TLanes.Count)
            {
                TLanes.Store(target + i, TLanes.Load(source + i));
            }
        }

        for (var c = (whole + 1) * Height; c < p.CTotal; c += Height, source += Height, target += InputPanel)
        {
            PaddedSlab<TLanes, TVector>.CopyRun(source, target, Math.Min(Height, p.CTotal - c));
        }
    }

    /// <summary>
    /// Writes or adds a slice's products. Values behind the last channel are arbitrary; their sums are not written.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* inputs, float* gradients, int voxels, int tap, int firstBlock, int blocks, bool add)
    {
        var box = new VoxelBox { Planes = 1, Rows = 1, Columns = voxels, XVoxelPitch = Height, GVoxelPitch = Width };
        var sums = stackalloc float[12 * 32];
        for (var run = 0; run < RunBlocks; run++)
        {
            for (var block = 0; block < blocks; block++)
            {
                int first = (firstBlock + block) * Width, channels = Math.Min(Width, p.Cout - first);
                // The sums go to memory that has not been touched for a while: prefetch it now, and the tile's products hide the
                // latency.
                var corner = dw + ((((long)tap * p.CTotal) + (run * Height)) * p.Cout) + first;
                var rows = Math.Min(Height, p.CTotal - (run * Height));
                for (var i = 0; i < rows; i++)
                {
                    CacheHint.Fetch(corner + ((long)i * p.Cout), channels);
                }

                // Not Span.Clear: loads cannot be forwarded from the string instruction's stores, which cost a quarter of the
                // tile's time.
                for (var i = 0; i < Height * Width; i += TLanes.Count)
                {
                    TLanes.Store(sums + i, TLanes.Zero);
                }

                GradientTile<TLanes, TVector>.Run(
                    box, inputs + (run * InputPanel), gradients + ((nint)block * SliceVoxels * Width), sums, Height);
                for (var i = 0; i < rows; i++)
                {
                    var target = corner + ((long)i * p.Cout);
                    for (var q = 0; q < channels; q += TLanes.Count)
                    {
                        var sum = TLanes.Load(sums + (i * Width) + q);
                        TLanes.StoreFirst(
                            target + q, add ? TLanes.Add(sum, TLanes.Load(target + q)) : sum,
                            Math.Min(TLanes.Count, channels - q));
                    }
                }
            }
        }
    }
}
