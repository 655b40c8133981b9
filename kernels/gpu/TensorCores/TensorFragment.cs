using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>
/// The operands of one thread of a warp to mma.sync, and the instruction itself: c (16×8) += a (16×K)·b (K×8).
/// <para>Layout (PTX ISA, "Matrix fragments for mma.m16n8k8 / m16n8k16"), with g = lane / 4 and t = lane mod 4. Sums: c0, c1 are row g,
/// columns 2t, 2t + 1; c2, c3 the same of row g + 8. 32-bit elements, K = 8: a registers (row g, k t), (g + 8, t), (g, t + 4),
/// (g + 8, t + 4); b registers (k t, column g), (t + 4, g). 16-bit elements, K = 16, two to a register, the lower k in the lower half: a
/// registers (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8); b registers (2t, g), (2t + 8, g).</para>
/// <para>Elements are rounded from float32 as they are read from shared memory; tf32 to nearest, ties away; 16 bits to nearest even.</para>
/// </summary>
internal struct TensorFragment
{
    /// <summary><see cref="GpuPrecision.Tf32"/> as a constant that kernels can branch on.</summary>
    public const int Tf32 = 1;

    /// <summary><see cref="GpuPrecision.Bf16"/> likewise.</summary>
    public const int Bf16 = 2;

    /// <summary><see cref="GpuPrecision.Fp16"/> likewise.</summary>
    public const int Fp16 = 3;

    public uint R0, R1, R2, R3;

    /// <summary>Products summed by one instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int DepthOf(int precision) => precision == Tf32 ? 8 : 16;

    /// <summary>The a operand from a tile that lies depth first: rows at, at + 1, …; depths <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment LoadA(ArrayView<float> tile, int at, int stride, int lane, int precision)
    {
        var fragment = default(TensorFragment);
        var row = at + (lane >> 2);
        var t = lane & 3;
        if (precision == Tf32)
        {
            fragment.R0 = TensorInstructions.ToTf32(tile[row + (t * stride)]);
            fragment.R1 = TensorInstructions.ToTf32(tile[row + 8 + (t * stride)]);
            fragment.R2 = TensorInstructions.ToTf32(tile[row + ((t + 4) * stride)]);
            fragment.R3 = TensorInstructions.ToTf32(tile[row + 8 + ((t + 4) * stride)]);
        }
        else
        {
            var k = 2 * t * stride;
            fragment.R0 = Pack(tile[row + k], tile[row + k + stride], precision);
            fragment.R1 = Pack(tile[row + 8 + k], tile[row + 8 + k + stride], precision);
            k += 8 * stride;
            fragment.R2 = Pack(tile[row + k], tile[row + k + stride], precision);
            fragment.R3 = Pack(tile[row + 8 + k], tile[row + 8 + k + stride], precision);
        }

        return fragment;
    }

    /// <summary>The b operand (two registers) from a tile that lies depth first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFragment LoadB(ArrayView<float> tile, int at, int stride, int lane, int precision)
    {
        var fragment = default(TensorFragment);
        var column = at + (lane >> 2);
        var t = lane & 3;
        if (precision == Tf32)
        {
            fragment.R0 = TensorInstructions.ToTf32(tile[column + (t * stride)]);
            fragment.R1 = TensorInstructions.ToTf32(tile[column + ((t + 4) * stride)]);
        }
        else
        {
            var k = 2 * t * stride;
            fragment.R0 = Pack(tile[column + k], tile[column + k + stride], precision);
            k += 8 * stride;
            fragment.R1 = Pack(tile[column + k], tile[column + k + stride], precision);
        }

        return fragment;
    }

    /// <summary>sums += a·b. All threads of the warp must come here together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(ref Kernels.Float4 sums, TensorFragment a, TensorFragment b, int precision)
    {
        if (precision == Tf32)
        {
            sums = TensorInstructions.MultiplyTf32(sums, a, b.R0, b.R1);
        }
        else if (precision == Bf16)
        {
            sums = TensorInstructions.MultiplyBf16(sums, a, b.R0, b.R1);
        }
        else
        {
            sums = TensorInstructions.MultiplyFp16(sums, a, b.R0, b.R1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Pack(float low, float high, int precision) =>
        precision == Bf16 ? TensorInstructions.ToBf16(high, low) : TensorInstructions.ToFp16(high, low);
}
