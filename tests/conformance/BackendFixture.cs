using SharpSeg.Engine.Backends;

namespace SharpSeg.Conformance;

/// <summary>Holds the backend under test, so that it is opened once per test class and not once per test.</summary>
public sealed class BackendFixture : IDisposable
{
    private Backend? backend;

    /// <summary>The backend, opened by the first caller.</summary>
    public Backend GetOrOpen(Func<Backend> open) => backend ??= open();

    /// <inheritdoc/>
    public void Dispose() => backend?.Dispose();
}
