using System.Runtime.Intrinsics;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>The instruction set that this machine chooses, on all cores.</summary>
public sealed class CpuConformance(BackendFixture fixture) : Conforms(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

// The instruction sets that this machine would not choose: a machine with AVX-512 must not ship an untested AVX2 or ARM path.
// Three threads divide the work unevenly, whatever the machine has. Medium shapes keep the time down.

/// <summary>AVX2, or on a machine without it (ARM64) the portable path once more.</summary>
public class Avx2Conformance(BackendFixture fixture) : Conforms(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => Avx2Lanes.IsSupported
        ? new CpuBackend<Avx2Lanes, Vector256<float>>(threads: 3)
        : new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

/// <summary>128-bit vectors: NEON, SSE or scalar code.</summary>
public sealed class PortableConformance(BackendFixture fixture) : Conforms(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}
