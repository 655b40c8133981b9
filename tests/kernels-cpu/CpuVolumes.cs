using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Tests;

public sealed class CpuVolumes(BackendFixture fixture) : Conforms<VolumeConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuSampling(BackendFixture fixture) : Conforms<SamplingConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class PortableVolumes(BackendFixture fixture) : Conforms<VolumeConformance>(fixture)
{
    protected override Backend OpenBackend() => new CpuBackend<Simd.PortableLanes, System.Runtime.Intrinsics.Vector128<float>>(threads: 3);
}

public sealed class PortableSampling(BackendFixture fixture) : Conforms<SamplingConformance>(fixture)
{
    protected override Backend OpenBackend() => new CpuBackend<Simd.PortableLanes, System.Runtime.Intrinsics.Vector128<float>>(threads: 3);
}

public sealed class Avx2Volumes(BackendFixture fixture) : Conforms<VolumeConformance>(fixture)
{
    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2Sampling(BackendFixture fixture) : Conforms<SamplingConformance>(fixture)
{
    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}
