using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The operands of one thread of a warp to mma.sync, and the instruction itself: c (16×8) += a (16×K)·b (K×8).
/// <para>Layout (PTX ISA, "Matrix fragments for mma.m16n8k8 / m16n8k16"), with g = lane / 4 and t = lane mod 4. Sums: c0, c1 are
/// row g, columns 2t, 2t + 1; c2, c3 the same of row g + 8. 32-bit elements, K = 8: a registers (row g, k t), (g + 8, t), (g, t +
/// 4), (g + 8, t + 4); b registers (k t, column g), (t + 4, g). 16-bit elements, K = 16, two to a register, the lower k in the
/// lower half: a registers (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); b registers (2t, g), (2t + 8, g).</para>
/// <para>Counted in 32-bit words along K the two layouts are one: a registers (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4); b
/// registers (t, g), (t + 4, g). Tiles hold such words (<see cref="TileWords"/>), so a fragment needs no further address
/// arithmetic.</para>
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct TensorFragment
{
    /// <summary>Words of depth that one instruction takes.</summary>
    public const int Words = 8;

    public uint R0, R1, R2, R3;

    /// <summary>
    /// The a operand: sixteen columns of the tile, which are rows of the product, from <paramref name="row"/> (a constant
    /// multiple of 16) on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment LoadA(ArrayView<uint> tile, int first, int word, int row, int stride, int lane, int precision)
    {
        var fragment = default(TensorFragment);
        fragment.R0 = Word(tile, first, word, row, stride, lane, precision);
        fragment.R1 = Word(tile, first, word, row + 8, stride, lane, precision);
        fragment.R2 = Word(tile, first, word + 4, row, stride, lane, precision);
        fragment.R3 = Word(tile, first, word + 4, row + 8, stride, lane, precision);
        return fragment;
    }

    /// <summary>
    /// The b operand (two registers): eight columns of the tile from <paramref name="column"/> (a constant multiple of 8) on.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment LoadB(ArrayView<uint> tile, int first, int word, int column, int stride, int lane, int precision)
    {
        var fragment = default(TensorFragment);
        fragment.R0 = Word(tile, first, word, column, stride, lane, precision);
        fragment.R1 = Word(tile, first, word + 4, column, stride, lane, precision);
        return fragment;
    }

    /// <summary>sums += a·b. All threads of the warp must call this together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(ref Float4 sums, TensorFragment a, TensorFragment b, int precision) =>
        Multiply(ref sums, a, b.R0, b.R1, precision);

    /// <inheritdoc cref="Multiply(ref Float4, TensorFragment, TensorFragment, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(ref Float4 sums, TensorFragment a, uint b0, uint b1, int precision)
    {
        if (precision == TileWords.Tf32)
        {
            sums = TensorInstructions.MultiplyTf32(sums, a, b0, b1);
        }
        else if (precision == TileWords.Bf16)
        {
            sums = TensorInstructions.MultiplyBf16(sums, a, b0, b1);
        }
        else
        {
            sums = TensorInstructions.MultiplyFp16(sums, a, b0, b1);
        }
    }

    // Word t of four, column g of eight. The four words have one swizzle; its part below 8 concerns g, the rest the constant
    // column, so
    // that all but two addresses of a lane are constants.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ArrayView<uint> tile, int first, int word, int column, int stride, int lane, int precision)
    {
        var swizzle = TileWords.Swizzle(word, precision);
        var ofLane = first + ((lane & 3) * stride) + ((lane >> 2) ^ (swizzle & 7));
        return tile[ofLane + (word * stride) + (column ^ (swizzle & ~7))];
    }
}
