using System.Runtime.Intrinsics;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Simd;

namespace SharpSeg.Kernels.Cpu.Tests;

// The instruction sets that this machine would not choose: a machine with AVX-512 must not ship an untested AVX2 or ARM path.
// Three threads divide the work unevenly, whatever the machine has. Medium shapes keep the time down.

public sealed class PortableConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableTransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableInstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortablePointwise(BackendFixture fixture) : Conforms<PointwiseConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableLoss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableOptimizer(BackendFixture fixture) : Conforms<OptimizerConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableInference(BackendFixture fixture) : Conforms<InferenceConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class PortableMemory(BackendFixture fixture) : Conforms<MemoryConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => new CpuBackend<PortableLanes, Vector128<float>>(threads: 3);
}

public sealed class Avx2Convolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2TransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2InstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2Pointwise(BackendFixture fixture) : Conforms<PointwiseConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2Loss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2Optimizer(BackendFixture fixture) : Conforms<OptimizerConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

public sealed class Avx2Inference(BackendFixture fixture) : Conforms<InferenceConformance>(fixture)
{
    protected override long? LargestWork => 1_000_000;

    protected override Backend OpenBackend() => OtherTiers.Avx2OrPortable(threads: 3);
}

internal static class OtherTiers
{
    /// <summary>AVX2, or on a machine without it (ARM64) the portable path once more.</summary>
    public static Backend Avx2OrPortable(int threads) => Avx2Lanes.IsSupported
        ? new CpuBackend<Avx2Lanes, Vector256<float>>(threads)
        : new CpuBackend<PortableLanes, Vector128<float>>(threads);
}
