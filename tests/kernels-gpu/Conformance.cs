using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class GpuConvolution(BackendFixture fixture) : ConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuTransposedConvolution(BackendFixture fixture) : TransposedConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuInstanceNorm(BackendFixture fixture) : InstanceNormConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuLoss(BackendFixture fixture) : LossConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuInference(BackendFixture fixture) : InferenceConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuMemory(BackendFixture fixture) : MemoryConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuOptimizers(BackendFixture fixture) : OptimizerConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}

public sealed class GpuPointwise(BackendFixture fixture) : PointwiseConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks();
}
