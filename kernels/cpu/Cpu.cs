using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu;

/// <summary>
/// The SIMD backend: every operation of the contract on the processor's vector units, on all cores.
/// One generic implementation is instantiated for one of three instruction sets, chosen once, when the backend is opened:
/// AVX-512 (16 float32 lanes), AVX2 + FMA (8 lanes), or portable 128-bit vectors (4 lanes: ARM64's NEON, SSE, or plain scalar
/// code).
/// </summary>
public static class Cpu
{
    /// <summary>Opens the processor as a backend.</summary>
    /// <param name="threads">Number of threads that compute, the caller included; 0 = all cores.</param>
    /// <returns>A backend that the caller disposes of.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative number of threads.</exception>
    public static Backend Open(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        var count = threads == 0 ? Environment.ProcessorCount : threads;
        if (Avx512Lanes.IsSupported)
        {
            return new CpuBackend<Avx512Lanes, Vector512<float>>(count);
        }

        return Avx2Lanes.IsSupported
            ? new CpuBackend<Avx2Lanes, Vector256<float>>(count)
            : new CpuBackend<PortableLanes, Vector128<float>>(count);
    }
}
