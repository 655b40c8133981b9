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

/// <summary>Makes every check of every conformance suite a test: a class of this kind for each backend, and no more.</summary>
public abstract class Conforms(BackendFixture fixture) : IClassFixture<BackendFixture>
{
    public static TheoryData<string, string> AllChecks
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var suite in ConformanceChecks.Suites)
            {
                foreach (var check in ConformanceChecks.Of(suite))
                {
                    data.Add(suite.Name, check);
                }
            }

            return data;
        }
    }

    protected virtual bool TinyShapesOnly => false;

    protected virtual long? LargestWork => null;

    protected abstract Backend OpenBackend();

    [Theory]
    [MemberData(nameof(AllChecks))]
    public void Conforms_to(string suite, string check) => ConformanceChecks.Run(
        ConformanceChecks.Suites.Single(s => s.Name == suite), check,
        new ConformanceTarget(fixture.GetOrOpen(OpenBackend), TinyShapesOnly, LargestWork));
}
