using SharpSeg.Engine.Backends;
using Xunit;

namespace SharpSeg.Conformance;

/// <summary>Holds the backend under test, so that it is opened once per test class and not once per test.</summary>
public sealed class BackendFixture : IDisposable
{
    private Backend? backend;

    public Backend GetOrOpen(Func<Backend> open) => backend ??= open();

    public void Dispose() => backend?.Dispose();
}

/// <summary>
/// Makes every check of a conformance suite a test:
/// <c>public sealed class CpuLoss(BackendFixture fixture) : Conforms&lt;LossConformance&gt;(fixture) { protected override Backend OpenBackend() => Cpu.Open(); }</c>.
/// </summary>
public abstract class Conforms<TSuite>(BackendFixture fixture) : IClassFixture<BackendFixture>
    where TSuite : ConformanceSuite
{
    public static TheoryData<string> AllChecks => [.. ConformanceChecks.Of(typeof(TSuite))];

    protected virtual bool TinyShapesOnly => false;

    protected virtual long? LargestWork => null;

    protected abstract Backend OpenBackend();

    [Theory]
    [MemberData(nameof(AllChecks))]
    public void Conforms_to(string check) => ConformanceChecks.Run(
        typeof(TSuite), check, new ConformanceTarget(fixture.GetOrOpen(OpenBackend), TinyShapesOnly, LargestWork));
}
