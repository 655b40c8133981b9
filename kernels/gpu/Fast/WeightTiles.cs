using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>Filling the tiles of <see cref="WeightGemm"/> and writing its partial results. Tiles lie depth first.</summary>
internal static class WeightTiles
{
    /// <summary>rows[0 | 1 | 2 | 3, row] ← tap z, y, x and channel of row m; channel −1 behind the last row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteRow(ArrayView<int> rows, int row, int tileRows, int m, WeightSizes s)
    {
        var channels = s.Channels + s.Channels2;
        var tap = m / channels;
        rows[row] = tap / s.KernelX / s.KernelY;
        rows[tileRows + row] = tap / s.KernelX % s.KernelY;
        rows[(2 * tileRows) + row] = tap % s.KernelX;
        rows[(3 * tileRows) + row] = m < s.Rows ? m % channels : -1;
    }

    /// <summary>Fills buffer 0 or 1 of both tiles; the plan in the slot of the same number says where the voxels lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> dense, ArrayView<float> a, ArrayView<float> b,
        ArrayView<int> rows, ArrayView<int> voxels, int buffer, int first, int end, WeightSizes s, int firstColumn, int tileRows,
        int tileColumns, bool vector)
    {
        var plan = buffer * VoxelPlan.Length;
        var toA = buffer * GemmTile.Depth * (tileRows + GemmTile.Pad);
        var toB = buffer * GemmTile.Depth * (tileColumns + GemmTile.Pad);
        if (vector)
        {
            LoadRowsByFour(gathered, gathered2, a, toA, rows, voxels, plan, s, tileRows);
            LoadColumnsByFour(dense, b, toB, first, end, s, firstColumn, tileColumns);
        }
        else
        {
            LoadRows(gathered, gathered2, a, toA, rows, voxels, plan, s, tileRows);
            LoadColumns(dense, b, toB, first, end, s, firstColumn, tileColumns);
        }
    }

    /// <summary>Writes one row of a thread's results.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ArrayView<float> partial, Row8 row, int m, int left, int right, WeightSizes s, bool vector)
    {
        if (m < s.Rows)
        {
            StoreFour(partial, row.Left, m, left, s, vector);
            StoreFour(partial, row.Right, m, right, s, vector);
        }
    }

    /// <summary>Writes one result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreOne(ArrayView<float> partial, float value, int m, int column, WeightSizes s)
    {
        if (column < s.DenseChannels)
        {
            var tap = m / s.Channels; // the transposed convolution has one gathered array
            var index = s.TransposedOutput != 0
                ? (((tap * s.DenseChannels) + column) * s.Channels) + (m % s.Channels)
                : (m * s.DenseChannels) + column;
            partial[index] = value;
        }
    }

    // A thread keeps its four rows for all depths. Loops have the same number of turns for every thread, so that the driver unrolls them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRowsByFour(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> a, int toA, ArrayView<int> rows, ArrayView<int> voxels,
        int plan, WeightSizes s, int tileRows)
    {
        var quads = tileRows >> 2;
        var row = (Group.IdxX & (quads - 1)) << 2;
        var a4 = a.Cast<Float4>();
        var from = (rows[(3 * tileRows) + row] >= s.Channels ? gathered2 : gathered).Cast<Float4>();
        for (var turn = 0; turn < GemmTile.Depth * quads / GemmTile.Threads; turn++)
        {
            var k = (Group.IdxX / quads) + (turn * (GemmTile.Threads / quads));
            var index = IndexOf(rows, voxels, plan, row, k, tileRows, s);
            var value = default(Float4);
            if (index >= 0)
            {
                value = ReadOnlyMemory.Read(from, index >> 2);
            }

            a4[(toA + (k * (tileRows + GemmTile.Pad)) + row) >> 2] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRows(
        ArrayView<float> gathered, ArrayView<float> gathered2, ArrayView<float> a, int toA, ArrayView<int> rows, ArrayView<int> voxels,
        int plan, WeightSizes s, int tileRows)
    {
        for (var turn = 0; turn < GemmTile.Depth * tileRows / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = i / tileRows;
            var row = i & (tileRows - 1);
            var index = IndexOf(rows, voxels, plan, row, k, tileRows, s);
            var value = 0f;
            if (index >= 0)
            {
                value = ReadOnlyMemory.Read(rows[(3 * tileRows) + row] >= s.Channels ? gathered2 : gathered, index);
            }

            a[toA + (k * (tileRows + GemmTile.Pad)) + row] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumnsByFour(
        ArrayView<float> dense, ArrayView<float> b, int toB, int first, int end, WeightSizes s, int firstColumn, int tileColumns)
    {
        var quads = tileColumns >> 2;
        var b4 = b.Cast<Float4>();
        var from = dense.Cast<Float4>();
        for (var turn = 0; turn < GemmTile.Depth * quads / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = i / quads;
            var column = (i & (quads - 1)) << 2;
            var value = default(Float4);
            if (first + k < end && firstColumn + column < s.DenseChannels)
            {
                value = ReadOnlyMemory.Read(from, (((long)(first + k) * s.DenseChannels) + firstColumn + column) >> 2);
            }

            b4[(toB + (k * (tileColumns + GemmTile.Pad)) + column) >> 2] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumns(
        ArrayView<float> dense, ArrayView<float> b, int toB, int first, int end, WeightSizes s, int firstColumn, int tileColumns)
    {
        for (var turn = 0; turn < GemmTile.Depth * tileColumns / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = i / tileColumns;
            var column = i & (tileColumns - 1);
            var value = 0f;
            if (first + k < end && firstColumn + column < s.DenseChannels)
            {
                value = ReadOnlyMemory.Read(dense, ((long)(first + k) * s.DenseChannels) + firstColumn + column);
            }

            b[toB + (k * (tileColumns + GemmTile.Pad)) + column] = value;
        }
    }

    /// <summary>Index of a row's channel at a voxel in the gathered array, or −1 where the tap leaves the volume. 64-bit: whole batch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long IndexOf(ArrayView<int> rows, ArrayView<int> voxels, int plan, int row, int k, int tileRows, WeightSizes s)
    {
        var n = voxels[plan + k];
        var z = voxels[plan + GemmTile.Depth + k] + rows[row];
        var y = voxels[plan + (2 * GemmTile.Depth) + k] + rows[tileRows + row];
        var x = voxels[plan + (3 * GemmTile.Depth) + k] + rows[(2 * tileRows) + row];
        var c = rows[(3 * tileRows) + row];
        var inside = n >= 0 && c >= 0 && z >= 0 && z < s.GatheredZ && y >= 0 && y < s.GatheredY && x >= 0 && x < s.GatheredX;
        var second = c >= s.Channels;
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        var voxel = ((long)n * s.GatheredVoxels) + (((z * s.GatheredY) + y) * s.GatheredX) + x;
        return inside ? (voxel * channels) + channel : -1L;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(ArrayView<float> partial, Float4 value, int m, int column, WeightSizes s, bool vector)
    {
        if (vector && s.TransposedOutput == 0)
        {
            if (column < s.DenseChannels)
            {
                partial.AsAligned16().Cast<Float4>()[((m * s.DenseChannels) + column) >> 2] = value;
            }
        }
        else
        {
            StoreOne(partial, value.X, m, column, s);
            StoreOne(partial, value.Y, m, column + 1, s);
            StoreOne(partial, value.Z, m, column + 2, s);
            StoreOne(partial, value.W, m, column + 3, s);
        }
    }
}
