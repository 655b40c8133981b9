using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A thread's 8×8 sums of a matrix product of two tiles in shared memory: rows 4·ty … 4·ty + 3 and the same half a tile further
/// on, columns alike. Split in halves so that the threads of a warp read neighbouring 16-byte words: no bank is asked for twice.
/// </summary>
internal struct Block8x8
{
    public Row8 R0, R1, R2, R3, R4, R5, R6, R7;

    /// <summary>
    /// sums += Σ_k a[k, rows]·b[k, columns] over one tile, laid out by <see cref="TileWords"/>. Indices and row lengths count
    /// 16-byte words; halfA and halfB are half a tile: a swizzle's part below them concerns the thread's place, the rest which
    /// half it reads.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(
        ref Block8x8 sums, ArrayView<Float4> a, int firstA, int ty, int halfA, int rowA, ArrayView<Float4> b, int firstB,
        int tx, int halfB,
        int rowB)
    {
        for (var k = 0; k < GemmTile.Words; k += 4)       // four depths share a swizzle, and so their addresses
        {
            var swizzle = TileWords.Swizzle(k, TileWords.Float32) >> 2;
            var atA = firstA + (k * rowA) + (ty ^ (swizzle & (halfA - 1)));
            var atB = firstB + (k * rowB) + (tx ^ (swizzle & (halfB - 1)));
            var upper = atA + (swizzle & -halfA);
            var lower = atA + (halfA ^ (swizzle & -halfA));
            var left = atB + (swizzle & -halfB);
            var right = atB + (halfB ^ (swizzle & -halfB));
            Step(ref sums, a[upper], a[lower], b[left], b[right]);
            Step(ref sums, a[upper + rowA], a[lower + rowA], b[left + rowB], b[right + rowB]);
            Step(ref sums, a[upper + (2 * rowA)], a[lower + (2 * rowA)], b[left + (2 * rowB)], b[right + (2 * rowB)]);
            Step(ref sums, a[upper + (3 * rowA)], a[lower + (3 * rowA)], b[left + (3 * rowB)], b[right + (3 * rowB)]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref Block8x8 sums, Float4 upper, Float4 lower, Float4 left, Float4 right)
    {
        Row8.MultiplyAdd(ref sums.R0, upper.X, left, right);
        Row8.MultiplyAdd(ref sums.R1, upper.Y, left, right);
        Row8.MultiplyAdd(ref sums.R2, upper.Z, left, right);
        Row8.MultiplyAdd(ref sums.R3, upper.W, left, right);
        Row8.MultiplyAdd(ref sums.R4, lower.X, left, right);
        Row8.MultiplyAdd(ref sums.R5, lower.Y, left, right);
        Row8.MultiplyAdd(ref sums.R6, lower.Z, left, right);
        Row8.MultiplyAdd(ref sums.R7, lower.W, left, right);
    }
}

/// <summary>
/// One row of a thread's 8×8 block of sums. Eight named scalars rather than an array: those stay in registers, an array would lie
/// in local memory.
/// </summary>
internal struct Row8
{
    /// <summary>Columns 4·tx … 4·tx + 3.</summary>
    public Float4 Left;

    /// <summary>The same columns, half a tile further on.</summary>
    public Float4 Right;

    /// <summary>row += a·(left, right).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyAdd(ref Row8 row, float a, Float4 left, Float4 right)
    {
        row.Left.X += a * left.X;
        row.Left.Y += a * left.Y;
        row.Left.Z += a * left.Z;
        row.Left.W += a * left.W;
        row.Right.X += a * right.X;
        row.Right.Y += a * right.Y;
        row.Right.Z += a * right.Z;
        row.Right.W += a * right.W;
    }
}
