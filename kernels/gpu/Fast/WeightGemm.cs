using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>
/// Gradient by the weights as an implicit matrix product: rows are taps × gathered channels, columns are dense channels, and the depth
/// runs over all voxels of the batch.
/// <para>Shapes, formula: <see cref="WeightSizes"/>.</para>
/// <para>Mapping: groups of 64 threads and tiles as in <see cref="GatherGemm"/>. The product is wide and shallow in rows and columns but
/// millions deep, so the voxels are split over groups (grid z); each split writes its own partial result, and <see cref="SplitSum"/> adds
/// them in order. No atomics: two runs give the same bytes.</para>
/// </summary>
internal sealed class WeightGemm
{
    private const int Wide = 64, WideRows = 64, WideShift = 3;
    private const int Narrow = 32, NarrowRows = 128, NarrowShift = 2;
    private const int VoxelsPerSplit = 64;                // at least; below that, adding the partial results costs more than it gains
    private const int GroupsPerMultiprocessor = 8;        // enough to keep a multiprocessor busy
    private const long PartialLimit = 16L << 20;          // elements of all partial results together, 64 MiB
    /// <summary>Most scratch memory that <see cref="Splits"/> asks for, bytes, unless one result alone is larger.</summary>
    public const long LargestPartialsBytes = PartialLimit * sizeof(float);

    private readonly Lazy<Kernel> vectorWide;
    private readonly Lazy<Kernel> vectorNarrow;
    private readonly Lazy<Kernel> scalarWide;
    private readonly Lazy<Kernel> scalarNarrow;
    private readonly int multiprocessors;

    public WeightGemm(Accelerator accelerator)
    {
        multiprocessors = accelerator.NumMultiprocessors;
        vectorWide = new(() => Load(accelerator, VectorWide));
        vectorNarrow = new(() => Load(accelerator, VectorNarrow));
        scalarWide = new(() => Load(accelerator, ScalarWide));
        scalarNarrow = new(() => Load(accelerator, ScalarNarrow));
    }

    private delegate void Kernel(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense,
        ArrayView<float> partials, WeightSizes s, int voxelsPerSplit);

    /// <summary>The kernels of this file.</summary>
    public static IReadOnlyList<Delegate> Methods => [VectorWide, VectorNarrow, ScalarWide, ScalarNarrow];

    /// <summary>Into how many parts the voxels are split on this device. Depends on nothing but sizes and device.</summary>
    public int Splits(in WeightSizes s)
    {
        var (rows, columns) = s.DenseChannels <= Narrow ? (NarrowRows, Narrow) : (WideRows, Wide);
        var tiles = (long)((s.Rows + rows - 1) / rows) * ((s.DenseChannels + columns - 1) / columns);
        var wanted = ((long)multiprocessors * GroupsPerMultiprocessor + tiles - 1) / tiles;
        var most = Math.Min((long)s.N * s.DenseVoxels / VoxelsPerSplit, PartialLimit / ((long)s.Rows * s.DenseChannels));
        return (int)Math.Max(1, Math.Min(wanted, most));
    }

    /// <summary>partials[split] ← that split's share of dw; gathered2 may be any view where it is not used.</summary>
    public void Launch(
        AcceleratorStream stream, in WeightSizes s, ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense,
        ArrayView<float> partials, int splits)
    {
        var narrow = s.DenseChannels <= Narrow;
        var (rows, columns) = narrow ? (NarrowRows, Narrow) : (WideRows, Wide);
        var config = new KernelConfig(
            new Index3D((s.Rows + rows - 1) / rows, (s.DenseChannels + columns - 1) / columns, splits),
            new Index3D(GemmTile.Threads, 1, 1));
        var voxelsPerSplit = ((s.N * s.DenseVoxels) + splits - 1) / splits;
        var kernel = s.IsVectorizable ? (narrow ? vectorNarrow : vectorWide) : narrow ? scalarNarrow : scalarWide;
        kernel.Value(stream, config, gathered, gathered2, dense, partials, s, voxelsPerSplit);
    }

    private static Kernel Load(
        Accelerator accelerator, Action<ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, WeightSizes, int> method) =>
        new(accelerator.LoadKernel(method));

