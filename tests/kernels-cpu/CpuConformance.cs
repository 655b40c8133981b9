using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Tests;

public sealed class CpuConvolution(BackendFixture fixture) : ConvolutionConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuTransposedConvolution(BackendFixture fixture) : TransposedConvolutionConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}
public sealed class CpuInstanceNorm(BackendFixture fixture) : InstanceNormConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuPointwise(BackendFixture fixture) : PointwiseConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuLoss(BackendFixture fixture) : LossConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuOptimizer(BackendFixture fixture) : OptimizerConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuInference(BackendFixture fixture) : InferenceConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}

public sealed class CpuMemory(BackendFixture fixture) : MemoryConformance(fixture)
{
    protected override Backend OpenBackend() => Cpu.Open();
}
