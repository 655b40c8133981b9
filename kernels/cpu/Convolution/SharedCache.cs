using System.Runtime.Intrinsics.X86;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>
/// The cache that cores share, as far as the choice of a variant needs to know it: whether weights that are read over and over
/// may lie there. Known by the processor's maker, not by a timing, so that the choice and every result's bytes are the same in
/// every run.
/// </summary>
internal static class SharedCache
{
    /// <summary>
    /// Whether it delivers about as much as a core's own second-level cache: AMD's cores read 32 bytes a clock from it, those of
    /// Intel's servers a third of that over their mesh.
    /// </summary>
    public static bool IsFast { get; } = X86Base.IsSupported && Maker() is (0x68747541, 0x69746E65, 0x444D4163);

    /// <summary>The maker's name, "AuthenticAMD" or other, in the order EBX, EDX, ECX.</summary>
    private static (int Ebx, int Edx, int Ecx) Maker()
    {
        var (_, ebx, ecx, edx) = X86Base.CpuId(0, 0);
        return (ebx, edx, ecx);
    }
}
