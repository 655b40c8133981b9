using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace SharpSeg.Kernels.Cpu.Simd;

/// <summary>Prefetches memory before it is needed, where the processor can; changes no result.</summary>
internal static unsafe class CacheHint
{
    /// <summary>Floats of a cache line.</summary>
    public const int Line = 16;

    /// <summary>Brings the cache lines of some floats towards the core.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* p, int count)
    {
        if (Sse.IsSupported)
        {
            for (var i = 0; i < count; i += Line)
            {
                Sse.Prefetch1(p + i);
            }
        }
    }
}
