using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// <see cref="GatherGemm"/> on tensor cores: the same tiles, filled by the same loads, multiplied by mma.sync. float32 in the
/// sums; tf32, bfloat16 or float16 in shared memory and in the products; source and destination are float32 or, in the last two,
/// what the products are.
/// <para>Shapes, formula: <see cref="GatherSizes"/>. Mapping: groups of 64 threads, two warps, which halve the rows of a tile: 64
/// sums per thread, as in the float32 kernel (<see cref="TensorBlock"/>).</para>
/// </summary>
internal sealed class TensorGatherGemm(KernelList list)
{
    private readonly GpuKernel<Launcher>[] kernels = list.Add<Launcher>(
        tensorCores: true, ConvolutionCosts.Gather,
        Tf32VectorWide, Tf32VectorNarrow, Tf32ScalarWide, Tf32ScalarNarrow,
        Bf16VectorWide, Bf16VectorNarrow, Bf16ScalarWide, Bf16ScalarNarrow,
        Fp16VectorWide, Fp16VectorNarrow, Fp16ScalarWide, Fp16ScalarNarrow);

    private delegate void Launcher(
        AcceleratorStream stream, KernelConfig config, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> dest, GatherSizes s);

    /// <summary>Runs the pass; source2 and bias may be any view where they are not used.</summary>
    public void Launch(
        AcceleratorStream stream, GpuPrecision precision, in GatherSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest)
    {
        var narrow = s.Columns <= GemmTile.NarrowColumns;
        var (rows, columns) = (GemmTile.RowsOf(narrow), GemmTile.ColumnsOf(narrow));
        var config = new KernelConfig(
            new Index3D((s.LargestClass + rows - 1) / rows, (s.Columns + columns - 1) / columns, s.N * s.Classes),
            new Index3D(GemmTile.Threads, 1, 1));
        kernels[GemmTile.IndexOf(precision, s.IsVectorizable, narrow)]
            .Launch(stream, config, source, source2, weights, bias, dest, s);
    }

