using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>Filling the tiles of <see cref="GatherGemm"/> and writing its results. Tiles lie depth first: tile[k, row] or [k, column].</summary>
internal static class GatherTiles
{
    /// <summary>Fills buffer 0 or 1 of both tiles from what the plan in slot <paramref name="buffer"/> says.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> a, ArrayView<float> b,
        ArrayView<int> rows, ArrayView<int> depths, int buffer, GatherSizes s, int firstColumn, int tileRows, int tileColumns, bool vector)
    {
        var plan = buffer * DepthPlan.Length;
        var toA = buffer * GemmTile.Depth * (tileRows + GemmTile.Pad);
        var toB = buffer * GemmTile.Depth * (tileColumns + GemmTile.Pad);
        if (vector)
        {
            LoadRowsByFour(source, source2, a, toA, rows, depths, plan, s, tileRows);
            LoadColumnsByFour(weights, b, toB, depths, plan, s, firstColumn, tileColumns);
        }
        else
        {
            LoadRows(source, source2, a, toA, rows, depths, plan, s, tileRows);
            LoadColumns(weights, b, toB, depths, plan, s, firstColumn, tileColumns);
        }
    }

    /// <summary>Writes one row of a thread's results: bias, accumulation, borders.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        ArrayView<float> dest, ArrayView<float> bias, Row8 row, int m, int left, int right, int voxels, GatherSizes s, VoxelClass place,
        bool vector)
    {
        if (m < voxels)
        {
            var first = RowStart(m, s, place);
            StoreFour(dest, bias, row.Left, first, left, s, vector);
            StoreFour(dest, bias, row.Right, first, right, s, vector);
        }
    }

    /// <summary>Index of the first channel of voxel m of a class, in a sample of the destination.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RowStart(int m, GatherSizes s, VoxelClass place)
    {
        var x = ((m % place.X.Count) * place.X.DestStep) + place.X.Remainder;
        var y = ((m / place.X.Count % place.Y.Count) * place.Y.DestStep) + place.Y.Remainder;
        var z = ((m / place.X.Count / place.Y.Count) * place.Z.DestStep) + place.Z.Remainder;
        return ((((z * s.DestY) + y) * s.DestX) + x) * s.Columns;
    }

    /// <summary>Writes one result: bias, accumulation, border.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreOne(ArrayView<float> dest, ArrayView<float> bias, float value, int first, int column, GatherSizes s)
    {
        if (column < s.Columns)
        {
            value += s.HasBias != 0 ? bias[column] : 0f;
            dest[first + column] = s.Accumulate != 0 ? dest[first + column] + value : value;
        }
    }

    // Four threads read the sixteen channels of a voxel, four each; sixteen voxels at a time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRowsByFour(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> a, int toA, ArrayView<int> rows, ArrayView<int> depths, int plan,
        GatherSizes s, int tileRows)
    {
        var k = (Group.IdxX & 3) << 2;
        var c = depths[plan + DepthPlan.Channel + k];
        var dz = depths[plan + k];
        var dy = depths[plan + GemmTile.Depth + k];
        var dx = depths[plan + (2 * GemmTile.Depth) + k];
        var second = c >= s.Channels;
        var from = (second ? source2 : source).Cast<Float4>();
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        for (var i = 0; i < tileRows / (GemmTile.Threads >> 2); i++) // so many turns for every thread: the driver unrolls
        {
            var row = (Group.IdxX >> 2) + (i * (GemmTile.Threads >> 2));
            var z = rows[row] + dz;
            var y = rows[tileRows + row] + dy;
            var x = rows[(2 * tileRows) + row] + dx;
            var value = default(Float4);
            if (c >= 0 && z >= 0 && z < s.SourceZ && y >= 0 && y < s.SourceY && x >= 0 && x < s.SourceX)
            {
                value = ReadOnlyMemory.Read(from, ((((((z * s.SourceY) + y) * s.SourceX) + x) * channels) + channel) >> 2);
            }

            var at = toA + (k * (tileRows + GemmTile.Pad)) + row;
            a[at] = value.X;
            a[at + tileRows + GemmTile.Pad] = value.Y;
            a[at + (2 * (tileRows + GemmTile.Pad))] = value.Z;
            a[at + (3 * (tileRows + GemmTile.Pad))] = value.W;
        }
    }

    // Sixteen threads read the sixteen depths of a voxel, one each; four voxels at a time.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRows(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> a, int toA, ArrayView<int> rows, ArrayView<int> depths, int plan,
        GatherSizes s, int tileRows)
    {
        var k = Group.IdxX & (GemmTile.Depth - 1);
        var c = depths[plan + DepthPlan.Channel + k];
        var dz = depths[plan + k];
        var dy = depths[plan + GemmTile.Depth + k];
        var dx = depths[plan + (2 * GemmTile.Depth) + k];
        var second = c >= s.Channels;
        var from = second ? source2 : source;
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        for (var i = 0; i < tileRows / (GemmTile.Threads >> 4); i++)
        {
            var row = (Group.IdxX >> 4) + (i * (GemmTile.Threads >> 4));
            var z = rows[row] + dz;
            var y = rows[tileRows + row] + dy;
            var x = rows[(2 * tileRows) + row] + dx;
            var value = 0f;
            if (c >= 0 && z >= 0 && z < s.SourceZ && y >= 0 && y < s.SourceY && x >= 0 && x < s.SourceX)
            {
                value = ReadOnlyMemory.Read(from, (((((z * s.SourceY) + y) * s.SourceX) + x) * channels) + channel);
            }

            a[toA + (k * (tileRows + GemmTile.Pad)) + row] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumnsByFour(
        ArrayView<float> weights, ArrayView<float> b, int toB, ArrayView<int> depths, int plan, GatherSizes s, int firstColumn,
        int tileColumns)
    {
        var w = weights.Cast<Float4>();
        var quads = tileColumns >> 2;
        if (s.TransposedWeights == 0)
        {
            // Columns lie next to each other in memory and in the tile.
            var b4 = b.Cast<Float4>();
            for (var turn = 0; turn < GemmTile.Depth * quads / GemmTile.Threads; turn++)
            {
                var i = Group.IdxX + (turn * GemmTile.Threads);
                var k = i / quads;
                var column = (i & (quads - 1)) << 2;
                var inside = depths[plan + DepthPlan.Channel + k] >= 0 && firstColumn + column < s.Columns;
                var value = default(Float4);
                if (inside)
                {
                    value = ReadOnlyMemory.Read(w, (depths[plan + DepthPlan.Weight + k] + firstColumn + column) >> 2);
                }

                b4[(toB + (k * (tileColumns + GemmTile.Pad)) + column) >> 2] = value;
            }
        }
        else
        {
            // Depths lie next to each other in memory: four of them are read at once and spread over four rows of the tile.
            for (var turn = 0; turn < GemmTile.Depth * quads / GemmTile.Threads; turn++)
            {
                var i = Group.IdxX + (turn * GemmTile.Threads);
                var k = (i & 3) << 2;
                var column = i >> 2;
                var inside = depths[plan + DepthPlan.Channel + k] >= 0 && firstColumn + column < s.Columns;
                var value = default(Float4);
                if (inside)
                {
                    value = ReadOnlyMemory.Read(
                        w, (depths[plan + DepthPlan.Weight + k] + ((firstColumn + column) * s.WeightColumns)) >> 2);
                }

                var at = toB + (k * (tileColumns + GemmTile.Pad)) + column;
                b[at] = value.X;
                b[at + tileColumns + GemmTile.Pad] = value.Y;
                b[at + (2 * (tileColumns + GemmTile.Pad))] = value.Z;
                b[at + (3 * (tileColumns + GemmTile.Pad))] = value.W;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumns(
        ArrayView<float> weights, ArrayView<float> b, int toB, ArrayView<int> depths, int plan, GatherSizes s, int firstColumn,
        int tileColumns)
    {
        var step = s.TransposedWeights == 0 ? 1 : s.WeightColumns;
        for (var turn = 0; turn < GemmTile.Depth * tileColumns / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = i / tileColumns;
            var column = i & (tileColumns - 1);
            var value = 0f;
            if (depths[plan + DepthPlan.Channel + k] >= 0 && firstColumn + column < s.Columns)
            {
                value = ReadOnlyMemory.Read(weights, depths[plan + DepthPlan.Weight + k] + ((firstColumn + column) * step));
            }

            b[toB + (k * (tileColumns + GemmTile.Pad)) + column] = value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreFour(
        ArrayView<float> dest, ArrayView<float> bias, Float4 value, int first, int column, GatherSizes s, bool vector)
    {
        if (vector)
        {
            if (column < s.Columns)
            {
                var to = dest.AsAligned16().Cast<Float4>(); // a sample begins on a multiple of four elements if a voxel does
                if (s.HasBias != 0)
                {
                    value = Float4.Sum(value, bias.Cast<Float4>()[column >> 2]);
                }

                if (s.Accumulate != 0)
                {
                    value = Float4.Sum(value, to[(first + column) >> 2]);
                }

                to[(first + column) >> 2] = value;
            }
        }
        else
        {
            StoreOne(dest, bias, value.X, first, column, s);
            StoreOne(dest, bias, value.Y, first, column + 1, s);
            StoreOne(dest, bias, value.Z, first, column + 2, s);
            StoreOne(dest, bias, value.W, first, column + 3, s);
        }
    }
}
