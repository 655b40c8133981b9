using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Engine.Tests;

/// <content>
/// The suite on the reference itself: it can only agree with itself, but the worked examples, the adjoint property, the guards and
/// the refusals are real checks, and the suite is known to pass on something before a backend is blamed.
/// </content>
public sealed class ReferenceConvolution(BackendFixture fixture) : ConvolutionConformance(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override long LargestWork => 3_000_000;
}

public sealed class ReferenceTransposedConvolution(BackendFixture fixture) : TransposedConvolutionConformance(fixture)
{
    protected override Backend OpenBackend() => new ReferenceBackend();

    protected override long LargestWork => 3_000_000;
}
