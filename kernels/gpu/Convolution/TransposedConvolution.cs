using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Transposed convolutions and their gradients by the data on tensor cores (docs/gpu/how-kernels-work.md §8).
/// <para>Shapes, formulas: <see cref="TransposedRows"/>. Mapping: a group per 256, 128 or 64 rows, of eight warps with 64 rows
/// and 32 columns each: where it has fewer rows it computes more columns at once. Scattered, it holds all channels of its rows,
/// if there is room, and computes one set of columns after the other, those of all taps; so it reads a row once. Gathered, it
/// reads its rows tap by tap. Where rows lie in the fine volume is computed once, because it takes divisions; weights come packed
/// so that a thread's results are neighbours and are written sixteen bytes at a time.</para>
/// <para>Shared memory: 512 pieces of rows of 64 bytes and where rows lie, 33 952 bytes.</para>
/// </summary>
internal sealed class TransposedConvolution(KernelList list)
{
    private const int GroupsPerMultiprocessor = 2;        // 256 threads with some 128 registers each

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Transposed, Tf32, Bf16, Fp16, Bf16Halves, Fp16Halves);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<TensorFragment> weights,
        ArrayView<float> bias, ArrayView<float> dest, TransposedRows s, int setsPerGroup);

    /// <summary>
    /// Runs the pass with packed weights (<see cref="PackedWeights"/>); bias may be any view where it is not used.
    /// <paramref name="halves"/>: source and dest have 16 bits, in the format of the products.
    /// </summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, bool halves, in TransposedRows s, ArrayView<float> source,
        ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest)
    {
        // Sets of columns that have the rows in common stay together where there are rows enough for all multiprocessors.
        var shares = s.Scatter != 0
            ? Math.Clamp(GroupsPerMultiprocessor * list.Multiprocessors / s.RowGroups, 1, s.Sets)
            : s.Sets;
        var setsPerGroup = (s.Sets + shares - 1) / shares;
        var config = new KernelConfig(
            new Index3D(s.RowGroups, (s.Sets + setsPerGroup - 1) / setsPerGroup, 1),
            new Index3D(TransposedRows.Warps * PackedWeights.Lanes, 1, 1));
        kernels[precision - GpuPrecision.Tf32 + (halves ? 2 : 0)].Launch(
            stream, config, source, weights, bias, dest, s, setsPerGroup);
    }

    [MostThreads(TransposedRows.Warps * PackedWeights.Lanes)]
    private static void Tf32(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup) =>
        Run(source, weights, bias, dest, s, setsPerGroup, TileWords.Tf32, halves: false);

    [MostThreads(TransposedRows.Warps * PackedWeights.Lanes)]
    private static void Bf16(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup) =>
        Run(source, weights, bias, dest, s, setsPerGroup, TileWords.Bf16, halves: false);

    [MostThreads(TransposedRows.Warps * PackedWeights.Lanes)]
    private static void Fp16(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup) =>
        Run(source, weights, bias, dest, s, setsPerGroup, TileWords.Fp16, halves: false);

    [MostThreads(TransposedRows.Warps * PackedWeights.Lanes)]
    private static void Bf16Halves(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup) =>
        Run(source, weights, bias, dest, s, setsPerGroup, TileWords.Bf16, halves: true);

    [MostThreads(TransposedRows.Warps * PackedWeights.Lanes)]
    private static void Fp16Halves(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup) =>
        Run(source, weights, bias, dest, s, setsPerGroup, TileWords.Fp16, halves: true);

    /// <summary>The kernel proper; precision and elements are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<TensorFragment> weights, ArrayView<float> bias, ArrayView<float> dest,
        TransposedRows s, int setsPerGroup, int precision, bool halves)
    {
        const int warpRows = TransposedRows.WarpRows, warps = TransposedRows.Warps, slots = warps * warpRows;
        var held = SharedMemory.Allocate<Float4>(RowPieces.Length(slots));
        var fine = SharedMemory.Allocate<int>(BrickSizes.WarpSlabs * warpRows);
        var offsets = SharedMemory.Allocate<int>(TransposedRows.MostTaps);
        var rows = s.Slabs * warpRows;
        var firstRow = Grid.IdxX * rows;
        if (Group.IdxX < rows)
        {
            fine[Group.IdxX] = TransposedRows.FineVoxel(s, firstRow + Group.IdxX);
        }

        if (Group.IdxX < TransposedRows.MostTaps)
        {
            offsets[Group.IdxX] = TransposedRows.TapOffset(s, Group.IdxX);
        }

        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & (PackedWeights.Lanes - 1);
        var slab = warp & (s.Slabs - 1);

        // Matrices of ldmatrix: 0 and 1 are eight rows and the next eight, the first quarter; 2 and 3 the same, the second one.
        var ofRow = (slab * warpRows) + (lane & 15);
        var mine = SharedFragments.At(held.Cast<uint>(), RowPieces.Word(slots, lane >> 4, ofRow));

        // Packed, taps follow each other within a piece: gathered, they are the steps of the depth.
        var (pieces, taps) = (s.Bricks.Pieces(precision), s.Bricks.Taps);
        var steps = s.Scatter != 0 ? pieces : pieces * taps;
        var stepFragments = (s.Scatter != 0 ? taps : 1) * PackedWeights.PerTap;
        var (blocks, allBlocks, heldSteps) = (TransposedRows.Blocks(s.Bricks.Columns), s.AllBlocks, warps / s.Slabs);
        var firstSet = Grid.IdxY * setsPerGroup;
        for (var set = firstSet; set < firstSet + setsPerGroup && set < s.Sets; set++)
        {
            var number = (set * s.BlocksAtOnce) + (warp / s.Slabs);
            var (tap, block) = (number / blocks, number % blocks);
            var column = (block * BrickSizes.WarpColumns) + (TransposedResults.Columns * (lane & 3));
            var packed = (((block * pieces * taps) + tap) * PackedWeights.PerTap) + lane;
            var sums = TransposedResults.Start(bias, s.Bricks, column);
            for (var first = 0; first < steps; first += heldSteps)
            {
                var count = Math.Min(heldSteps, steps - first);
                if (set == firstSet || s.Held == 0)
                {
                    Group.Barrier();                      // nobody reads what is there any more
                    Load(source, held, fine, offsets, s, firstRow, first, count, precision, halves);
                    AsyncCopies.Commit();
                    AsyncCopies.Await();
                    Group.Barrier();
                }

                for (var i = 0; i < (number < allBlocks ? count : 0); i++)
                {
                    RowPieces.Add(
                        ref sums, SharedFragments.Behind(mine, RowPieces.Words(i * rows)),
                        PackedFragments.At(weights, packed + ((first + i) * stepFragments)), slots, precision);
                }
            }

            if (number < allBlocks)
            {
                var to = TransposedResults.Of(s, firstRow, s.Scatter != 0 ? offsets[tap] : 0);
                var row = (slab * warpRows) + (lane >> 2);
                TransposedResults.Store(dest, sums.B0, to, fine, row, column, precision, halves);
                TransposedResults.Store(dest, sums.B1, to, fine, row + 16, column, precision, halves);
                TransposedResults.Store(dest, sums.B2, to, fine, row + 32, column, precision, halves);
                TransposedResults.Store(dest, sums.B3, to, fine, row + 48, column, precision, halves);
            }
        }
    }

    // A number of steps of the depth of the group's rows; all threads together. As many turns for every thread and every number
    // of rows, so that they are unrolled and their loads are in flight together.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(
        ArrayView<float> source, ArrayView<Float4> held, ArrayView<int> fine, ArrayView<int> offsets, TransposedRows s,
        int firstRow, int first, int count, int precision, bool halves)
    {
        const int slots = TransposedRows.Warps * TransposedRows.WarpRows;
        const int rowsPerTurn = TransposedRows.Warps * PackedWeights.Lanes / RowPieces.Quarters;
        var rows = s.Slabs * TransposedRows.WarpRows;
        var taps = s.Bricks.Taps;
        for (var i = 0; i < count; i++)
        {
            var step = first + i;
            var piece = s.Scatter != 0 ? step : step / taps;
            var offset = s.Scatter != 0 ? 0 : offsets[taps - 1 - (step - (piece * taps))]; // packed in reverse
            var from = RowPieces.Of(source, s.Bricks.Channels, piece, precision, halves);
            for (var turn = 0; turn < BrickSizes.WarpSlabs; turn++)
            {
                var row = (turn * rowsPerTurn) + (Group.IdxX / RowPieces.Quarters);
                if (row < rows)
                {
                    var voxel = s.Scatter != 0 ? firstRow + row : fine[row] + offset;
                    RowPieces.Fill(held, slots, (i * rows) + row, from, voxel, fine[row] >= 0, precision, halves);
                }
            }
        }
    }
}

