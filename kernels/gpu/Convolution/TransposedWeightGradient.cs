using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Gradient of a transposed convolution with respect to the weights, on tensor cores:
/// <para>dw(t, c, n) = Σ_v x[v, c]·dy[v·stride + t, n].</para>
/// <para>Shapes, rows: <see cref="TransposedRows"/>. Mapping: a group computes all taps of 64 channels and 32 columns, over a
/// share of the rows; a warp has one tap. For 64 rows at a time the group reads x once and dy of all their taps, rounded; both
/// are then read transposed (ldmatrix.trans), because rows are the depth of this product. Shares write partial results, which
/// <see cref="SplitSum"/> adds in order.</para>
/// <para>Shared memory: 640 pieces of 64 bytes and what says where they lie, 41 760 bytes. Only numbers of 16 bits can be
/// transposed while they are read.</para>
/// </summary>
internal sealed class TransposedWeightGradient(KernelList list)
{
    private const int StepRows = TransposedRows.WarpRows;
    private const int BlockChannels = 64;                 // of x: two pieces of a row
    private const int PiecesOfX = 2 * StepRows, PiecesOfDy = TransposedRows.MostTaps * StepRows;
    private const int GroupsPerMultiprocessor = 2;        // 256 threads with some 128 registers each

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.TransposedWeights, Bf16, Fp16, Bf16Halves, Fp16Halves);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials,
        TransposedRows s, int perSplit);

    /// <summary>Whether there is a kernel for this precision.</summary>
    public static bool Has(GpuPrecision precision) => precision is GpuPrecision.Bf16 or GpuPrecision.Fp16;

    /// <summary>Blocks of the channels, each a group's.</summary>
    public static int ChannelBlocks(in TransposedRows s) => (s.Bricks.Channels + BlockChannels - 1) / BlockChannels;

    /// <summary>Number of partial results for these sizes.</summary>
    public int Splits(in TransposedRows s)
    {
        var blocks = (long)ChannelBlocks(s) * TransposedRows.Blocks(s.Bricks.Columns);
        var wanted = (((long)list.Multiprocessors * GroupsPerMultiprocessor) + blocks - 1) / blocks;
        var most = WeightGemm.LargestPartialsBytes / sizeof(float)
            / ((long)s.Bricks.Taps * s.Bricks.Channels * s.Bricks.Columns);
        return (int)Math.Max(1, Math.Min(Math.Min(wanted, most), Steps(s)));
    }

    /// <summary>
    /// partials[split] ← that split's share of dw. <paramref name="halves"/>: x and dy have 16 bits, in the format of the
    /// products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in TransposedRows s, ArrayView<float> x,
        ArrayView<float> dy, ArrayView<float> partials, int splits)
    {
        var config = new KernelConfig(
            new Index3D(ChannelBlocks(s), TransposedRows.Blocks(s.Bricks.Columns), splits),
            new Index3D(s.Bricks.Taps * PackedWeights.Lanes, 1, 1));
        kernels[precision - GpuPrecision.Bf16 + (halves ? 2 : 0)].Launch(
            stream, config, x, dy, partials, s, (Steps(s) + splits - 1) / splits);
    }

    private static int Steps(in TransposedRows s) => (s.Rows + StepRows - 1) / StepRows;

    [MostThreads(TransposedRows.MostTaps * PackedWeights.Lanes)]
    private static void Bf16(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s, int perSplit) =>
        Run(x, dy, partials, s, perSplit, TileWords.Bf16, halves: false);

    [MostThreads(TransposedRows.MostTaps * PackedWeights.Lanes)]
    private static void Fp16(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s, int perSplit) =>
        Run(x, dy, partials, s, perSplit, TileWords.Fp16, halves: false);

    [MostThreads(TransposedRows.MostTaps * PackedWeights.Lanes)]
    private static void Bf16Halves(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s, int perSplit) =>
        Run(x, dy, partials, s, perSplit, TileWords.Bf16, halves: true);

    [MostThreads(TransposedRows.MostTaps * PackedWeights.Lanes)]
    private static void Fp16Halves(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s, int perSplit) =>
        Run(x, dy, partials, s, perSplit, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> x, ArrayView<float> dy, ArrayView<float> partials, TransposedRows s, int perSplit, int precision,
        bool halves)
    {
        var voxels = SharedMemory.Allocate<Float4>(RowPieces.Length(PiecesOfX));
        var gradient = SharedMemory.Allocate<Float4>(RowPieces.Length(PiecesOfDy));
        var fine = SharedMemory.Allocate<int>(2 * StepRows);
        var offsets = SharedMemory.Allocate<int>(TransposedRows.MostTaps);
        if (Group.IdxX < TransposedRows.MostTaps)
        {
            offsets[Group.IdxX] = TransposedRows.TapOffset(s, Group.IdxX);
        }

        var tap = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & (PackedWeights.Lanes - 1);

        // Matrices of ldmatrix.trans, for a: 0 and 1 are eight rows by channels 0 to 7 and 8 to 15; 2 and 3 the same of the next
        // eight rows. For b: 0 and 1 are the sixteen rows by columns 0 to 7; 2 and 3 by columns 8 to 15.
        var a = SharedFragments.At(
            voxels.Cast<uint>(), RowPieces.Word(PiecesOfX, (lane >> 3) & 1, ((lane >> 4) * 8) + (lane & 7)));
        var b = SharedFragments.At(
            gradient.Cast<uint>(), RowPieces.Word(PiecesOfDy, lane >> 4, (tap * StepRows) + (lane & 15)));

        var sums = default(RowSums);
        var first = Grid.IdxZ * perSplit;
        for (var step = first; step < first + perSplit && step * StepRows < s.Rows; step++)
        {
            // Two plans, because a warp may be ahead of those that still fill the pieces.
            var plan = fine.SubView((step & 1) * StepRows, StepRows);
            for (var row = Group.IdxX; row < StepRows; row += Group.DimX)
            {
                plan[row] = TransposedRows.FineVoxel(s, (step * StepRows) + row);
            }

            Group.Barrier();                              // nobody reads the pieces before any more
            LoadX(x, voxels, plan, s, step * StepRows, precision, halves);
            LoadDy(dy, gradient, plan, offsets, s, precision, halves);
            AsyncCopies.Commit();
            AsyncCopies.Await();
            Group.Barrier();
            RowSums.Add(ref sums, a, b, 0, precision);
            RowSums.Add(ref sums, a, b, 16, precision);
            RowSums.Add(ref sums, a, b, 32, precision);
            RowSums.Add(ref sums, a, b, 48, precision);
        }

        var channels = s.Bricks.Channels;
        var channel = (Grid.IdxX * BlockChannels) + (lane >> 2);
        var column = (Grid.IdxY * BrickSizes.WarpColumns) + (2 * (lane & 3));
        var to = (long)Grid.IdxZ * s.Bricks.Taps * channels * s.Bricks.Columns;
        BrickWeightGradient.Store(partials, sums.Lower, s.Bricks, to, tap, channels, channel, column);
        BrickWeightGradient.Store(partials, sums.Upper, s.Bricks, to, tap, channels, channel + 32, column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadX(
        ArrayView<float> x, ArrayView<Float4> voxels, ArrayView<int> plan, TransposedRows s, int firstRow, int precision,
        bool halves)
    {
        var lower = RowPieces.Of(x, s.Bricks.Channels, 2 * Grid.IdxX, precision, halves);
        var upper = RowPieces.Of(x, s.Bricks.Channels, (2 * Grid.IdxX) + 1, precision, halves);
        for (var row = Group.IdxX / RowPieces.Quarters; row < StepRows; row += Group.DimX / RowPieces.Quarters)
        {
            RowPieces.Fill(voxels, PiecesOfX, row, lower, firstRow + row, plan[row] >= 0, precision, halves);
            RowPieces.Fill(voxels, PiecesOfX, StepRows + row, upper, firstRow + row, plan[row] >= 0, precision, halves);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadDy(
        ArrayView<float> dy, ArrayView<Float4> gradient, ArrayView<int> plan, ArrayView<int> offsets, TransposedRows s,
        int precision, bool halves)
    {
        // As many turns for any number of taps, so that they are unrolled and their loads are in flight together.
        const int turns = PackedWeights.Lanes / RowPieces.Quarters;
        var from = RowPieces.Of(dy, s.Bricks.Columns, Grid.IdxY, precision, halves);
        for (var turn = 0; turn < turns; turn++)
        {
            var piece = ((turn * Group.DimX) + Group.IdxX) / RowPieces.Quarters;
            var row = piece & (StepRows - 1);
            var voxel = plan[row] + offsets[piece / StepRows];
            RowPieces.Fill(gradient, PiecesOfDy, piece, from, voxel, plan[row] >= 0, precision, halves);
        }
    }

    /// <summary>One thread's share of 64 channels by 32 columns.</summary>
    private struct RowSums
    {
        public ChannelSums Lower, Upper;

        /// <summary>
        /// sums += Σ over sixteen rows from <paramref name="row"/>, a constant, on. Straight-line code. All threads of the warp
        /// must call this together.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Add(ref RowSums sums, SharedFragments x, SharedFragments dy, int row, int precision)
        {
            var words = RowPieces.Words(row);
            var left = SharedFragments.ReadTransposed(dy, words);
            var right = SharedFragments.ReadTransposed(dy, words + RowPieces.Word(PiecesOfDy, 2, 0));
            AddChannels(ref sums.Lower, x, words, left, right, precision);
            AddChannels(ref sums.Upper, x, words + RowPieces.Words(StepRows), left, right, precision);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void AddChannels(
            ref ChannelSums sums, SharedFragments x, int words, TensorFragment left, TensorFragment right, int precision)
        {
            BrickBand.Add(ref sums.Upper, SharedFragments.ReadTransposed(x, words), left, right, precision);
            BrickBand.Add(
                ref sums.Lower, SharedFragments.ReadTransposed(x, words + RowPieces.Word(PiecesOfX, 2, 0)), left, right,
                precision);
        }
    }
}
