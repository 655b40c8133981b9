using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Gradient with respect to the weights as an implicit matrix product: rows are taps × gathered channels, columns are dense
/// channels, and the depth runs over all voxels of the batch.
/// <para>Shapes, formula: <see cref="WeightSizes"/>.</para>
/// <para>Mapping: groups of 64 threads and tiles as in <see cref="GatherGemm"/>. The product is wide and shallow in rows and
/// columns but millions deep, so the voxels are split over groups (grid z); each split writes its own partial result, and
/// <see cref="SplitSum"/> adds them in order. No atomics: two runs give the same bytes.</para>
/// </summary>
internal sealed class WeightGemm(KernelList list)
{
    // at least; below that, adding the partial results costs more than it gains
    private const int VoxelsPerSplit = 64;
    private const int GroupsPerMultiprocessor = 8;        // enough to keep a multiprocessor busy
    private const long PartialLimit = 16L << 20;          // elements of all partial results together, 64 MiB

    /// <summary>Most scratch memory that <see cref="Splits"/> asks for, bytes, unless one result alone is larger.</summary>
    public const long LargestPartialsBytes = PartialLimit * sizeof(float);

    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: false, ConvolutionCosts.Weights, VectorWide, VectorNarrow, ScalarWide, ScalarNarrow);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense,
        ArrayView<float> partials, WeightSizes s, int perSplit);

    /// <summary>Into how many parts the voxels are split on this device. Depends on nothing but sizes and device.</summary>
    public int Splits(in WeightSizes s)
    {
        var narrow = s.DenseChannels <= GemmTile.NarrowColumns;
        var (rows, columns) = (GemmTile.RowsOf(narrow), GemmTile.ColumnsOf(narrow));
        var tiles = (long)((s.Rows + rows - 1) / rows) * ((s.DenseChannels + columns - 1) / columns);
        var wanted = ((long)list.Multiprocessors * GroupsPerMultiprocessor + tiles - 1) / tiles;
        var most = Math.Min((long)s.N * s.DenseVoxels / VoxelsPerSplit, PartialLimit / ((long)s.Rows * s.DenseChannels));
        return (int)Math.Max(1, Math.Min(wanted, most));
    }

    /// <summary>partials[split] ← that split's share of dw; gathered2 may be any view where it is not used.</summary>
    public void Launch(
        AcceleratorStream stream, in WeightSizes s, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense, ArrayView<float> partials, int splits)
    {
        var narrow = s.DenseChannels <= GemmTile.NarrowColumns;
        var (rows, columns) = (GemmTile.RowsOf(narrow), GemmTile.ColumnsOf(narrow));
        var config = new KernelConfig(
            new Index3D((s.Rows + rows - 1) / rows, (s.DenseChannels + columns - 1) / columns, splits),
            new Index3D(GemmTile.Threads, 1, 1));
        var perSplit = ((s.N * s.DenseVoxels) + splits - 1) / splits;
        kernels[GemmTile.IndexOf(s.IsVectorizable, narrow)]
            .Launch(stream, config, gathered, gathered2, dense, partials, s, perSplit);
    }

    private static void VectorWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: false);

    private static void VectorNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: true, narrow: true);

    private static void ScalarWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: false);

    private static void ScalarNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit) =>
        Run(gathered, gathered2, dense, partials, s, perSplit, vector: false, narrow: true);

    /// <summary>The kernel proper; tile sizes and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit, bool vector, bool narrow)
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
        var depth = TileWords.DepthOf(TileWords.Float32);
        var tiles = end > start ? (end - start + depth - 1) / depth : 0;

        for (var row = thread; row < tileRows; row += GemmTile.Threads)
        {
            WeightTiles.WriteRow(rows, row, tileRows, firstRow + row, s);
        }

        VoxelPlan.Write(thread, voxels, 0, start, end, s, TileWords.Float32);
        Group.Barrier();
        if (tiles > 0)
        {
            WeightTiles.Load(
                gathered, gathered2, dense, a, b, rows, voxels, 0, start, end, s, firstColumn, tileRows, tileColumns, vector,
                TileWords.Float32);
        }

        VoxelPlan.Write(thread, voxels, VoxelPlan.Length, start + depth, end, s, TileWords.Float32);
        Group.Barrier();

        var sums = default(Block8x8);
        var a4 = a.Cast<Float4>();
        var b4 = b.Cast<Float4>();
        var columnShift = narrow ? 2 : 3;                 // log2 of the threads along the columns
        var ty = thread >> columnShift;
        var tx = thread & ((1 << columnShift) - 1);
        for (var tile = 0; tile < tiles; tile++)
        {
            var now = tile & 1;
            if (tile + 1 < tiles)
            {
                WeightTiles.Load(
                    gathered, gathered2, dense, a, b, rows, voxels, 1 - now, start + ((tile + 1) * depth), end, s,
                    firstColumn, tileRows,
                    tileColumns, vector, TileWords.Float32);
            }

            VoxelPlan.Write(thread, voxels, now * VoxelPlan.Length, start + ((tile + 2) * depth), end, s, TileWords.Float32);
            Block8x8.Accumulate(
                ref sums, a4, now * GemmTile.Words * (strideA >> 2), ty, tileRows >> 3, strideA >> 2, b4,
                now * GemmTile.Words * (strideB >> 2), tx, tileColumns >> 3, strideB >> 2);
            Group.Barrier();
        }

        var size = (long)s.Rows * s.DenseChannels;
        var to = partials.SubView(Grid.IdxZ * size, size);
        var upper = (4 * tileRows) + (4 * ty);            // where the rows' plan says what they belong to
        var lower = upper + (tileRows >> 1);
        var left = firstColumn + (4 * tx);
        var right = left + (tileColumns >> 1);
        WeightTiles.Store(to, sums.R0, rows[upper], left, right, s, vector);
        WeightTiles.Store(to, sums.R1, rows[upper + 1], left, right, s, vector);
        WeightTiles.Store(to, sums.R2, rows[upper + 2], left, right, s, vector);
        WeightTiles.Store(to, sums.R3, rows[upper + 3], left, right, s, vector);
        WeightTiles.Store(to, sums.R4, rows[lower], left, right, s, vector);
        WeightTiles.Store(to, sums.R5, rows[lower + 1], left, right, s, vector);
        WeightTiles.Store(to, sums.R6, rows[lower + 2], left, right, s, vector);
        WeightTiles.Store(to, sums.R7, rows[lower + 3], left, right, s, vector);
    }
}