/// <summary>
/// Pieces of rows in shared memory, 64 bytes of the channels of each, as deep as <see cref="TileWords"/> says: one quarter of all
/// after the other, so that sixteen bytes of eight rows, which ldmatrix reads at once, lie one behind the other.
/// </summary>
internal struct RowPieces
{
    /// <summary>Quarters of a piece, sixteen bytes each; as many threads read a piece.</summary>
    public const int Quarters = 4;

    private const int Pad = 2;                            // lets the quarters that four threads write begin eight banks apart

    private ArrayView<Float4> from;
    private int quads, quad, more;

    /// <summary>Sixteen-byte elements that a number of pieces takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Length(int pieces) => Quarters * (pieces + Pad);

    /// <summary>Words from one piece to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Words(int pieces) => Quarters * pieces;

    /// <summary>The first word of a piece's quarter, of so many pieces.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Word(int pieces, int quarter, int piece) => Words((quarter * (pieces + Pad)) + piece);

    /// <summary>What this thread reads of every row of a volume: its quarter of piece <paramref name="piece"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RowPieces Of(ArrayView<float> source, int channels, int piece, int precision, bool halves)
    {
        var depth = TileWords.DepthOf(precision);
        var c = (piece * depth) + ((Group.IdxX & (Quarters - 1)) * (depth / Quarters));
        var shift = halves ? 3 : 2;
        var pieces = default(RowPieces);
        pieces.from = source.Cast<Float4>();
        pieces.quads = channels >> shift;
        pieces.quad = c < channels ? c >> shift : -1;
        pieces.more = c + 4 < channels ? 1 : 0;
        return pieces;
    }

