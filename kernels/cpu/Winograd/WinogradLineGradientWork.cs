using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Weight gradient by Winograd F(3, 4) along one axis, direct sums along the others: for few voxels and many channels, as
/// <see cref="WinogradLineWork{TLanes, TVector}"/> is for the forward pass.
/// <para>Lines of six inputs and of four output gradients along the axis become six points each, once. For a tap of the two other
/// axes the lines whose tap lies inside the input form a box, which needs no copy. A tile of Height input × 2·lanes output
/// channels takes tap by tap and point by point; then its points become taps and are written. A chunk is (input channel tiles,
/// output channel blocks).</para>
/// </summary>
internal unsafe struct WinogradLineGradientWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int Reach = 4;
    private const int Points = Reach + 2;

    /// <summary>Bytes of transformed inputs and gradients up to which the variant is used.</summary>
    private const double Budget = 8 << 20;

    private TapProblem p;
    private float* g;
    private float* dw;
    private bool accumulate;
    private int axis;
    private int first;
    private int second;
    private int secondTaps;
    private nint axisPitch;
    private nint firstPitch;
    private nint secondPitch;
    private int tiles;
    private int rows;
    private int inputLines;
    private int gradientLines;
    private int runParts;
    private int runsPerPart;
    private int blockParts;
    private int blocksPerPart;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => runParts * blockParts;

    /// <summary>Floats of scratch memory per worker: transformed inputs and gradients, and the sums of a tile.</summary>
    public readonly long ScratchPerWorker => (Points * (InputPitch + GradientPitch)) + (CrossTaps * Points * TileLength) + 64;

    private static int Width => PackWeightsWork<TLanes, TVector>.Block;

    private static int TileLength => GradientTile<TLanes, TVector>.Height * Width;

    private readonly int Runs => Up(p.C, rows);

    /// <summary>Taps of the two other axes.</summary>
    private readonly int CrossTaps => p.Window[first] * p.Window[second];

    /// <summary>Floats of one tile's input channels of all lines, with space for a whole vector at the end.</summary>
    private readonly nint PanelPitch => ((nint)inputLines * rows) + 16;

    private readonly nint InputPitch => PanelPitch * runsPerPart;

    private readonly nint BlockPitch => (nint)gradientLines * Width;

    private readonly nint GradientPitch => BlockPitch * blocksPerPart;

    /// <summary>Whether a problem has the form, and few enough voxels.</summary>
    public static bool Fits(in TapProblem p) =>
        p.Step == Extent.One && p.OutputStep == Extent.One && p.Output == p.Grid && p.C2 == 0
        && WinogradLineWork<TLanes, TVector>.BestAxis(p) is var axis and >= 0
        && sizeof(float) * (double)Points * Up(p.Grid[axis], Reach) * p.N
            * (((double)p.Input.Voxels / p.Input[axis] * p.C) + ((double)p.Grid.Voxels / p.Grid[axis] * p.Cout)) <= Budget;

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static WinogradLineGradientWork<TLanes, TVector> Plan(
        in TapProblem problem, float* g, bool accumulate, float* dw, int threads)
    {
        var blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout);
        var work = new WinogradLineGradientWork<TLanes, TVector>
        {
            p = problem,
            g = g,
            dw = dw,
            accumulate = accumulate,
            axis = WinogradLineWork<TLanes, TVector>.BestAxis(problem),
        };

        work.first = work.axis == 0 ? 1 : 0;
        work.second = work.axis == 2 ? 1 : 2;
        work.secondTaps = problem.Window[work.second];
        (work.axisPitch, work.firstPitch, work.secondPitch) =
            (work.TapPitch(work.axis), work.TapPitch(work.first), work.TapPitch(work.second));
        work.rows = GradientTile<TLanes, TVector>.RowsFor(problem.C);
        work.tiles = Up(problem.Grid[work.axis], Reach);
        work.inputLines = problem.N * problem.Input[work.first] * problem.Input[work.second] * work.tiles;
        work.gradientLines = problem.N * problem.Grid[work.first] * problem.Grid[work.second] * work.tiles;

        // One part per thread: each transforms its channels again, and all take equally long.
        (work.blockParts, work.blocksPerPart) = Cut(blocks, threads);
        (work.runParts, work.runsPerPart) = Cut(work.Runs, Up(threads, work.blockParts));
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void IChunkedWork.Run(int chunk, int worker)
    {
        int firstBlock = chunk % blockParts * blocksPerPart, firstRun = chunk / blockParts * runsPerPart;
        var lastBlock = Math.Min(firstBlock + blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout));
        var lastRun = Math.Min(firstRun + runsPerPart, Runs);
        var inputs = scratch + (worker * ScratchPerWorker);
        float* gradients = inputs + (Points * InputPitch), sums = gradients + (Points * GradientPitch);
        TransformInputs(firstRun, lastRun, inputs);
        TransformGradients(firstBlock, lastBlock, gradients);
        for (var block = firstBlock; block < lastBlock; block++)
        {
            for (var run = firstRun; run < lastRun; run++)
            {
                Multiply(
                    inputs + ((run - firstRun) * PanelPitch), gradients + ((block - firstBlock) * BlockPitch), sums, run, block);
                Finish(sums, run, block);
            }
        }
    }

    /// <summary>Voxels from one to the next along the axis.</summary>
    private readonly nint AxisStep(in Extent size) => axis switch { 0 => (nint)size.Y * size.X, 1 => size.X, _ => 1 };

    /// <summary>
    /// Six inputs along the axis, zeros outside, to six points, in panels of a tile's channels. Whole vectors are stored; what
    /// they write beyond a panel's entry is the next line's, which comes later, or the space behind the panel.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void TransformInputs(int firstRun, int lastRun, float* inputs)
    {
        var lanes = TLanes.Count;
        nint step = AxisStep(p.Input), pitch = InputPitch, panel = PanelPitch;
        var zeros = stackalloc float[lanes];
        TLanes.Store(zeros, TLanes.Zero);
        var sources = stackalloc float*[Points];
        var strides = stackalloc int[Points];
        for (var line = 0; line < inputLines; line++)
        {
            var voxel = Corner(line, p.Input, p.First[axis], out var from);
            for (var i = 0; i < Points; i++)
            {
                var inside = (uint)(from + i) < (uint)p.Input[axis];
                sources[i] = inside ? p.X + ((voxel + (i * step)) * p.C) : zeros;
                strides[i] = inside ? 1 : 0;
            }

            for (var run = firstRun; run < lastRun; run++)
            {
                var target = inputs + ((run - firstRun) * panel) + ((nint)line * rows);
                for (var i = 0; i < rows; i += lanes)
                {
                    var c = (run * rows) + i;
                    WinogradTransforms<TLanes, TVector>.WideData(
                        TLanes.Load(sources[0] + (c * strides[0])), TLanes.Load(sources[1] + (c * strides[1])),
                        TLanes.Load(sources[2] + (c * strides[2])), TLanes.Load(sources[3] + (c * strides[3])),
                        TLanes.Load(sources[4] + (c * strides[4])), TLanes.Load(sources[5] + (c * strides[5])),
                        target + i, pitch);
                }
            }
        }
    }

    /// <summary>
    /// Four output gradients along the axis, zeros behind its end, to six points, in panels of a block's channels.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void TransformGradients(int firstBlock, int lastBlock, float* gradients)
    {
        nint step = AxisStep(p.Grid), pitch = GradientPitch;
        var zeros = stackalloc float[TLanes.Count];
        TLanes.Store(zeros, TLanes.Zero);
        var sources = stackalloc float*[Reach];
        var strides = stackalloc int[Reach];
        for (var line = 0; line < gradientLines; line++)
        {
            var voxel = Corner(line, p.Grid, 0, out var from);
            for (var i = 0; i < Reach; i++)
            {
                var inside = from + i < p.Grid[axis];
                sources[i] = inside ? g + ((voxel + (i * step)) * p.Cout) : zeros;
                strides[i] = inside ? 1 : 0;
            }

            for (var block = firstBlock; block < lastBlock; block++)
            {
                var target = gradients + ((block - firstBlock) * BlockPitch) + ((nint)line * Width);
                for (var i = 0; i < Width; i += TLanes.Count)
                {
                    var q = (block * Width) + i;
                    WinogradTransforms<TLanes, TVector>.WideFourTaps(
                        TLanes.Load(sources[0] + (q * strides[0])), TLanes.Load(sources[1] + (q * strides[1])),
                        TLanes.Load(sources[2] + (q * strides[2])), TLanes.Load(sources[3] + (q * strides[3])),
                        target + i, pitch);
                }
            }
        }
    }

    /// <summary>
    /// First voxel of a line, counted over all samples (outside the grid, if <paramref name="offset"/> is negative), and its
    /// position along the axis. Lines are counted in the order sample, first axis, second axis, tile.
    /// </summary>
    private readonly long Corner(int line, in Extent size, int offset, out int from)
    {
        from = (line % tiles * Reach) + offset;
        int column = line / tiles, columns = size[second], lines = size[first];
        var at = default(Extent).With(first, column / columns % lines).With(second, column % columns);
        var n = column / columns / lines;
        return (((((((long)n * size.Z) + at.Z) * size.Y) + at.Y) * size.X) + at.X) + (from * AxisStep(size));
    }

    /// <summary>The products of a tile, summed by tap of the two other axes and point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* inputs, float* gradients, float* sums, int run, int block)
    {
        int input = run * rows, output = block * Width;
        int taps = CrossTaps, tileLength = TileLength;
        nint inputPitch = InputPitch, gradientPitch = GradientPitch;
        nint column = (nint)tiles * rows, gradientColumn = (nint)tiles * Width;
        var box = new VoxelBox { Planes = p.N, XVoxelPitch = rows, GVoxelPitch = Width };
        box.XRowPitch = p.Input[second] * column;
        box.XPlanePitch = box.XRowPitch * p.Input[first];
        box.GRowPitch = p.Grid[second] * gradientColumn;
        box.GPlanePitch = box.GRowPitch * p.Grid[first];
        for (var tap = 0; tap < taps; tap++, sums += Points * tileLength)
        {
            // Not Span.Clear: loads cannot be forwarded from the string instruction's stores.
            for (var i = 0; i < Points * tileLength; i += TLanes.Count)
            {
                TLanes.Store(sums + i, TLanes.Zero);
            }

            int dFirst = tap / secondTaps, dSecond = tap % secondTaps;
            var (low, high) = p.GridInside(first, dFirst);
            var (left, right) = p.GridInside(second, dSecond);
            if (low >= high || left >= right)
            {
                continue;
            }

            box.Rows = high - low;
            box.Columns = (right - left) * tiles;
            var x = inputs + ((low + p.First[first] + dFirst) * box.XRowPitch) + ((left + p.First[second] + dSecond) * column);
            var y = gradients + (low * box.GRowPitch) + (left * gradientColumn);
            for (var point = 0; point < Points; point++)
            {
                if (point < 3)
                {
                    Fetch(Target(tap, point, input) + output, Math.Min(rows, p.C - input), Math.Min(Width, p.Cout - output));
                }

                GradientTile<TLanes, TVector>.Run(
                    box, x + (point * inputPitch), y + (point * gradientPitch), sums + (point * tileLength), rows);
            }
        }
    }

    /// <summary>
    /// Prefetches the weights to be written, which have not been touched for a while: the products hide the latency.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Fetch(float* target, int inputs, int channels)
    {
        for (var i = 0; i < inputs; i++, target += p.Cout)
        {
            CacheHint.Fetch(target, channels);
        }
    }

    /// <summary>The weights of one input channel at a tap of the two other axes and of the axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly float* Target(int tap, int d, int input)
    {
        var (row, column) = Math.DivRem(tap, secondTaps);
        return dw + (row * firstPitch) + (column * secondPitch) + (d * axisPitch) + ((nint)input * p.Cout);
    }

    /// <summary>Floats of the weights from one tap to the next along an axis.</summary>
    private readonly nint TapPitch(int along) =>
        (nint)p.C * p.Cout * (along switch { 0 => p.Window.Y * p.Window.X, 1 => p.Window.X, _ => 1 });

    /// <summary>A tile's points to taps, which are written or added. Sums behind the last channels are dropped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Finish(float* sums, int run, int block)
    {
        int lanes = TLanes.Count, channels = Math.Min(Width, p.Cout - (block * Width)), input = run * rows;
        int inputs = Math.Min(rows, p.C - input), tileLength = TileLength, crossTaps = CrossTaps;
        var taps = stackalloc float[3 * lanes];
        for (var tap = 0; tap < crossTaps; tap++)
        {
            float* t0 = Target(tap, 0, input), t1 = Target(tap, 1, input), t2 = Target(tap, 2, input);
            for (var i = 0; i < inputs; i++)
            {
                var at = ((nint)i * p.Cout) + (block * Width);
                for (var q = 0; q < channels; q += lanes)
                {
                    WinogradTransforms<TLanes, TVector>.WideThreeOutputs(
                        sums + (tap * Points * tileLength) + (i * Width) + q, tileLength, taps, lanes);
                    var count = Math.Min(lanes, channels - q);
                    Put(t0 + at + q, TLanes.Load(taps), count);
                    Put(t1 + at + q, TLanes.Load(taps + lanes), count);
                    Put(t2 + at + q, TLanes.Load(taps + (2 * lanes)), count);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Put(float* target, TVector value, int count) => PartVector<TLanes, TVector>.Store(
        accumulate ? TLanes.Add(value, TLanes.Load(target)) : value, target, count);
}
