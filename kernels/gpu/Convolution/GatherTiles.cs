using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Filling the tiles of <see cref="GatherGemm"/>, laid out by <see cref="TileWords"/>, and writing its results.
/// </summary>
internal static class GatherTiles
{
    /// <summary>Fills buffer 0 or 1 of both tiles from what the plan in slot <paramref name="buffer"/> says.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights, ArrayView<float> a, ArrayView<float> b,
        ArrayView<int> rows, ArrayView<int> depths, int buffer, GatherSizes s, int firstColumn, int tileRows, int tileColumns,
        bool vector,
        int precision)
    {
        var plan = buffer * DepthPlan.Length;
        var toA = buffer * GemmTile.Words * (tileRows + GemmTile.Pad);
        var toB = buffer * GemmTile.Words * (tileColumns + GemmTile.Pad);
        if (vector)
        {
            LoadRowsByFour(source, source2, a, toA, rows, depths, plan, s, tileRows, precision);
            LoadColumnsByFour(weights, b, toB, depths, plan, s, firstColumn, tileColumns, precision);
        }
        else
        {
            LoadRows(source, source2, a, toA, rows, depths, plan, s, tileRows, precision);
            LoadColumns(weights, b, toB, depths, plan, s, firstColumn, tileColumns, precision);
        }
    }

    /// <summary>
    /// Writes one row of a thread's results: bias, accumulation, borders. <paramref name="first"/> as in the rows' plan.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        ArrayView<float> dest, ArrayView<float> bias, Row8 row, int first, int left, int right, GatherSizes s, bool vector)
    {
        if (first >= 0)
        {
            StoreFour(dest, bias, row.Left, first, left, s, vector);
            StoreFour(dest, bias, row.Right, first, right, s, vector);
        }
    }

    /// <summary>Writes two results of neighbouring columns, the first of which is even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreTwo(
        ArrayView<float> dest, ArrayView<float> bias, float x, float y, int first, int column, GatherSizes s, bool vector,
        int precision)
    {
        if (precision >= TileWords.Bf16 && s.DestHalf != 0)
        {
            StoreWord(dest, bias, x, y, first, column, s, precision);
        }
        else if (vector)
        {
            if (column < s.Columns)
            {
                var to = dest.AsAligned16().Cast<Float2>();
                var value = default(Float2);
                value.X = x + (s.HasBias != 0 ? bias[column] : 0f);
                value.Y = y + (s.HasBias != 0 ? bias[column + 1] : 0f);
                if (s.Accumulate != 0)
                {
                    var old = to[(first + column) >> 1];
                    value.X += old.X;
                    value.Y += old.Y;
                }

                to[(first + column) >> 1] = value;
            }
        }
        else
        {
            StoreOne(dest, bias, x, first, column, s);
            StoreOne(dest, bias, y, first, column + 1, s);
        }
    }

    // Columns are even in number, so that both are there if one is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWord(
        ArrayView<float> dest, ArrayView<float> bias, float x, float y, int first, int column, GatherSizes s, int format)
    {
        if (column < s.Columns)
        {
            var at = (first + column) >> 1;
            if (s.HasBias != 0)
            {
                x += bias[column];
                y += bias[column + 1];
            }

            if (s.Accumulate != 0)
            {
                var old = dest[at];
                x += Elements.Lower(old, format);
                y += Elements.Upper(old, format);
            }

            dest[at] = Elements.Word(x, y, format);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreOne(ArrayView<float> dest, ArrayView<float> bias, float value, int first, int column, GatherSizes s)
    {
        if (column < s.Columns)
        {
            value += s.HasBias != 0 ? bias[column] : 0f;
            dest[first + column] = s.Accumulate != 0 ? dest[first + column] + value : value;
        }
    }

    // Four threads (eight for 32 depths) read the channels of a voxel, four each. So many turns for every thread: the driver
    // unrolls.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRowsByFour(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> a, int toA, ArrayView<int> rows,
        ArrayView<int> depths, int plan,
        GatherSizes s, int tileRows, int precision)
    {
        var threads = TileWords.DepthOf(precision) >> 2;
        var k = (Group.IdxX & (threads - 1)) << 2;
        var c = depths[plan + DepthPlan.Channel + k];
        var dz = depths[plan + k];
        var dy = depths[plan + DepthPlan.OffsetY + k];
        var dx = depths[plan + DepthPlan.OffsetX + k];
        var second = c >= s.Channels;
        var from = second ? source2 : source;
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        for (var i = 0; i < tileRows / (GemmTile.Threads / threads); i++)
        {
            var row = (Group.IdxX / threads) + (i * (GemmTile.Threads / threads));
            var z = rows[row] + dz;
            var y = rows[tileRows + row] + dy;
            var x = rows[(2 * tileRows) + row] + dx;
            var value = default(Float4);
            if (c >= 0 && z >= 0 && z < s.SourceZ && y >= 0 && y < s.SourceY && x >= 0 && x < s.SourceX)
            {
                var quad = ((((((z * s.SourceY) + y) * s.SourceX) + x) * channels) + channel) >> 2;
                value = precision >= TileWords.Bf16 && s.SourceHalf != 0
                    ? Elements.Four(from, quad, precision)
                    : ReadOnlyMemory.Read(from.Cast<Float4>(), quad);
            }

            TileWords.StoreDepths(a, toA, k, row, tileRows + GemmTile.Pad, value, precision);
        }
    }

    // Eight threads (or sixteen) read the depths of a voxel, two each.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRows(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<float> a, int toA, ArrayView<int> rows,
        ArrayView<int> depths, int plan,
        GatherSizes s, int tileRows, int precision)
    {
        var threads = TileWords.DepthOf(precision) >> 1;
        var k = (Group.IdxX & (threads - 1)) << 1;
        for (var i = 0; i < tileRows / (GemmTile.Threads / threads); i++)
        {
            var row = (Group.IdxX / threads) + (i * (GemmTile.Threads / threads));
            var lower = Gathered(source, source2, rows, row, tileRows, depths, plan + k, s, precision);
            var upper = Gathered(source, source2, rows, row, tileRows, depths, plan + k + 1, s, precision);
            TileWords.StoreColumn(a, toA, k, row, tileRows + GemmTile.Pad, lower, upper, precision);
        }
    }

    /// <summary>The element of the source that a row sees at one depth; 0 outside the volume and beyond the last depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Gathered(
        ArrayView<float> source, ArrayView<float> source2, ArrayView<int> rows, int row, int tileRows,
        ArrayView<int> depths, int at, GatherSizes s, int precision)
    {
        var c = depths[at + DepthPlan.Channel];
        var z = rows[row] + depths[at];
        var y = rows[tileRows + row] + depths[at + DepthPlan.OffsetY];
        var x = rows[(2 * tileRows) + row] + depths[at + DepthPlan.OffsetX];
        var second = c >= s.Channels;
        var channels = second ? s.Channels2 : s.Channels;
        var channel = second ? c - s.Channels : c;
        var value = 0f;
        if (c >= 0 && z >= 0 && z < s.SourceZ && y >= 0 && y < s.SourceY && x >= 0 && x < s.SourceX)
        {
            var index = (((((z * s.SourceY) + y) * s.SourceX) + x) * channels) + channel;
            var from = second ? source2 : source;
            value = precision >= TileWords.Bf16 && s.SourceHalf != 0
                ? Elements.One(from, index, precision)
                : ReadOnlyMemory.Read(from, index);
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumnsByFour(
        ArrayView<float> weights, ArrayView<float> b, int toB, ArrayView<int> depths, int plan, GatherSizes s, int firstColumn,
        int tileColumns, int precision)
    {
        var w = weights.Cast<Float4>();
        if (s.TransposedWeights == 0)
        {
            // Columns lie next to each other in memory and in the tile; a thread takes two depths of four columns.
            var quads = tileColumns >> 2;
            for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * quads / GemmTile.Threads; turn++)
            {
                var i = Group.IdxX + (turn * GemmTile.Threads);
                var k = (i / quads) << 1;
                var column = (i & (quads - 1)) << 2;
                var lower = FourColumns(w, depths, plan + k, firstColumn + column, s);
                var upper = FourColumns(w, depths, plan + k + 1, firstColumn + column, s);
                TileWords.StoreColumns(b, toB, k, column, tileColumns + GemmTile.Pad, lower, upper, precision);
            }
        }
        else
        {
            // Depths lie next to each other in memory: four of them are read at once.
            var threads = TileWords.DepthOf(precision) >> 2;
            for (var turn = 0; turn < threads * tileColumns / GemmTile.Threads; turn++)
            {
                var i = Group.IdxX + (turn * GemmTile.Threads);
                var k = (i & (threads - 1)) << 2;
                var column = i / threads;
                var value = default(Float4);
                if (depths[plan + DepthPlan.Channel + k] >= 0 && firstColumn + column < s.Columns)
                {
                    value = ReadOnlyMemory.Read(
                        w, (depths[plan + DepthPlan.Weight + k] + ((firstColumn + column) * s.WeightColumns)) >> 2);
                }

                TileWords.StoreDepths(b, toB, k, column, tileColumns + GemmTile.Pad, value, precision);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 FourColumns(ArrayView<Float4> weights, ArrayView<int> depths, int at, int column, GatherSizes s)
    {
        var value = default(Float4);
        if (depths[at + DepthPlan.Channel] >= 0 && column < s.Columns)
        {
            value = ReadOnlyMemory.Read(weights, (depths[at + DepthPlan.Weight] + column) >> 2);
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadColumns(
        ArrayView<float> weights, ArrayView<float> b, int toB, ArrayView<int> depths, int plan, GatherSizes s, int firstColumn,
        int tileColumns, int precision)
    {
        for (var turn = 0; turn < (TileWords.DepthOf(precision) >> 1) * tileColumns / GemmTile.Threads; turn++)
        {
            var i = Group.IdxX + (turn * GemmTile.Threads);
            var k = (i / tileColumns) << 1;
            var column = i & (tileColumns - 1);
            var lower = OneColumn(weights, depths, plan + k, firstColumn + column, s);
            var upper = OneColumn(weights, depths, plan + k + 1, firstColumn + column, s);
            TileWords.StoreColumn(b, toB, k, column, tileColumns + GemmTile.Pad, lower, upper, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float OneColumn(ArrayView<float> weights, ArrayView<int> depths, int at, int column, GatherSizes s)
    {
        var value = 0f;
        if (depths[at + DepthPlan.Channel] >= 0 && column < s.Columns)
        {
            value = ReadOnlyMemory.Read(
                weights, depths[at + DepthPlan.Weight] + (s.TransposedWeights == 0 ? column : column * s.WeightColumns));
        }

        return value;
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