    /// <summary>
    /// Fills its quarter of a piece from a voxel, rounded: with zeros where that is not inside. What has 16 bits is there after
    /// <see cref="AsyncCopies.Await"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fill(
        ArrayView<Float4> held, int pieces, int piece, RowPieces of, int voxel, bool inside, int precision, bool halves)
    {
        var to = ((Group.IdxX & (Quarters - 1)) * (pieces + Pad)) + piece;
        var at = ((long)voxel * of.quads) + of.quad;
        if (halves)
        {
            AsyncCopies.Begin(held, to, of.from, at, inside & (of.quad >= 0));
        }
        else
        {
            var (lower, upper) = (default(Float4), default(Float4));
            if (inside & (of.quad >= 0))
            {
                lower = ReadOnlyMemory.Read(of.from, at);
                if (precision >= TileWords.Bf16 && of.more != 0)
                {
                    upper = ReadOnlyMemory.Read(of.from, at + 1);
                }
            }

            held[to] = TileWords.Depths(lower, upper, precision);
        }
    }

    /// <summary>
    /// sums += 64 pieces·weights, of <paramref name="pieces"/> (a constant) in all. Straight-line code. All threads of the warp
    /// must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ref BrickSums sums, SharedFragments rows, PackedFragments weights, int pieces, int precision)
    {
        AddHalf(ref sums, rows, weights, 0, 0, precision);
        AddHalf(ref sums, rows, weights, Word(pieces, Quarters / 2, 0), PackedWeights.PerHalf, precision);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddHalf(
        ref BrickSums sums, SharedFragments rows, PackedFragments weights, int words, int packed, int precision)
    {
        const int sixteen = 16 * Quarters;
        var left = PackedFragments.Read(weights, packed);
        var right = PackedFragments.Read(weights, packed + PackedWeights.Lanes);
        BrickBand.Add(ref sums.B0, SharedFragments.Read(rows, words), left, right, precision);
        BrickBand.Add(ref sums.B1, SharedFragments.Read(rows, words + sixteen), left, right, precision);
        BrickBand.Add(ref sums.B2, SharedFragments.Read(rows, words + (2 * sixteen)), left, right, precision);
        BrickBand.Add(ref sums.B3, SharedFragments.Read(rows, words + (3 * sixteen)), left, right, precision);
    }
}

