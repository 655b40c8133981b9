using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Engine.Tests;

/// <content>
/// The suite on the reference itself: it can only agree with itself, but the worked examples, the adjoint property, the guards and
/// the refusals are real checks, and the suite is known to pass on something before a backend is blamed.
/// </content>
public sealed class ReferenceConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceTransposedConvolution(BackendFixture fixture) : Conforms<TransposedConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceInstanceNorm(BackendFixture fixture) : Conforms<InstanceNormConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferencePointwise(BackendFixture fixture) : Conforms<PointwiseConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceLoss(BackendFixture fixture) : Conforms<LossConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceOptimizer(BackendFixture fixture) : Conforms<OptimizerConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceInference(BackendFixture fixture) : Conforms<InferenceConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}

public sealed class ReferenceMemory(BackendFixture fixture) : Conforms<MemoryConformance>(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override bool TinyShapesOnly => true;
}
