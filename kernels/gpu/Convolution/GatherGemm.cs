using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Convolution and transposed convolution, forward and backward data, as implicit matrix products: rows are voxels, columns are
/// channels of the result, and the depth runs over taps and source channels, whose matrix is never written down.
/// <para>Shapes, formula: <see cref="GatherSizes"/>.</para>
/// <para>Mapping: a group of 64 threads makes a tile of 64×64 results (128×32 for few columns), 8×8 per thread in registers.
/// Tiles of depth 16 pass through shared memory in two buffers: while one is multiplied the next is filled, one barrier each.
/// What the sixteen depths of a tile stand for (tap offsets, channel, weight row) is computed by sixteen threads, one tile ahead,
/// counting up instead of dividing. Grid: x tiles of voxels, y tiles of columns, z samples × classes.</para>
/// <para>Variants: vector (16-byte loads and stores; all channel counts multiples of 4) and scalar (any); wide and narrow
/// tiles.</para>
/// <para>Cost per depth and thread: 64 multiply-adds for four 16-byte loads from shared memory.</para>
/// </summary>
internal sealed class GatherGemm(KernelList list)
{
    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: false, ConvolutionCosts.Gather, VectorWide, VectorNarrow, ScalarWide, ScalarNarrow);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> dest, GatherSizes s);

    /// <summary>Runs the pass; source2 and bias may be any view where they are not used.</summary>
    public void Launch(
        AcceleratorStream stream, in GatherSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest)
    {
        var narrow = s.Columns <= GemmTile.NarrowColumns;
        var (rows, columns) = (GemmTile.RowsOf(narrow), GemmTile.ColumnsOf(narrow));
        var config = new KernelConfig(
            new Index3D((s.LargestClass + rows - 1) / rows, (s.Columns + columns - 1) / columns, s.N * s.Classes),
            new Index3D(GemmTile.Threads, 1, 1));
        kernels[GemmTile.IndexOf(s.IsVectorizable, narrow)].Launch(stream, config, source, source2, weights, bias, dest, s);
    }

    private static void VectorWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: false);

    private static void VectorNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: true);

    private static void ScalarWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: false);

    private static void ScalarNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: true);

    /// <summary>The kernel proper; tile sizes and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s, bool vector, bool narrow)
    {
        var tileRows = GemmTile.RowsOf(narrow);
        var tileColumns = GemmTile.ColumnsOf(narrow);
        var strideA = tileRows + GemmTile.Pad;
        var strideB = tileColumns + GemmTile.Pad;
        var a = SharedMemory.Allocate<float>(2 * GemmTile.Words * strideA);
        var b = SharedMemory.Allocate<float>(2 * GemmTile.Words * strideB);
        var rows = SharedMemory.Allocate<int>(4 * tileRows);
        var depths = SharedMemory.Allocate<int>(2 * DepthPlan.Length);
        var thread = Group.IdxX;
        var sample = Grid.IdxZ / s.Classes;
        var place = VoxelClass.Of(s, Grid.IdxZ % s.Classes);
        var firstRow = Grid.IdxX * tileRows;
        var firstColumn = Grid.IdxY * tileColumns;
        var voxels = place.Z.Count * place.Y.Count * place.X.Count;
        if (firstRow >= voxels)
        {
            return; // the whole group: classes differ in size, and the grid is made for the largest
        }

        var depth = place.Z.Taps * place.Y.Taps * place.X.Taps * (s.Channels + s.Channels2);
        var tiles = (depth + TileWords.DepthOf(TileWords.Float32) - 1) / TileWords.DepthOf(TileWords.Float32);
        var from = source.SubView((long)sample * s.SourceVoxels * s.Channels, s.SourceVoxels * s.Channels);
        var from2 = s.Channels2 > 0
            ? source2.SubView((long)sample * s.SourceVoxels * s.Channels2, s.SourceVoxels * s.Channels2)
            : from;

        for (var row = thread; row < tileRows; row += GemmTile.Threads)
        {
            VoxelClass.WriteRow(rows, row, tileRows, firstRow + row, voxels, s, place);
        }

        var plan = DepthPlan.Start(thread, s, place);
        DepthPlan.Write(ref plan, thread, depths, 0, s, place, TileWords.Float32);
        Group.Barrier();
        if (tiles > 0)
        {
            GatherTiles.Load(
                from, from2, weights, a, b, rows, depths, 0, s, firstColumn, tileRows, tileColumns, vector, TileWords.Float32);
        }

        DepthPlan.Write(ref plan, thread, depths, DepthPlan.Length, s, place, TileWords.Float32);
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
                GatherTiles.Load(
                    from, from2, weights, a, b, rows, depths, 1 - now, s, firstColumn, tileRows, tileColumns, vector,
                    TileWords.Float32);
            }

            DepthPlan.Write(ref plan, thread, depths, now * DepthPlan.Length, s, place, TileWords.Float32);
            Block8x8.Accumulate(
                ref sums, a4, now * GemmTile.Words * (strideA >> 2), ty, tileRows >> 3, strideA >> 2, b4,
                now * GemmTile.Words * (strideB >> 2), tx, tileColumns >> 3, strideB >> 2);
            Group.Barrier();
        }

        var to = dest.SubView((long)sample * s.DestVoxels * s.Columns, s.DestVoxels * s.Columns);
        var upper = (3 * tileRows) + (4 * ty);            // where the rows' plan says what they belong to
        var lower = upper + (tileRows >> 1);
        var left = firstColumn + (4 * tx);
        var right = left + (tileColumns >> 1);
        GatherTiles.Store(to, bias, sums.R0, rows[upper], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R1, rows[upper + 1], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R2, rows[upper + 2], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R3, rows[upper + 3], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R4, rows[lower], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R5, rows[lower + 1], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R6, rows[lower + 2], left, right, s, vector);
        GatherTiles.Store(to, bias, sums.R7, rows[lower + 3], left, right, s, vector);

        // Keeps the exit of the last store's `if` apart from that of the `return` above. Where they are one, the OpenCL driver
        // PoCL (7.1,
        // work-items as loops) takes the first thread's decision for all threads and writes rows beyond the last voxel.
        Group.Barrier();
    }
}