/// <summary>Where a thread's sums of a set begin and end: it has eight neighbouring columns of its rows.</summary>
internal struct TransposedResults
{
    /// <summary>Columns of a thread.</summary>
    public const int Columns = 8;

    private int first, offset, scatter, columns, accumulate;

    /// <summary>Sums before the first product: the bias, or zeros; column: the thread's first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static BrickSums Start(ArrayView<float> bias, BrickSizes s, int column)
    {
        var sums = default(BrickSums);
        sums.B0.C0 = BrickResults.Bias(bias, s, column);
        sums.B0.C1 = BrickResults.Bias(bias, s, column + 2);
        sums.B0.C2 = BrickResults.Bias(bias, s, column + 4);
        sums.B0.C3 = BrickResults.Bias(bias, s, column + 6);
        sums.B1 = sums.B0;
        sums.B2 = sums.B0;
        sums.B3 = sums.B0;
        return sums;
    }

    /// <summary>Where they go; <paramref name="offset"/>: that of their tap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TransposedResults Of(TransposedRows s, int firstRow, int offset)
    {
        var to = default(TransposedResults);
        to.first = firstRow;
        to.offset = offset;
        to.scatter = s.Scatter;
        to.columns = s.Bricks.Columns;
        to.accumulate = s.Bricks.Accumulate;
        return to;
    }

    /// <summary>Writes a band's rows <paramref name="row"/> and row + 8 of the group, or adds them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        ArrayView<float> dest, BrickBand band, TransposedResults to, ArrayView<int> fine, int row, int column, int precision,
        bool halves)
    {
        var upper = default(Float4);
        (upper.X, upper.Y, upper.Z, upper.W) = (band.C0.X, band.C0.Y, band.C1.X, band.C1.Y);
        var upperMore = default(Float4);
        (upperMore.X, upperMore.Y, upperMore.Z, upperMore.W) = (band.C2.X, band.C2.Y, band.C3.X, band.C3.Y);
        StoreRow(dest, upper, upperMore, to, fine[row], row, column, precision, halves);
        var lower = default(Float4);
        (lower.X, lower.Y, lower.Z, lower.W) = (band.C0.Z, band.C0.W, band.C1.Z, band.C1.W);
        var lowerMore = default(Float4);
        (lowerMore.X, lowerMore.Y, lowerMore.Z, lowerMore.W) = (band.C2.Z, band.C2.W, band.C3.Z, band.C3.W);
        StoreRow(dest, lower, lowerMore, to, fine[row + 8], row + 8, column, precision, halves);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(
        ArrayView<float> dest, Float4 four, Float4 more, TransposedResults to, int fine, int row, int column, int precision,
        bool halves)
    {
        if (fine >= 0 && column < to.columns)
        {
            var voxel = to.scatter != 0 ? fine + to.offset : to.first + row;
            var at = ((long)voxel * to.columns) + column;
            var fours = dest.AsAligned16().Cast<Float4>();
            if (halves)
            {
                StoreEight(fours, four, more, to, at >> 3, precision);
            }
            else
            {
                StoreFour(fours, four, to, at >> 2);
                if (column + 4 < to.columns)
                {
                    StoreFour(fours, more, to, (at >> 2) + 1);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(ArrayView<Float4> dest, Float4 four, TransposedResults to, long at)
    {
        if (to.accumulate != 0)
        {
            four = Float4.Sum(GlobalMemory.Read(dest, at), four);
        }

        GlobalMemory.Write(dest, at, four);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreEight(ArrayView<Float4> dest, Float4 four, Float4 more, TransposedResults to, long at, int format)
    {
        if (to.accumulate != 0)
        {
            var old = GlobalMemory.Read(dest, at);
            var words = default(Float2);
            (words.X, words.Y) = (old.X, old.Y);
            four = Float4.Sum(Elements.Four(words, format), four);
            (words.X, words.Y) = (old.Z, old.W);
            more = Float4.Sum(Elements.Four(words, format), more);
        }

        var (first, second) = (Elements.Words(four, format), Elements.Words(more, format));
        (four.X, four.Y, four.Z, four.W) = (first.X, first.Y, second.X, second.Y);
        GlobalMemory.Write(dest, at, four);
    }
}
