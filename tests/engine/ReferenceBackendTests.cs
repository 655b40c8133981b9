using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Engine.Tests;

/// <summary>
/// The suite on the reference itself: it can only agree with itself, but the worked examples, the adjoint property, the guards
/// and the refusals are real checks, and the suite is known to pass on something before a backend is blamed.
/// </summary>
public sealed class ReferenceBackendTests(BackendFixture fixture) : Conforms(fixture)
{
    protected override bool TinyShapesOnly => true;

    protected override Backend OpenBackend() => new ReferenceBackend();
}
