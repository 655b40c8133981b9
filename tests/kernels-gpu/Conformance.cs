using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class PlainConvolution(BackendFixture fixture) : ConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastConvolution(BackendFixture fixture) : ConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainTransposedConvolution(BackendFixture fixture) : TransposedConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastTransposedConvolution(BackendFixture fixture) : TransposedConvolutionConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainInstanceNorm(BackendFixture fixture) : InstanceNormConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastInstanceNorm(BackendFixture fixture) : InstanceNormConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainLoss(BackendFixture fixture) : LossConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastLoss(BackendFixture fixture) : LossConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuInference(BackendFixture fixture) : InferenceConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuMemory(BackendFixture fixture) : MemoryConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuOptimizers(BackendFixture fixture) : OptimizerConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuPointwise(BackendFixture fixture) : PointwiseConformance(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}
