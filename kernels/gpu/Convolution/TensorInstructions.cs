using ILGPU.IR.Intrinsics;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// The PTX instructions of the tensor-core kernels: each method is one instruction on registers, which
/// <see cref="PtxGenerators"/> writes. Inline PTX with several results would pass every operand through local memory. Other
/// devices have no such instruction.
/// </summary>
internal static class TensorInstructions
{
    /// <summary>Rounds to tf32: nearest, ties away from zero.</summary>
    [IntrinsicImplementation]
    public static uint ToTf32(float value) => throw NotHere();

    /// <summary>Rounds two numbers to bfloat16, nearest even; the first becomes the upper half.</summary>
    [IntrinsicImplementation]
    public static uint ToBf16(float high, float low) => throw NotHere();

    /// <summary>Rounds two numbers to float16, nearest even; the first becomes the upper half.</summary>
    [IntrinsicImplementation]
    public static uint ToFp16(float high, float low) => throw NotHere();

    /// <summary>c + a·b, 16×8 sums over 8 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyTf32(Float4 c, TensorFragment a, uint b0, uint b1) => throw NotHere();

    /// <summary>c + a·b, 16×8 sums over 16 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyBf16(Float4 c, TensorFragment a, uint b0, uint b1) => throw NotHere();

    /// <summary>c + a·b, 16×8 sums over 16 products, for the whole warp.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyFp16(Float4 c, TensorFragment a, uint b0, uint b1) => throw NotHere();

    /// <summary>What the methods do on other devices.</summary>
    internal static NotSupportedException NotHere() => new("only CUDA devices have tensor-core instructions");
}