    private static void VectorWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (WideRows + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Wide + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * WideRows);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, WideRows, Wide, WideShift, true);
    }

    private static void VectorNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (NarrowRows + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Narrow + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * NarrowRows);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, NarrowRows, Narrow, NarrowShift, true);
    }

    private static void ScalarWide(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (WideRows + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Wide + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * WideRows);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, WideRows, Wide, WideShift, false);
    }

    private static void ScalarNarrow(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s, int perSplit)
    {
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (NarrowRows + GemmTile.Pad));
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Depth * (Narrow + GemmTile.Pad));
        var rows = SharedMemory.Allocate<int>(4 * NarrowRows);
        var voxels = SharedMemory.Allocate<int>(2 * VoxelPlan.Length);
        Run(gathered, gathered2, dense, partials, s, perSplit, a, b, rows, voxels, NarrowRows, Narrow, NarrowShift, false);
    }

    /// <summary>The kernel proper; tile sizes and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> partials, WeightSizes s,
        int perSplit, ArrayView<float> a, ArrayView<float> b, ArrayView<int> rows, ArrayView<int> voxels,
        int tileRows, int tileColumns, int columnShift, bool vector)
    {
        var thread = Group.IdxX;
        var firstRow = Grid.IdxX * tileRows;
        var firstColumn = Grid.IdxY * tileColumns;
        var start = Grid.IdxZ * perSplit;
        var total = s.N * s.DenseVoxels;
        var end = start + perSplit < total ? start + perSplit : total;
        var tiles = end > start ? (end - start + GemmTile.Depth - 1) / GemmTile.Depth : 0;

        for (var row = thread; row < tileRows; row += GemmTile.Threads)
        {
            WeightTiles.WriteRow(rows, row, tileRows, firstRow + row, s);
        }

        VoxelPlan.Write(thread, voxels, 0, start, end, s);
        Group.Barrier();
        if (tiles > 0)
        {
            WeightTiles.Load(
                gathered, gathered2, dense, a, b, rows, voxels, 0, start, end, s, firstColumn, tileRows, tileColumns, vector);
        }

        VoxelPlan.Write(thread, voxels, VoxelPlan.Length, start + GemmTile.Depth, end, s);
        Group.Barrier();

        var sums = default(Block8x8);
        var a4 = a.Cast<Float4>();
        var b4 = b.Cast<Float4>();
        var rowA = (tileRows + GemmTile.Pad) >> 2;
        var rowB = (tileColumns + GemmTile.Pad) >> 2;
        var ty = thread >> columnShift;
        var tx = thread & ((1 << columnShift) - 1);
        for (var tile = 0; tile < tiles; tile++)
        {
            var now = tile & 1;
            if (tile + 1 < tiles)
            {
                WeightTiles.Load(
                    gathered, gathered2, dense, a, b, rows, voxels, 1 - now, start + ((tile + 1) * GemmTile.Depth), end, s, firstColumn,
                    tileRows, tileColumns, vector);
            }

            VoxelPlan.Write(thread, voxels, now * VoxelPlan.Length, start + ((tile + 2) * GemmTile.Depth), end, s);
            Block8x8.Accumulate(
                ref sums, a4, (now * GemmTile.Depth * rowA) + ty, tileRows >> 3, rowA, b4, (now * GemmTile.Depth * rowB) + tx,
                tileColumns >> 3, rowB);
            Group.Barrier();
        }

        var size = (long)s.Rows * s.DenseChannels;
        var to = partials.SubView(Grid.IdxZ * size, size);
        var upper = firstRow + (4 * ty);
        var lower = upper + (tileRows >> 1);
        var left = firstColumn + (4 * tx);
        var right = left + (tileColumns >> 1);
        WeightTiles.Store(to, sums.R0, upper, left, right, s, vector);
        WeightTiles.Store(to, sums.R1, upper + 1, left, right, s, vector);
        WeightTiles.Store(to, sums.R2, upper + 2, left, right, s, vector);
        WeightTiles.Store(to, sums.R3, upper + 3, left, right, s, vector);
        WeightTiles.Store(to, sums.R4, lower, left, right, s, vector);
        WeightTiles.Store(to, sums.R5, lower + 1, left, right, s, vector);
        WeightTiles.Store(to, sums.R6, lower + 2, left, right, s, vector);
        WeightTiles.Store(to, sums.R7, lower + 3, left, right, s, vector);
    }
}
