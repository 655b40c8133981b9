using ILGPU.IR.Intrinsics;
using ILGPU.Runtime.Cuda;
using SharpSeg.Kernels.Gpu.Kernels;

namespace SharpSeg.Kernels.Gpu.TensorCores;

/// <summary>
/// The PTX instructions of the tensor-core kernels. Inline PTX with several results passes every operand through local memory, so on CUDA
/// each of these methods is replaced by its one instruction, on registers; the bodies say the same in inline PTX.
/// </summary>
internal static class TensorInstructions
{
    /// <summary>Rounds to tf32: nearest, ties away from zero.</summary>
    [IntrinsicImplementation]
    public static uint ToTf32(float value)
    {
        CudaAsm.Emit("cvt.rna.tf32.f32 %0, %1;", out uint bits, value);
        return bits;
    }

    /// <summary>Rounds two numbers to bfloat16, nearest even; the first becomes the upper half.</summary>
    [IntrinsicImplementation]
    public static uint ToBf16(float high, float low)
    {
        CudaAsm.Emit("cvt.rn.bf16x2.f32 %0, %1, %2;", out uint bits, high, low);
        return bits;
    }

    /// <summary>Rounds two numbers to float16, nearest even; the first becomes the upper half.</summary>
    [IntrinsicImplementation]
    public static uint ToFp16(float high, float low)
    {
        CudaAsm.Emit("cvt.rn.f16x2.f32 %0, %1, %2;", out uint bits, high, low);
        return bits;
    }

    /// <summary>c + a·b, 16×8 sums over 8 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyTf32(Float4 c, TensorFragment a, uint b0, uint b1)
    {
        Ref<float> c0 = c.X;
        Ref<float> c1 = c.Y;
        Ref<float> c2 = c.Z;
        Ref<float> c3 = c.W;
        Input<uint> a0 = a.R0;
        Input<uint> a1 = a.R1;
        Input<uint> a2 = a.R2;
        Input<uint> a3 = a.R3;
        Input<uint> first = b0;
        Input<uint> second = b1;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
            ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref first, ref second);
        return Of(c0, c1, c2, c3);
    }

    /// <summary>c + a·b, 16×8 sums over 16 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyBf16(Float4 c, TensorFragment a, uint b0, uint b1)
    {
        Ref<float> c0 = c.X;
        Ref<float> c1 = c.Y;
        Ref<float> c2 = c.Z;
        Ref<float> c3 = c.W;
        Input<uint> a0 = a.R0;
        Input<uint> a1 = a.R1;
        Input<uint> a2 = a.R2;
        Input<uint> a3 = a.R3;
        Input<uint> first = b0;
        Input<uint> second = b1;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
            ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref first, ref second);
        return Of(c0, c1, c2, c3);
    }

    /// <summary>c + a·b, 16×8 sums over 16 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyFp16(Float4 c, TensorFragment a, uint b0, uint b1)
    {
        Ref<float> c0 = c.X;
        Ref<float> c1 = c.Y;
        Ref<float> c2 = c.Z;
        Ref<float> c3 = c.W;
        Input<uint> a0 = a.R0;
        Input<uint> a1 = a.R1;
        Input<uint> a2 = a.R2;
        Input<uint> a3 = a.R3;
        Input<uint> first = b0;
        Input<uint> second = b1;
        CudaAsm.EmitRef(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};",
            ref c0, ref c1, ref c2, ref c3, ref a0, ref a1, ref a2, ref a3, ref first, ref second);
        return Of(c0, c1, c2, c3);
    }

    private static Float4 Of(Ref<float> x, Ref<float> y, Ref<float> z, Ref<float> w)
    {
        var sums = default(Float4);
        sums.X = x.Value;
        sums.Y = y.Value;
        sums.Z = z.Value;
        sums.W = w.Value;
        return sums;
    }
}
