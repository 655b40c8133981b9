using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// One thread's share of its warp's sums, a slab of 64 voxels by 32 columns: four bands of sixteen voxels, which are two rows of
/// eight along x, and in each band four fragments of eight columns.
/// </summary>
internal struct BrickSums
{
    public BrickBand B0, B1, B2, B3;

    /// <summary>
    /// sums += Σ over the taps of one tap along z; <paramref name="words"/>: where the first lies behind the lanes' places.
    /// Straight-line code: every distance is a constant, and nothing branches. All threads of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddPlane(
        ref BrickSums sums, SharedFragments brick, PackedFragments weights, int words, int firstTap, int precision)
    {
        const int row = (BrickSizes.Edge + 2) * Brick.VoxelWords;
        AddRow(ref sums, brick, weights, words, firstTap, precision);
        AddRow(ref sums, brick, weights, words + row, firstTap + 3, precision);
        AddRow(ref sums, brick, weights, words + (2 * row), firstTap + 6, precision);
    }

    /// <summary>
    /// sums += one tap: one instruction deep; <paramref name="row"/>: words from one row of the brick to the next.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTap(
        ref BrickSums sums, SharedFragments brick, PackedFragments weights, int words, int row, int tap, int precision)
    {
        var left = PackedFragments.Read(weights, tap * PackedWeights.PerTap);
        var right = PackedFragments.Read(weights, (tap * PackedWeights.PerTap) + PackedWeights.Lanes);
        BrickBand.Add(ref sums.B0, SharedFragments.Read(brick, words), left, right, precision);
        BrickBand.Add(ref sums.B1, SharedFragments.Read(brick, words + (2 * row)), left, right, precision);
        BrickBand.Add(ref sums.B2, SharedFragments.Read(brick, words + (4 * row)), left, right, precision);
        BrickBand.Add(ref sums.B3, SharedFragments.Read(brick, words + (6 * row)), left, right, precision);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(
        ref BrickSums sums, SharedFragments brick, PackedFragments weights, int words, int firstTap, int precision)
    {
        const int row = (BrickSizes.Edge + 2) * Brick.VoxelWords;
        AddTap(ref sums, brick, weights, words, row, firstTap, precision);
        AddTap(ref sums, brick, weights, words + Brick.VoxelWords, row, firstTap + 1, precision);
        AddTap(ref sums, brick, weights, words + (2 * Brick.VoxelWords), row, firstTap + 2, precision);
    }
}

/// <summary>Four fragments of one thread's sums: sixteen voxels and eight columns each (<see cref="TensorFragment"/>).</summary>
internal struct BrickBand
{
    public Float4 C0, C1, C2, C3;

    /// <summary>band += voxels·(left, right).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(ref BrickBand band, TensorFragment voxels, TensorFragment left, TensorFragment right, int precision)
    {
        TensorFragment.Multiply(ref band.C0, voxels, left.R0, left.R1, precision);
        TensorFragment.Multiply(ref band.C1, voxels, left.R2, left.R3, precision);
        TensorFragment.Multiply(ref band.C2, voxels, right.R0, right.R1, precision);
        TensorFragment.Multiply(ref band.C3, voxels, right.R2, right.R3, precision);
    }
}
