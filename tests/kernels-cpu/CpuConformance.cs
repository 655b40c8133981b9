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
