using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Tests;

public sealed class CpuConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuTransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}
public sealed class CpuInstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuPointwise(BackendFixture fixture) : Conforms<PointwiseConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuLoss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuOptimizer(BackendFixture fixture) : Conforms<OptimizerConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuInference(BackendFixture fixture) : Conforms<InferenceConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuMemory(BackendFixture fixture) : Conforms<MemoryConformance>(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}
