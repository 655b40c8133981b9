using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>
/// A thread's 8×8 sums of a matrix product of two tiles in shared memory: rows 4·ty … 4·ty + 3 and the same half a tile further on,
/// columns alike. Split in halves so that the threads of a warp read neighbouring 16-byte words: no bank is asked for twice.
/// </summary>
internal struct Block8x8
{
    public Row8 R0, R1, R2, R3, R4, R5, R6, R7;

    /// <summary>
    /// sums += Σ_k a[k, rows]·b[k, columns] over one tile of depth <see cref="GemmTile.Depth"/>. Tiles are stored depth first, padded by
    /// <see cref="GemmTile.Pad"/> floats a row; indices count 16-byte words.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(
        ref Block8x8 sums, ArrayView<Float4> a, int firstA, int halfA, int rowA, ArrayView<Float4> b, int firstB, int halfB, int rowB)
    {
        for (var k = 0; k < GemmTile.Depth; k++)
        {
            var upper = a[firstA + (k * rowA)];
            var lower = a[firstA + halfA + (k * rowA)];
            var left = b[firstB + (k * rowB)];
            var right = b[firstB + halfB + (k * rowB)];
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
}