    private static void Tf32VectorWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: false, TileWords.Tf32);

    private static void Tf32VectorNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: true, TileWords.Tf32);

    private static void Tf32ScalarWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: false, TileWords.Tf32);

    private static void Tf32ScalarNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: true, TileWords.Tf32);

    private static void Bf16VectorWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: false, TileWords.Bf16);

    private static void Bf16VectorNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: true, TileWords.Bf16);

    private static void Bf16ScalarWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: false, TileWords.Bf16);

    private static void Bf16ScalarNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: true, TileWords.Bf16);

    private static void Fp16VectorWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: false, TileWords.Fp16);

    private static void Fp16VectorNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: true, narrow: true, TileWords.Fp16);

    private static void Fp16ScalarWide(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: false, TileWords.Fp16);

    private static void Fp16ScalarNarrow(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s) =>
        Run(source, source2, weights, bias, dest, s, vector: false, narrow: true, TileWords.Fp16);

    /// <summary>The kernel proper; tile sizes, precision and the choice of loads are constants where it is inlined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> dest,
        GatherSizes s, bool vector, bool narrow, int precision)
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
        var tiles = (depth + TileWords.DepthOf(precision) - 1) / TileWords.DepthOf(precision);
        var toWords = precision >= TileWords.Bf16 ? s.SourceHalf : 0;
        var from = source.SubView(
            ((long)sample * s.SourceVoxels * s.Channels) >> toWords, (s.SourceVoxels * s.Channels) >> toWords);
        var from2 = s.Channels2 > 0
            ? source2.SubView(
                ((long)sample * s.SourceVoxels * s.Channels2) >> toWords, (s.SourceVoxels * s.Channels2) >> toWords)
            : from;

        for (var row = thread; row < tileRows; row += GemmTile.Threads)
        {
            VoxelClass.WriteRow(rows, row, tileRows, firstRow + row, voxels, s, place);
        }

        var plan = DepthPlan.Start(thread, s, place);
        DepthPlan.Write(ref plan, thread, depths, 0, s, place, precision);
        Group.Barrier();
        if (tiles > 0)
        {
            GatherTiles.Load(
                from, from2, weights, a, b, rows, depths, 0, s, firstColumn, tileRows, tileColumns, vector, precision);
        }

        DepthPlan.Write(ref plan, thread, depths, DepthPlan.Length, s, place, precision);
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
                GatherTiles.Load(
                    from, from2, weights, a, b, rows, depths, 1 - now, s, firstColumn, tileRows, tileColumns, vector, precision);
            }

            DepthPlan.Write(ref plan, thread, depths, now * DepthPlan.Length, s, place, precision);
            TensorBlock.Accumulate(
                ref sums, wordsA, (now * GemmTile.Words * strideA) + warpRow, strideA, wordsB, now * GemmTile.Words * strideB,
                strideB, lane,
                narrow, precision);
            Group.Barrier();
        }

        toWords = precision >= TileWords.Bf16 ? s.DestHalf : 0;
        var to = dest.SubView(((long)sample * s.DestVoxels * s.Columns) >> toWords, (s.DestVoxels * s.Columns) >> toWords);
        var firstOfLane = (3 * tileRows) + warpRow + (lane >> 2); // in the plan of the rows
        var column = firstColumn + (2 * (lane & 3));
        if (narrow)
        {
            StoreLeft(to, bias, sums.Upper, rows, firstOfLane, column, s, vector, precision);
            StoreRight(to, bias, sums.Upper, rows, firstOfLane + 16, column, s, vector, precision);
            StoreLeft(to, bias, sums.Lower, rows, firstOfLane + 32, column, s, vector, precision);
            StoreRight(to, bias, sums.Lower, rows, firstOfLane + 48, column, s, vector, precision);
        }
        else
        {
            StoreLeft(to, bias, sums.Upper, rows, firstOfLane, column, s, vector, precision);
            StoreRight(to, bias, sums.Upper, rows, firstOfLane, column + 32, s, vector, precision);
            StoreLeft(to, bias, sums.Lower, rows, firstOfLane + 16, column, s, vector, precision);
            StoreRight(to, bias, sums.Lower, rows, firstOfLane + 16, column + 32, s, vector, precision);
        }
    }

    // Rows row and row + 8, 32 columns: the first four fragments of a band.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreLeft(
        ArrayView<float> dest, ArrayView<float> bias, TensorBand band, ArrayView<int> rows, int row, int column, GatherSizes s,
        bool vector, int precision) =>
        Store(dest, bias, band.C0, band.C1, band.C2, band.C3, rows[row], rows[row + 8], column, s, vector, precision);

    // The same of the last four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRight(
        ArrayView<float> dest, ArrayView<float> bias, TensorBand band, ArrayView<int> rows, int row, int column, GatherSizes s,
        bool vector, int precision) =>
        Store(dest, bias, band.C4, band.C5, band.C6, band.C7, rows[row], rows[row + 8], column, s, vector, precision);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        ArrayView<float> dest, ArrayView<float> bias, Float4 c0, Float4 c1, Float4 c2, Float4 c3, int upper,
        int lower, int column, GatherSizes s, bool vector, int precision)
    {
        if (upper >= 0)
        {
            GatherTiles.StoreTwo(dest, bias, c0.X, c0.Y, upper, column, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c1.X, c1.Y, upper, column + 8, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c2.X, c2.Y, upper, column + 16, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c3.X, c3.Y, upper, column + 24, s, vector, precision);
        }

        if (lower >= 0)
        {
            GatherTiles.StoreTwo(dest, bias, c0.Z, c0.W, lower, column, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c1.Z, c1.W, lower, column + 8, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c2.Z, c2.W, lower, column + 16, s, vector, precision);
            GatherTiles.StoreTwo(dest, bias, c3.Z, c3.W, lower, column + 24, s, vector, precision);
        }
    }
}
