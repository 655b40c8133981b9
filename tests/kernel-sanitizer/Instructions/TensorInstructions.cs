using System.Runtime.CompilerServices;
using SharpSeg.KernelSanitizer;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// In place of the kernels' own, which are PTX: the same instructions after the PTX ISA (<see cref="PtxInstructions"/>).
/// </summary>
internal static class TensorInstructions
{
    public static uint ToTf32(float value) => PtxInstructions.ToTf32(value);

    public static uint ToBf16(float high, float low) => PtxInstructions.ToBf16(high, low);

    public static uint ToFp16(float high, float low) => PtxInstructions.ToFp16(high, low);

    public static Float4 MultiplyTf32(
        Float4 c, TensorFragment a, uint b0, uint b1, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Multiply(PtxInstructions.Tf32, c, a, b0, b1, new SourceLine(file, line));

    public static Float4 MultiplyBf16(
        Float4 c, TensorFragment a, uint b0, uint b1, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Multiply(PtxInstructions.Bf16, c, a, b0, b1, new SourceLine(file, line));

    public static Float4 MultiplyFp16(
        Float4 c, TensorFragment a, uint b0, uint b1, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Multiply(PtxInstructions.Fp16, c, a, b0, b1, new SourceLine(file, line));

    private static Float4 Multiply(PtxInstructions.Numbers numbers, Float4 c, TensorFragment a, uint b0, uint b1, SourceLine site)
    {
        var lane = Lane.Here;
        return lane.Group.Multiply(lane, numbers, c, [a.R0, a.R1, a.R2, a.R3, b0, b1], site);
    }
}
