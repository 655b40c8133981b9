using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class PlainConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long? LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long? LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainTransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long? LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastTransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override long? LargestWork => Checks.LargestWork;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainInstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastInstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class PlainLoss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Plain);
}

public sealed class FastLoss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuInference(BackendFixture fixture) : Conforms<InferenceConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuMemory(BackendFixture fixture) : Conforms<MemoryConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuOptimizers(BackendFixture fixture) : Conforms<OptimizerConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}

public sealed class GpuPointwise(BackendFixture fixture) : Conforms<PointwiseConformance>(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => Gpu.OpenForChecks(KernelChoice.Fast);
}
