using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Mean and Σ(v − mean)² of the voxels of a brick, per column, from the results that a group's threads still hold, for the
/// instance norm behind the convolution, which then need not read them again.
/// <para>Shapes: statistics (2, n, bricks, columns), means before squares. The norm joins the bricks
/// (<see cref="Normalization.NormParts"/>).</para>
/// <para>Maths: two passes over registers. First the mean of the brick, then differences from it: nothing is subtracted from
/// something much larger, as in E[x²] − E[x]², and float32 suffices however large the mean is. Every sum has one order: a
/// thread's rows, the eight threads along x, the slabs.</para>
/// </summary>
internal static class BrickStatistics
{
    /// <summary>Writes those of this group's brick. All threads of the group must call this.</summary>
    /// <param name="statistics">Where to.</param>
    /// <param name="sums">The thread's results, as they will be written.</param>
    /// <param name="s">Sizes.</param>
    /// <param name="rows">Of the eight rows along y, so many lie in the volume; may be negative or more.</param>
    /// <param name="shared">The group's brick, which it has finished reading, or nearly.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ArrayView<float> statistics, BrickSums sums, BrickSizes s, int rows, ArrayView<float> shared)
    {
        const int columns = BrickSizes.WarpColumns, laneMask = PackedWeights.Lanes - 1;
        var warp = Group.IdxX / PackedWeights.Lanes;
        var lane = Group.IdxX & laneMask;
        var count = VoxelsOf(s);
        var squares = Group.DimX;                                  // behind a word for each column of each warp

        Group.Barrier();                                           // nobody reads the brick any more
        Share(shared, 0, ColumnEight.Sum(sums, rows));
        Group.Barrier();
        var mean = ColumnEight.Of(shared, warp, lane, 1f / count);
        Share(shared, squares, ColumnEight.Squares(sums, mean, rows));
        Group.Barrier();
        var column = (((Grid.IdxY * s.GroupBlocks) + (warp / BrickSizes.WarpSlabs)) * columns) + lane;
        if ((warp & (BrickSizes.WarpSlabs - 1)) == 0 && column < s.Columns)
        {
            var bricks = (long)Grid.DimX * s.Columns;
            var at = (Grid.IdxZ * bricks) + ((long)Grid.IdxX * s.Columns) + column;
            var first = (warp * columns) + lane;
            GlobalMemory.Write(statistics, at, OverSlabs(shared, first) * (1f / count));
            GlobalMemory.Write(statistics, (s.N * bricks) + at, OverSlabs(shared, squares + first));
        }
    }

    /// <summary>Σ over the slabs of a column; first: its word of the first slab.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float OverSlabs(ArrayView<float> shared, int first) =>
        shared[first] + shared[first + BrickSizes.WarpColumns] + shared[first + (2 * BrickSizes.WarpColumns)]
            + shared[first + (3 * BrickSizes.WarpColumns)];

