using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// <see cref="WeightGemm"/> on tensor cores: the same tiles and splits, multiplied by mma.sync. Mapping as in
/// <see cref="TensorGatherGemm"/>; partial results are float32 and are added by <see cref="SplitSum"/>.
/// </summary>
internal sealed class TensorWeightGemm(KernelList list)
{
    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Weights,
        Tf32VectorWide, Tf32VectorNarrow, Tf32ScalarWide, Tf32ScalarNarrow,
        Bf16VectorWide, Bf16VectorNarrow, Bf16ScalarWide, Bf16ScalarNarrow,
        Fp16VectorWide, Fp16VectorNarrow, Fp16ScalarWide, Fp16ScalarNarrow);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense,
        ArrayView<float> partials, WeightSizes s, int perSplit);

    /// <summary>partials[split] ← that split's share of dw; gathered2 may be any view where it is not used.</summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, in WeightSizes s, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense, ArrayView<float> partials, int splits)
    {
        var narrow = s.DenseChannels <= GemmTile.NarrowColumns;
        var (rows, columns) = (GemmTile.RowsOf(narrow), GemmTile.ColumnsOf(narrow));
        var config = new KernelConfig(
            new Index3D((s.Rows + rows - 1) / rows, (s.DenseChannels + columns - 1) / columns, splits),
            new Index3D(GemmTile.Threads, 1, 1));
        var perSplit = ((s.N * s.DenseVoxels) + splits - 1) / splits;
        kernels[GemmTile.IndexOf(precision, s.IsVectorizable, narrow)]
            .Launch(stream, config, gathered, gathered2, dense, partials, s, perSplit);
    }

    private static void Tf32VectorWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: false, TileWords.Tf32);

    private static void Tf32VectorNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: true, TileWords.Tf32);

    private static void Tf32ScalarWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: false, TileWords.Tf32);

    private static void Tf32ScalarNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: true, TileWords.Tf32);

    private static void Bf16VectorWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: false, TileWords.Bf16);

    private static void Bf16VectorNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: true, TileWords.Bf16);

    private static void Bf16ScalarWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: false, TileWords.Bf16);

    private static void Bf16ScalarNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: true, TileWords.Bf16);

    private static void Fp16VectorWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: false, TileWords.Fp16);

    private static void Fp16VectorNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: true, TileWords.Fp16);

    private static void Fp16ScalarWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: false, TileWords.Fp16);

    private static void Fp16ScalarNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: true, TileWords.Fp16);

    /// <summary>The kernel proper; tile sizes, precision and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit, bool vector, bool narrow, int precision)
    {
        var tileRows = GemmTile.RowsOf(narrow);
        var tileColumns = GemmTile.ColumnsOf(narrow);
        var strideA = tileRows + GemmTile.Pad;
        var strideB = tileColumns + GemmTile.Pad;
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Words * strideA);
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Words * strideB);
        var rows = SharedMemory.Allocate<int>(5 * tileRows);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        var thread = Group.IdxX;
        var firstRow = Grid.IdxX * tileRows;
        var firstColumn = Grid.IdxY * tileColumns;
        var start = Grid.IdxZ * perSplit;
        var total = s.N * s.DenseVoxels;
        var end = start + perSplit < total ? start + perSplit : total;
        var depth = TileWords.DepthOf(precision);
        var tiles = end > start ? (end - start + depth - 1) / depth : 0;

        for (var row = thread; row < tileRows; row += GemmTile.Threads)
        {
            WeightTiles.WriteRow(rows, row, tileRows, firstRow + row, s);
        }

        VoxelPlan.Write(thread, voxels, 0, start, end, s, precision);
        Group.Barrier();
        if (tiles > 0)
        {
            WeightTiles.Load(
                gathered, gathered2, dense, a, b, rows, voxels, 0, start, end, s, firstColumn, tileRows, tileColumns,
                vector, precision);
        }

        VoxelPlan.Write(thread, voxels, VoxelPlan.Length, start + depth, end, s, precision);
        Group.Barrier();

        var sums = default(TensorBlock);
        var wordsA = a.Cast<uint>();
        var wordsB = b.Cast<uint>();
        var lane = thread & 31;
        var warpRow = (thread >> 5) * TensorBlock.RowsOf(narrow);
        for (var tile = 0; tile < tiles; tile++)
        {
            var now = tile & 1;
            if (tile + 1 < tiles)
            {
                WeightTiles.Load(
                    gathered, gathered2, dense, a, b, rows, voxels, 1 - now, start + ((tile + 1) * depth), end, s,
                    firstColumn, tileRows,
                    tileColumns, vector, precision);
            }

            VoxelPlan.Write(thread, voxels, now * VoxelPlan.Length, start + ((tile + 2) * depth), end, s, precision);
            TensorBlock.Accumulate(
                ref sums, wordsA, (now * GemmTile.Words * strideA) + warpRow, strideA, wordsB, now * GemmTile.Words * strideB,
                strideB, lane,
                narrow, precision);
            Group.Barrier();
        }

        var size = (long)s.Rows * s.DenseChannels;
        var to = partials.SubView(Grid.IdxZ * size, size);
        var firstOfLane = (4 * tileRows) + warpRow + (lane >> 2); // in the plan of the rows
        var column = firstColumn + (2 * (lane & 3));
        if (narrow)
        {
            StoreLeft(to, sums.Upper, rows, firstOfLane, column, s, vector);
            StoreRight(to, sums.Upper, rows, firstOfLane + 16, column, s, vector);
            StoreLeft(to, sums.Lower, rows, firstOfLane + 32, column, s, vector);
            StoreRight(to, sums.Lower, rows, firstOfLane + 48, column, s, vector);
        }
        else
        {
            StoreLeft(to, sums.Upper, rows, firstOfLane, column, s, vector);
            StoreRight(to, sums.Upper, rows, firstOfLane, column + 32, s, vector);
            StoreLeft(to, sums.Lower, rows, firstOfLane + 16, column, s, vector);
            StoreRight(to, sums.Lower, rows, firstOfLane + 16, column + 32, s, vector);
        }
    }

    // Rows row and row + 8, 32 columns: the first four fragments of a band.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLeft(
        ArrayView<float> partial, TensorBand band, ArrayView<int> rows, int row, int column, WeightSizes s, bool vector) =>
        Store(partial, band.C0, band.C1, band.C2, band.C3, rows[row], rows[row + 8], column, s, vector);

    // The same of the last four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRight(
        ArrayView<float> partial, TensorBand band, ArrayView<int> rows, int row, int column, WeightSizes s, bool vector) =>
        Store(partial, band.C4, band.C5, band.C6, band.C7, rows[row], rows[row + 8], column, s, vector);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        ArrayView<float> partial, Float4 c0, Float4 c1, Float4 c2, Float4 c3, int upper, int lower, int column, WeightSizes s,
        bool vector)
    {
        if (upper >= 0)
        {
            WeightTiles.StoreTwo(partial, c0.X, c0.Y, upper, column, s, vector);
            WeightTiles.StoreTwo(partial, c1.X, c1.Y, upper, column + 8, s, vector);
            WeightTiles.StoreTwo(partial, c2.X, c2.Y, upper, column + 16, s, vector);
            WeightTiles.StoreTwo(partial, c3.X, c3.Y, upper, column + 24, s, vector);
        }

        if (lower >= 0)
        {
            WeightTiles.StoreTwo(partial, c0.Z, c0.W, lower, column, s, vector);
            WeightTiles.StoreTwo(partial, c1.Z, c1.W, lower, column + 8, s, vector);
            WeightTiles.StoreTwo(partial, c2.Z, c2.W, lower, column + 16, s, vector);
            WeightTiles.StoreTwo(partial, c3.Z, c3.W, lower, column + 24, s, vector);
        }
    }
}
