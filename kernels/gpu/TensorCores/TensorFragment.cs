using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime.Cuda;

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
            fragment.R0 = ToTf32(tile[row + (t * stride)]);
            fragment.R1 = ToTf32(tile[row + 8 + (t * stride)]);
            fragment.R2 = ToTf32(tile[row + ((t + 4) * stride)]);
            fragment.R3 = ToTf32(tile[row + 8 + ((t + 4) * stride)]);
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
            fragment.R0 = ToTf32(tile[column + (t * stride)]);
            fragment.R1 = ToTf32(tile[column + ((t + 4) * stride)]);
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
        Ref<float> c0 = sums.X;
        Ref<float> c1 = sums.Y;
        Ref<float> c2 = sums.Z;
        Ref<float> c3 = sums.W;
        Input<uint> a0 = a.R0;
        Input<uint> a1 = a.R1;
        Input<uint> a2 = a.R2;
        Input<uint> a3 = a.R3;
        Input<uint> b0 = b.R0;
        Input<uint> b1 = b.R1;
        if (precision == Tf32)
        {
            CudaAsm.EmitRef(
                "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
                ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1);
        }
        else if (precision == Bf16)
        {
            CudaAsm.EmitRef(
                "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
                ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1);
        }
        else
        {
            CudaAsm.EmitRef(
                "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
                ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1);
        }

        sums.X = c0.Value;
        sums.Y = c1.Value;
        sums.Z = c2.Value;
        sums.W = c3.Value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ToTf32(float value)
    {
        CudaAsm.Emit("cvt.rna.tf32.f32 %0, %1;", out uint bits, value);
        return bits;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Pack(float low, float high, int precision)
    {
        uint bits;
        if (precision == Bf16)
        {
            CudaAsm.Emit("cvt.rn.bf16x2.f32 %0, %1, %2;", out bits, high, low);
        }
        else
        {
            CudaAsm.Emit("cvt.rn.f16x2.f32 %0, %1, %2;", out bits, high, low);
        }

        return bits;
    }
}