    // Adds over the threads along x, and puts the warps' sums where others find them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Share(ArrayView<float> shared, int first, ColumnEight mine)
    {
        const int laneMask = PackedWeights.Lanes - 1;
        var eight = ColumnEight.OverThreads(ColumnEight.OverThreads(ColumnEight.OverThreads(mine, 4), 8), 16);
        var lane = Group.IdxX & laneMask;
        if (lane < 4)
        {
            var at = first + (Group.IdxX / PackedWeights.Lanes * BrickSizes.WarpColumns) + (2 * lane);
            shared[at] = eight.Even.X;
            shared[at + 1] = eight.Odd.X;
            shared[at + 8] = eight.Even.Y;
            shared[at + 9] = eight.Odd.Y;
            shared[at + 16] = eight.Even.Z;
            shared[at + 17] = eight.Odd.Z;
            shared[at + 24] = eight.Even.W;
            shared[at + 25] = eight.Odd.W;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float VoxelsOf(BrickSizes s)
    {
        var at = BrickPlace.Of(s, Grid.IdxZ, Grid.IdxX);
        var (z, y, x) = (s.Z - at.Z, s.Y - at.Y, s.X - at.X);
        return (z < s.BrickZ ? z : s.BrickZ) * (y < s.BrickY ? y : s.BrickY) * (x < BrickSizes.Edge ? x : BrickSizes.Edge);
    }
}

/// <summary>
/// A number for each of a thread's eight columns: of its four fragments (X, Y, Z, W) the even and the odd one.
/// </summary>
internal struct ColumnEight
{
    public Float4 Even, Odd;

    /// <summary>Σ over those of the thread's rows that lie in the volume.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ColumnEight Sum(BrickSums sums, int rows)
    {
        var eight = default(ColumnEight);
        AddBand(ref eight, sums.B0, rows);
        AddBand(ref eight, sums.B1, rows - 2);
        AddBand(ref eight, sums.B2, rows - 4);
        AddBand(ref eight, sums.B3, rows - 6);
        return eight;
    }

    /// <summary>Σ (v − mean)² over the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ColumnEight Squares(BrickSums sums, ColumnEight mean, int rows)
    {
        var eight = default(ColumnEight);
        AddSquares(ref eight, sums.B0, mean, rows);
        AddSquares(ref eight, sums.B1, mean, rows - 2);
        AddSquares(ref eight, sums.B2, mean, rows - 4);
        AddSquares(ref eight, sums.B3, mean, rows - 6);
        return eight;
    }

    /// <summary>What the slabs shared, added up and scaled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ColumnEight Of(ArrayView<float> shared, int warp, int lane, float scale)
    {
        var at = (warp / BrickSizes.WarpSlabs * BrickSizes.WarpSlabs * BrickSizes.WarpColumns) + (2 * (lane & 3));
        var eight = default(ColumnEight);
        eight.Even.X = BrickStatistics.OverSlabs(shared, at) * scale;
        eight.Odd.X = BrickStatistics.OverSlabs(shared, at + 1) * scale;
        eight.Even.Y = BrickStatistics.OverSlabs(shared, at + 8) * scale;
        eight.Odd.Y = BrickStatistics.OverSlabs(shared, at + 9) * scale;
        eight.Even.Z = BrickStatistics.OverSlabs(shared, at + 16) * scale;
        eight.Odd.Z = BrickStatistics.OverSlabs(shared, at + 17) * scale;
        eight.Even.W = BrickStatistics.OverSlabs(shared, at + 24) * scale;
        eight.Odd.W = BrickStatistics.OverSlabs(shared, at + 25) * scale;
        return eight;
    }

    /// <summary>With those of the thread whose number in the warp differs by <paramref name="distance"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ColumnEight OverThreads(ColumnEight eight, int distance)
    {
        eight.Even = Float4.Sum(eight.Even, Exchanged(eight.Even, distance));
        eight.Odd = Float4.Sum(eight.Odd, Exchanged(eight.Odd, distance));
        return eight;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Exchanged(Float4 four, int distance)
    {
        four.X = Warp.ShuffleXor(four.X, distance);
        four.Y = Warp.ShuffleXor(four.Y, distance);
        four.Z = Warp.ShuffleXor(four.Z, distance);
        four.W = Warp.ShuffleXor(four.W, distance);
        return four;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddBand(ref ColumnEight eight, BrickBand band, int rows)
    {
        if (rows > 0)
        {
            eight.Even.X += band.C0.X;
            eight.Odd.X += band.C0.Y;
            eight.Even.Y += band.C1.X;
            eight.Odd.Y += band.C1.Y;
            eight.Even.Z += band.C2.X;
            eight.Odd.Z += band.C2.Y;
            eight.Even.W += band.C3.X;
            eight.Odd.W += band.C3.Y;
        }

        if (rows > 1)
        {
            eight.Even.X += band.C0.Z;
            eight.Odd.X += band.C0.W;
            eight.Even.Y += band.C1.Z;
            eight.Odd.Y += band.C1.W;
            eight.Even.Z += band.C2.Z;
            eight.Odd.Z += band.C2.W;
            eight.Even.W += band.C3.Z;
            eight.Odd.W += band.C3.W;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquares(ref ColumnEight eight, BrickBand band, ColumnEight mean, int rows)
    {
        var difference = default(BrickBand);
        difference.C0 = Squared(band.C0, mean.Even.X, mean.Odd.X);
        difference.C1 = Squared(band.C1, mean.Even.Y, mean.Odd.Y);
        difference.C2 = Squared(band.C2, mean.Even.Z, mean.Odd.Z);
        difference.C3 = Squared(band.C3, mean.Even.W, mean.Odd.W);
        AddBand(ref eight, difference, rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Squared(Float4 values, float even, float odd)
    {
        values.X -= even;
        values.Y -= odd;
        values.Z -= even;
        values.W -= odd;
        values.X *= values.X;
        values.Y *= values.Y;
        values.Z *= values.Z;
        values.W *= values.W;
        return values;
    }
}
