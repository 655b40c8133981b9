using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Convolution;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;
using static SharpSeg.Kernels.Cpu.Threading.WorkParts;

namespace SharpSeg.Kernels.Cpu.Winograd;

/// <summary>
/// Winograd F(4, 3) along one axis, direct sums along the others: for few voxels and many channels, where the weights transformed
/// along all axes (17 MB at 256→256) would have to go through memory. Along one axis they only double, block by block and beside
/// the core, and taps outside the input are still left out.
/// <para>For every tap of the two other axes: the lines of six values along the axis whose tap lies inside the input are
/// transformed and stored side by side, point by point; then each block's weights are packed and transformed, and the products
/// accumulated per point. At the end the points become outputs. A chunk is (output columns, output channel blocks).</para>
/// </summary>
internal unsafe struct WinogradLineWork<TLanes, TVector> : IScratchWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private const int Reach = 4;
    private const int Points = Reach + 2;

    /// <summary>Bytes of transformed inputs and of sums up to which the variant is used.</summary>
    private const long Budget = 8 << 20;

    private TapProblem p;
    private PackWeightsWork<TLanes, TVector> weights;
    private float* bias;
    private bool accumulate;
    private int axis;
    private int columnParts;
    private int blockParts;
    private int blocksPerPart;
    private float* scratch;

    /// <summary>Number of chunks.</summary>
    public readonly int Chunks => columnParts * blockParts;

    /// <summary>
    /// Floats of scratch memory per worker: transformed inputs, sums, a block's weights before and after, and an integer a line.
    /// </summary>
    public readonly long ScratchPerWorker =>
        (Points * (InputPitch + SumPitch)) + ((3 + Points) * weights.MatrixLength) + (ColumnsPerPart * Tiles) + 64;

    private static int Width => PackWeightsWork<TLanes, TVector>.Block;

    /// <summary>Voxels of a tile.</summary>
    private static int TileVoxels => 3 * ForwardTile<TLanes, TVector>.GroupSize;

    /// <summary>
    /// Floats from one line to the next: one cache line more than the channels take, as lines 1 KiB apart share sets.
    /// </summary>
    private readonly nint RowPitch => p.CTotal + 16;

    /// <summary>Columns of outputs (sample and position on the two other axes) that a chunk computes at most.</summary>
    private readonly int ColumnsPerPart => Up(Columns, columnParts);

    private readonly int Columns => p.N * p.Grid[First] * p.Grid[Second];

    private readonly int Tiles => Up(p.Grid[axis], Reach);

    /// <summary>The first of the two other axes.</summary>
    private readonly int First => axis == 0 ? 1 : 0;

    /// <summary>The second of the two other axes.</summary>
    private readonly int Second => axis == 2 ? 1 : 2;

    private readonly nint InputPitch => RowPitch * (Up(ColumnsPerPart * Tiles, TileVoxels) * TileVoxels);

    private readonly nint SumPitch => (nint)ColumnsPerPart * Tiles * blocksPerPart * Width;

    /// <summary>Whether a problem has the form, and few enough voxels.</summary>
    public static bool Fits(in TapProblem p) =>
        p.Step == Extent.One && p.OutputStep == Extent.One && p.OutputFirst == default && p.Output == p.Grid && p.Y2 is null
        && BestAxis(p) is var axis and >= 0
        && sizeof(float) * (double)Points * p.N * p.Grid.Voxels / p.Grid[axis] * Up(p.Grid[axis], Reach) * (p.CTotal + p.Cout)
            <= Budget;

    /// <summary>The axis of three taps with the fewest products; −1 if there is none.</summary>
    public static int BestAxis(in TapProblem p)
    {
        var best = -1;
        for (var axis = 2; axis >= 0; axis--)
        {
            if (p.Window[axis] == 3 && (best < 0 || Products(p, axis) < Products(p, best)))
            {
                best = axis;
            }
        }

        return best;
    }

    /// <summary>Multiply-adds per pair of channels, over all voxels and points.</summary>
    public static long Products(in TapProblem p) => Products(p, BestAxis(p));

    /// <summary>Chooses how the work is cut into chunks; depends only on sizes and the thread count.</summary>
    public static WinogradLineWork<TLanes, TVector> Plan(
        in TapProblem problem, in PackWeightsWork<TLanes, TVector> weights, float* bias, bool accumulate, int threads)
    {
        var blocks = PackWeightsWork<TLanes, TVector>.Blocks(problem.Cout);
        var work = new WinogradLineWork<TLanes, TVector>
        {
            p = problem,
            weights = weights,
            bias = bias,
            accumulate = accumulate,
            axis = BestAxis(problem),
        };

        // One part per thread: each transforms the inputs again, and all take equally long.
        (work.blockParts, work.blocksPerPart) = Cut(blocks, threads);
        work.columnParts = Cut(work.Columns, Up(threads, work.blockParts)).Parts;
        return work;
    }

    /// <summary>Sets the scratch memory: <see cref="ScratchPerWorker"/> floats for each worker.</summary>
    public void UseScratch(float* memory) => scratch = memory;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    readonly void IChunkedWork.Run(int chunk, int worker)
    {
        int firstBlock = chunk % blockParts * blocksPerPart, firstColumn = chunk / blockParts * ColumnsPerPart;
        var lastBlock = Math.Min(firstBlock + blocksPerPart, PackWeightsWork<TLanes, TVector>.Blocks(p.Cout));
        var lastColumn = Math.Min(firstColumn + ColumnsPerPart, Columns);
        var inputs = scratch + (worker * ScratchPerWorker);
        float* sums = inputs + (Points * InputPitch), matrices = sums + (Points * SumPitch);
        new Span<float>(sums, checked((int)(Points * SumPitch))).Clear();
        var lines = (int*)(matrices + ((3 + Points) * weights.MatrixLength));
        for (var d = 0; d < p.Window[First] * p.Window[Second]; d++)
        {
            int dFirst = d / p.Window[Second], dSecond = d % p.Window[Second];
            var found = Transform(dFirst, dSecond, firstColumn, lastColumn, inputs, lines);
            for (var block = firstBlock; block < lastBlock && found > 0; block++)
            {
                TransformWeights(dFirst, dSecond, block, matrices);
                for (var point = 0; point < Points; point++)
                {
                    Multiply(
                        inputs + (point * InputPitch), matrices + ((3 + point) * weights.MatrixLength), lines, found,
                        sums + (point * SumPitch) + ((block - firstBlock) * Width));
                }
            }
        }

        for (var block = firstBlock; block < lastBlock; block++)
        {
            Finish(firstColumn, lastColumn, sums + ((block - firstBlock) * Width), block, matrices);
        }
    }

    private static long Products(in TapProblem p, int axis)
    {
        long products = (long)p.N * Up(p.Grid[axis], Reach) * Points;
        for (var other = 0; other < 3; other++)
        {
            products *= other == axis ? 1 : p.PairsAlong(other);
        }

        return products;
    }

    /// <summary>
    /// Transforms the lines that a tap of the two other axes reads, and notes which tile (column · Tiles + tile) each belongs to.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly int Transform(int dFirst, int dSecond, int firstColumn, int lastColumn, float* inputs, int* lines)
    {
        var found = 0;
        for (var column = firstColumn; column < lastColumn; column++)
        {
            int second = column % p.Grid[Second], first = column / p.Grid[Second] % p.Grid[First];
            var n = column / p.Grid[Second] / p.Grid[First];
            int inFirst = first + p.First[First] + dFirst, inSecond = second + p.First[Second] + dSecond;
            if ((uint)inFirst >= (uint)p.Input[First] || (uint)inSecond >= (uint)p.Input[Second])
            {
                continue;
            }

            var at = default(Extent).With(First, inFirst).With(Second, inSecond);
            var voxel = p.InputVoxel(n, at.Z, at.Y, at.X);
            for (var tile = 0; tile < Tiles; tile++)
            {
                var from = (tile * Reach) + p.First[axis];
                var target = inputs + (found * RowPitch);
                Line(p.X, p.C, voxel, from, target);
                if (p.C2 > 0)
                {
                    Line(p.X2, p.C2, voxel, from, target + p.C);
                }

                lines[found++] = ((column - firstColumn) * Tiles) + tile;
            }
        }

        return found;
    }

    /// <summary>
    /// Six values along the axis, zeros outside the input, to six points. Whole vectors are stored; what they write behind the
    /// channels is the second input's, which comes later, or the space between two lines.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Line(float* x, int channels, long voxel, int from, float* target)
    {
        var step = axis switch { 0 => p.Input.Y * p.Input.X, 1 => p.Input.X, _ => 1 };
        var zeros = stackalloc float[TLanes.Count];
        TLanes.Store(zeros, TLanes.Zero);
        var sources = stackalloc float*[Points];
        var strides = stackalloc int[Points];
        for (var i = 0; i < Points; i++)
        {
            var inside = (uint)(from + i) < (uint)p.Input[axis];
            sources[i] = inside ? x + ((voxel + ((long)(from + i) * step)) * channels) : zeros;
            strides[i] = inside ? 1 : 0;
        }

        for (var c = 0; c < channels; c += TLanes.Count)
        {
            WinogradTransforms<TLanes, TVector>.WideData(
                TLanes.Load(sources[0] + (c * strides[0])), TLanes.Load(sources[1] + (c * strides[1])),
                TLanes.Load(sources[2] + (c * strides[2])), TLanes.Load(sources[3] + (c * strides[3])),
                TLanes.Load(sources[4] + (c * strides[4])), TLanes.Load(sources[5] + (c * strides[5])), target + c, InputPitch);
        }
    }

    /// <summary>Packs the three taps along the axis and transforms them; the points follow the taps in the matrices.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void TransformWeights(int dFirst, int dSecond, int block, float* matrices)
    {
        var length = (nint)weights.MatrixLength;
        for (var d = 0; d < 3; d++)
        {
            var tap = default(Extent).With(First, dFirst).With(Second, dSecond).With(axis, d);
            var number = (((tap.Z * p.Window.Y) + tap.Y) * p.Window.X) + tap.X;
            weights.Pack((block * (int)p.Window.Voxels) + number, matrices + (d * length));
        }

        for (nint i = 0; i < length; i += TLanes.Count)
        {
            var source = matrices + i;
            WinogradTransforms<TLanes, TVector>.WideThreeTaps(
                TLanes.Load(source), TLanes.Load(source + length), TLanes.Load(source + (2 * length)), source + (3 * length),
                length);
        }
    }

    /// <summary>Adds one point's products. Whatever follows the last line is multiplied too, but not stored.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply(float* inputs, float* matrix, int* lines, int found, float* sums)
    {
        var size = ForwardTile<TLanes, TVector>.GroupSize;
        var taps = new Taps { Planes = 1, Rows = 1, Run = p.CTotal, VoxelPitch = RowPitch };
        var pitch = blocksPerPart * Width;
        var raw = stackalloc float[(12 * 32) + 16];
        var tile = (float*)(((nint)raw + 63) & ~(nint)63);
        for (var first = 0; first < found; first += TileVoxels)
        {
            var corner = inputs + (first * RowPitch);
            ForwardTile<TLanes, TVector>.Run(
                taps, corner, corner + (size * RowPitch), corner + (2 * size * RowPitch), matrix, tile);
            var count = Math.Min(TileVoxels, found - first);
            for (var i = 0; i < count; i++)
            {
                float* source = tile + (i * Width), target = sums + ((nint)lines[first + i] * pitch);
                TLanes.Store(target, TLanes.Add(TLanes.Load(source), TLanes.Load(target)));
                TLanes.Store(
                    target + TLanes.Count, TLanes.Add(TLanes.Load(source + TLanes.Count), TLanes.Load(target + TLanes.Count)));
            }
        }
    }

    /// <summary>One block's points to outputs, with bias, added to the existing values if the result accumulates.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Finish(int firstColumn, int lastColumn, float* sums, int block, float* buffer)
    {
        int pitch = blocksPerPart * Width, channels = Math.Min(Width, p.Cout - (block * Width));
        var step = (axis switch { 0 => p.Output.Y * p.Output.X, 1 => p.Output.X, _ => 1 }) * (nint)p.Cout;
        for (var line = 0; line < (lastColumn - firstColumn) * Tiles; line++, sums += pitch)
        {
            int column = firstColumn + (line / Tiles), from = line % Tiles * Reach;
            int second = column % p.Grid[Second], first = column / p.Grid[Second] % p.Grid[First];
            var n = column / p.Grid[Second] / p.Grid[First];
            var at = default(Extent).With(First, first).With(Second, second).With(axis, from);
            var target = p.Y + ((((((((long)n * p.Output.Z) + at.Z) * p.Output.Y) + at.Y) * p.Output.X) + at.X) * p.Cout)
                + (block * Width);
            for (var q = 0; q < channels; q += TLanes.Count)
            {
                WinogradTransforms<TLanes, TVector>.WideFourOutputs(
                    sums + q, SumPitch, out var y0, out var y1, out var y2, out var y3);
                TLanes.Store(buffer, y0);
                TLanes.Store(buffer + TLanes.Count, y1);
                TLanes.Store(buffer + (2 * TLanes.Count), y2);
                TLanes.Store(buffer + (3 * TLanes.Count), y3);
                for (var j = 0; j < Math.Min(Reach, p.Grid[axis] - from); j++)
                {
                    var y = TLanes.Load(buffer + (j * TLanes.Count));
                    var output = target + (j * step) + q;
                    if (bias is not null)
                    {
                        y = TLanes.Add(y, TLanes.Load(bias + (block * Width) + q));
                    }

                    if (accumulate)
                    {
                        y = TLanes.Add(y, TLanes.Load(output));
                    }

                    TLanes.StoreFirst(output, y, Math.Min(TLanes.Count, channels - q));
                }
            }
        }
    }
}
