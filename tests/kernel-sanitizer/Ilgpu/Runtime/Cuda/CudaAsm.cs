using System.Runtime.CompilerServices;
using SharpSeg.KernelSanitizer;

namespace ILGPU.Runtime.Cuda;

/// <summary>A parameter of <see cref="CudaAsm.EmitRef"/>.</summary>
public interface ICudaAsmEmitParameter;

/// <summary>A parameter that the instruction reads.</summary>
/// <typeparam name="T">Type of the register.</typeparam>
public struct Input<T> : ICudaAsmEmitParameter
    where T : struct
{
    /// <summary>The value.</summary>
    public T Value;

    /// <summary>The value as a parameter.</summary>
    public static implicit operator Input<T>(T value) => new() { Value = value };
}

/// <summary>A parameter that the instruction reads and writes.</summary>
/// <typeparam name="T">Type of the register.</typeparam>
public struct Ref<T> : ICudaAsmEmitParameter
    where T : struct
{
    /// <summary>The value.</summary>
    public T Value;

    /// <summary>The value as a parameter.</summary>
    public static implicit operator Ref<T>(T value) => new() { Value = value };
}

/// <summary>PTX instructions inside kernels; the emulator knows those few that <see cref="PtxInstructions"/> implements.</summary>
public static class CudaAsm
{
    /// <summary>Whether inline PTX works here.</summary>
    public static bool IsSupported => true;

    /// <summary>An instruction with one result and one operand.</summary>
    public static void Emit(string asm, out uint arg0, float arg1) => arg0 = PtxInstructions.Convert(asm, arg1);

    /// <summary>An instruction with one result and two operands.</summary>
    public static void Emit(string asm, out uint arg0, float arg1, float arg2) => arg0 = PtxInstructions.Convert(asm, arg1, arg2);

    /// <summary>An instruction with four results that are operands too, and six operands: mma.sync.</summary>
    public static void EmitRef(
        string asm,
        ref Ref<float> arg0, ref Ref<float> arg1, ref Ref<float> arg2, ref Ref<float> arg3,
        ref Input<uint> arg4, ref Input<uint> arg5, ref Input<uint> arg6, ref Input<uint> arg7,
        ref Input<uint> arg8, ref Input<uint> arg9,
        [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        uint[] operands = [arg4.Value, arg5.Value, arg6.Value, arg7.Value, arg8.Value, arg9.Value];
        var lane = Lane.Here;
        var warp = lane.Group.Collective(lane, new SourceLine(file, line), operands);
        Span<float> sums = [arg0.Value, arg1.Value, arg2.Value, arg3.Value];
        PtxInstructions.Multiply(asm, lane.Index % GroupRun.WarpSize, warp, sums);
        (arg0.Value, arg1.Value, arg2.Value, arg3.Value) = (sums[0], sums[1], sums[2], sums[3]);
    }
}
