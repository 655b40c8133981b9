using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Fast;
using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>
/// One thread's share of its warp's 32×64 sums: two bands of sixteen rows, eight fragments of eight columns each. A group of two warps
/// makes a 64×64 tile, the same that the float32 kernels make, from the same tiles in shared memory.
/// </summary>
internal struct TensorBlock
{
    public TensorBand Upper, Lower;

    /// <summary>sums += product of one tile of depth <see cref="GemmTile.Depth"/>. All threads of the warp must come here together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(
        ref TensorBlock sums, ArrayView<float> a, int firstA, int strideA, ArrayView<float> b, int firstB, int strideB, int lane,
        int precision)
    {
        for (var k = 0; k < GemmTile.Depth; k += TensorFragment.DepthOf(precision))
        {
            var upper = TensorFragment.LoadA(a, firstA + (k * strideA), strideA, lane, precision);
            var lower = TensorFragment.LoadA(a, firstA + 16 + (k * strideA), strideA, lane, precision);
            var at = firstB + (k * strideB);
            Step(ref sums.Upper.C0, ref sums.Lower.C0, upper, lower, b, at, strideB, lane, precision);
            Step(ref sums.Upper.C1, ref sums.Lower.C1, upper, lower, b, at + 8, strideB, lane, precision);
            Step(ref sums.Upper.C2, ref sums.Lower.C2, upper, lower, b, at + 16, strideB, lane, precision);
            Step(ref sums.Upper.C3, ref sums.Lower.C3, upper, lower, b, at + 24, strideB, lane, precision);
            Step(ref sums.Upper.C4, ref sums.Lower.C4, upper, lower, b, at + 32, strideB, lane, precision);
            Step(ref sums.Upper.C5, ref sums.Lower.C5, upper, lower, b, at + 40, strideB, lane, precision);
            Step(ref sums.Upper.C6, ref sums.Lower.C6, upper, lower, b, at + 48, strideB, lane, precision);
            Step(ref sums.Upper.C7, ref sums.Lower.C7, upper, lower, b, at + 56, strideB, lane, precision);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        ref Float4 upperSums, ref Float4 lowerSums, TensorFragment upper, TensorFragment lower, ArrayView<float> b, int at, int strideB,
        int lane, int precision)
    {
        var columns = TensorFragment.LoadB(b, at, strideB, lane, precision);
        TensorFragment.Multiply(ref upperSums, upper, columns, precision);
        TensorFragment.Multiply(ref lowerSums, lower, columns, precision);
    }
}
