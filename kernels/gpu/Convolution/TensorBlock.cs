using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// One thread's share of its warp's sums, sixteen fragments. Wide: 32 rows × 64 columns, Upper is rows 0 to 15, Lower 16 to 31.
/// Narrow: 64 rows × 32 columns, four fragments to each sixteen rows in order. A group of two warps makes a tile of 64×64 or
/// 128×32.
/// </summary>
internal struct TensorBlock
{
    public TensorBand Upper, Lower;

    /// <summary>Rows of a warp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int RowsOf(bool narrow) => GemmTile.RowsOf(narrow) / 2;

    /// <summary>
    /// sums += product of one tile; <paramref name="firstA"/> is where the warp's rows begin, a multiple of 32 columns. All
    /// threads of the warp must call this together.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Accumulate(
        ref TensorBlock sums, ArrayView<uint> a, int firstA, int strideA, ArrayView<uint> b, int firstB, int strideB, int lane,
        bool narrow, int precision)
    {
        // Both halves are written out, so that words and swizzles are constants already in the PTX.
        AccumulateHalf(ref sums, a, firstA, strideA, b, firstB, strideB, 0, lane, narrow, precision);
        AccumulateHalf(ref sums, a, firstA, strideA, b, firstB, strideB, TensorFragment.Words, lane, narrow, precision);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AccumulateHalf(
        ref TensorBlock sums, ArrayView<uint> a, int firstA, int strideA, ArrayView<uint> b, int firstB, int strideB,
        int word, int lane,
        bool narrow, int precision)
    {
        var a0 = TensorFragment.LoadA(a, firstA, word, 0, strideA, lane, precision);
        var a1 = TensorFragment.LoadA(a, firstA, word, 16, strideA, lane, precision);
        if (narrow)
        {
            var a2 = TensorFragment.LoadA(a, firstA, word, 32, strideA, lane, precision);
            var a3 = TensorFragment.LoadA(a, firstA, word, 48, strideA, lane, precision);
            Step(
                ref sums.Upper.C0, ref sums.Upper.C4, ref sums.Lower.C0, ref sums.Lower.C4, a0, a1, a2, a3, b, firstB,
                word, 0, strideB,
                lane, precision);
            Step(
                ref sums.Upper.C1, ref sums.Upper.C5, ref sums.Lower.C1, ref sums.Lower.C5, a0, a1, a2, a3, b, firstB,
                word, 8, strideB,
                lane, precision);
            Step(
                ref sums.Upper.C2, ref sums.Upper.C6, ref sums.Lower.C2, ref sums.Lower.C6, a0, a1, a2, a3, b, firstB, word,
                16, strideB,
                lane, precision);
            Step(
                ref sums.Upper.C3, ref sums.Upper.C7, ref sums.Lower.C3, ref sums.Lower.C7, a0, a1, a2, a3, b, firstB, word,
                24, strideB,
                lane, precision);
        }
        else
        {
            Step(ref sums.Upper.C0, ref sums.Lower.C0, a0, a1, b, firstB, word, 0, strideB, lane, precision);
            Step(ref sums.Upper.C1, ref sums.Lower.C1, a0, a1, b, firstB, word, 8, strideB, lane, precision);
            Step(ref sums.Upper.C2, ref sums.Lower.C2, a0, a1, b, firstB, word, 16, strideB, lane, precision);
            Step(ref sums.Upper.C3, ref sums.Lower.C3, a0, a1, b, firstB, word, 24, strideB, lane, precision);
            Step(ref sums.Upper.C4, ref sums.Lower.C4, a0, a1, b, firstB, word, 32, strideB, lane, precision);
            Step(ref sums.Upper.C5, ref sums.Lower.C5, a0, a1, b, firstB, word, 40, strideB, lane, precision);
            Step(ref sums.Upper.C6, ref sums.Lower.C6, a0, a1, b, firstB, word, 48, strideB, lane, precision);
            Step(ref sums.Upper.C7, ref sums.Lower.C7, a0, a1, b, firstB, word, 56, strideB, lane, precision);
        }
    }

    // Two fragments of sixteen rows meet eight columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        ref Float4 c0, ref Float4 c1, TensorFragment a0, TensorFragment a1, ArrayView<uint> b, int first, int word,
        int column, int stride,
        int lane, int precision)
    {
        var columns = TensorFragment.LoadB(b, first, word, column, stride, lane, precision);
        TensorFragment.Multiply(ref c0, a0, columns, precision);
        TensorFragment.Multiply(ref c1, a1, columns, precision);
    }

    // Four fragments of sixteen rows meet eight columns.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        ref Float4 c0, ref Float4 c1, ref Float4 c2, ref Float4 c3, TensorFragment a0, TensorFragment a1, TensorFragment a2,
        TensorFragment a3, ArrayView<uint> b, int first, int word, int column, int stride, int lane, int precision)
    {
        var columns = TensorFragment.LoadB(b, first, word, column, stride, lane, precision);
        TensorFragment.Multiply(ref c0, a0, columns, precision);
        TensorFragment.Multiply(ref c1, a1, columns, precision);
        TensorFragment.Multiply(ref c2, a2, columns, precision);
        TensorFragment.Multiply(ref c3, a3, columns, precision);
    }
}

/// <summary>Eight fragments of one thread's sums, as mma.sync lays them out: sixteen rows and eight columns each.</summary>
internal struct TensorBand
{
    public Float4 C0, C1, C2, C3, C4, C5, C6, C7;
}
