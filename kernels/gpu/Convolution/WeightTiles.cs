using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Filling the tiles of <see cref="WeightGemm"/> and writing its partial results. Tiles: <see cref="TileWords"/>.
/// </summary>
internal static class WeightTiles
{
    /// <summary>
    /// rows[0 | 1 | 2 | 3, row] ← tap z, y, x and channel of row m; channel −1 beyond the last row. rows[4, row] ← index of its
    /// column 0 in the result, or −1. Columns of the result lie next to each other; transposed, as many elements apart as there
    /// are gathered channels.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteRow(ArrayView<int> rows, int row, int tileRows, int m, WeightSizes s)
    {
        var channels = s.Channels + s.Channels2;
        var tap = m / channels;
        var channel = m - (tap * channels);
        var line = tap / s.KernelX;
        rows[row] = line / s.KernelY;
        rows[tileRows + row] = line % s.KernelY;
        rows[(2 * tileRows) + row] = tap % s.KernelX;
        rows[(3 * tileRows) + row] = m < s.Rows ? channel : -1;
        var first = s.TransposedOutput != 0 ? (tap * s.DenseChannels * channels) + channel : m * s.DenseChannels;
        rows[(4 * tileRows) + row] = m < s.Rows ? first : -1;
    }

    /// <summary>Fills buffer 0 or 1 of both tiles; the plan in the slot of the same number says where the voxels lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> a, ArrayView<float> b,
        ArrayView<int> rows, ArrayView<int> voxels, int buffer, int first, int end, WeightSizes s, int firstColumn, int tileRows,
        int tileColumns, bool vector, int precision)
    {
        var plan = buffer * VoxelPlan.Length;
        var toA = buffer * GemmTile.Words * (tileRows + GemmTile.Pad);
        var toB = buffer * GemmTile.Words * (tileColumns + GemmTile.Pad);
        if (vector)
        {
            LoadRowsByFour(gathered, gathered2, a, toA, rows, voxels, plan, s, tileRows, precision);
            LoadColumnsByFour(dense, b, toB, first, end, s, firstColumn, tileColumns, precision);
        }
        else
        {
            LoadRows(gathered, gathered2, a, toA, rows, voxels, plan, s, tileRows, precision);
            LoadColumns(dense, b, toB, first, end, s, firstColumn, tileColumns, precision);
        }
    }

    /// <summary>Writes one row of a thread's results; <paramref name="first"/> as in the rows' plan.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ArrayView<float> partial, Row8 row, int first, int left, int right, WeightSizes s, bool vector)
    {
        if (first >= 0)
        {
            StoreFour(partial, row.Left, first, left, s, vector);
            StoreFour(partial, row.Right, first, right, s, vector);
        }
    }

    /// <summary>Writes two results of neighbouring columns, the first of which is even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreTwo(ArrayView<float> partial, float x, float y, int first, int column, WeightSizes s, bool vector)
    {
        if (vector && s.TransposedOutput == 0)
        {
            if (column < s.DenseChannels)
            {
                var value = default(Float2);
                value.X = x;
                value.Y = y;
                partial.AsAligned16().Cast<Float2>()[(first + column) >> 1] = value;
            }
        }
        else
        {
            StoreOne(partial, x, first, column, s);
            StoreOne(partial, y, first, column + 1, s);
        }
    }

    // A thread keeps its four rows for all depths and takes two of these at a time. Loops have the same number of turns for every
    // thread.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRowsByFour(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> a, int toA, ArrayView<int> rows,
        ArrayView<int> voxels,
        int plan, WeightSizes s, int tileRows, int precision)
    {
        var quads = tileRows >> 2;
        var row = (Group.IdxX & (quads - 1)) << 2;
        var from = rows[(3 * tileRows) + row] >= s.Channels ? gathered2 : gathered;
        for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * quads / GemmTile.Threads; turn++)
        {
            var k = ((Group.IdxX / quads) + (turn * (GemmTile.Threads / quads))) << 1;
            var lower = FourRows(from, rows, voxels, plan + k, row, tileRows, s, precision);
            var upper = FourRows(from, rows, voxels, plan + k + 1, row, tileRows, s, precision);
            TileWords.StoreColumns(a, toA, k, row, tileRows + GemmTile.Pad, lower, upper, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 FourRows(
        ArrayView<float> from, ArrayView<int> rows, ArrayView<int> voxels, int at, int row, int tileRows, WeightSizes s,
        int precision)
    {
        var index = IndexOf(rows, voxels, at, row, tileRows, s);
        var value = default(Float4);
        if (index >= 0)
        {
            value = precision >= TileWords.Bf16 && s.GatheredHalf != 0
                ? Elements.Four(from, index >> 2, precision)
                : ReadOnlyMemory.Read(from.Cast<Float4>(), index >> 2);
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRows(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> a, int toA, ArrayView<int> rows,
        ArrayView<int> voxels,
        int plan, WeightSizes s, int tileRows, int precision)
    {
        for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * tileRows / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = (i / tileRows) << 1;
            var row = i & (tileRows - 1);
            var from = rows[(3 * tileRows) + row] >= s.Channels ? gathered2 : gathered;
            var lower = OneRow(from, rows, voxels, plan + k, row, tileRows, s, precision);
            var upper = OneRow(from, rows, voxels, plan + k + 1, row, tileRows, s, precision);
            TileWords.StoreColumn(a, toA, k, row, tileRows + GemmTile.Pad, lower, upper, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float OneRow(
        ArrayView<float> from, ArrayView<int> rows, ArrayView<int> voxels, int at, int row, int tileRows, WeightSizes s,
        int precision)
    {
        var index = IndexOf(rows, voxels, at, row, tileRows, s);
        var value = 0f;
        if (index >= 0)
        {
            value = precision >= TileWords.Bf16 && s.GatheredHalf != 0
                ? Elements.One(from, index, precision)
                : ReadOnlyMemory.Read(from, index);
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumnsByFour(
        ArrayView<float> dense, ArrayView<float> b, int toB, int first, int end, WeightSizes s, int firstColumn, int tileColumns,
        int precision)
    {
        var quads = tileColumns >> 2;
        for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * quads / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = (i / quads) << 1;
            var column = (i & (quads - 1)) << 2;
            var lower = FourColumns(dense, first + k, end, firstColumn + column, s, precision);
            var upper = FourColumns(dense, first + k + 1, end, firstColumn + column, s, precision);
            TileWords.StoreColumns(b, toB, k, column, tileColumns + GemmTile.Pad, lower, upper, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 FourColumns(
        ArrayView<float> dense, int voxel, int end, int column, WeightSizes s, int precision)
    {
        var value = default(Float4);
        if (voxel < end && column < s.DenseChannels)
        {
            var quad = (((long)voxel * s.DenseChannels) + column) >> 2;
            value = precision >= TileWords.Bf16 && s.DenseHalf != 0
                ? Elements.Four(dense, quad, precision)
                : ReadOnlyMemory.Read(dense.Cast<Float4>(), quad);
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumns(
        ArrayView<float> dense, ArrayView<float> b, int toB, int first, int end, WeightSizes s, int firstColumn, int tileColumns,
        int precision)
    {
        for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * tileColumns / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = (i / tileColumns) << 1;
            var column = i & (tileColumns - 1);
            var lower = OneColumn(dense, first + k, end, firstColumn + column, s, precision);
            var upper = OneColumn(dense, first + k + 1, end, firstColumn + column, s, precision);
            TileWords.StoreColumn(b, toB, k, column, tileColumns + GemmTile.Pad, lower, upper, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float OneColumn(ArrayView<float> dense, int voxel, int end, int column, WeightSizes s, int precision)
    {
        var value = 0f;
        if (voxel < end && column < s.DenseChannels)
        {
            var index = ((long)voxel * s.DenseChannels) + column;
            value = precision >= TileWords.Bf16 && s.DenseHalf != 0
                ? Elements.One(dense, index, precision)
                : ReadOnlyMemory.Read(dense, index);
        }

        return value;
    }

    /// <summary>
    /// Index of a row's channel at a voxel in the gathered array, or −1 where the tap leaves the volume. 64-bit: whole batch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long IndexOf(ArrayView<int> rows, ArrayView<int> voxels, int at, int row, int tileRows, WeightSizes s)
    {
        var n = voxels[at];
        var z = voxels[at + VoxelPlan.PositionZ] + rows[row];
        var y = voxels[at + VoxelPlan.PositionY] + rows[tileRows + row];
        var x = voxels[at + VoxelPlan.PositionX] + rows[(2 * tileRows) + row];
        var c = rows[(3 * tileRows) + row];
        var inside = n >= 0 && c >= 0 && z >= 0 && z < s.GatheredZ && y >= 0 && y < s.GatheredY && x >= 0 && x < s.GatheredX;
        var second = c >= s.Channels;
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        var voxel = ((long)n * s.GatheredVoxels) + (((z * s.GatheredY) + y) * s.GatheredX) + x;
        return inside ? (voxel * channels) + channel : -1L;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(ArrayView<float> partial, Float4 value, int first, int column, WeightSizes s, bool vector)
    {
        if (vector && s.TransposedOutput == 0)
        {
            if (column < s.DenseChannels)
            {
                partial.AsAligned16().Cast<Float4>()[(first + column) >> 2] = value;
            }
        }
        else
        {
            StoreOne(partial, value.X, first, column, s);
            StoreOne(partial, value.Y, first, column + 1, s);
            StoreOne(partial, value.Z, first, column + 2, s);
            StoreOne(partial, value.W, first, column + 3, s);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreOne(ArrayView<float> partial, float value, int first, int column, WeightSizes s)
    {
        if (column < s.DenseChannels)
        {
            partial[first + (s.TransposedOutput != 0 ? column * s.Channels : column)] = value;
        }
    }
}
