using System.Collections.Concurrent;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>The PTX of every kernel, compiled once for all tests.</summary>
internal static class EmittedPtx
{
    private static readonly ConcurrentDictionary<string, Lazy<IReadOnlyList<(string Name, string Assembly)>>> Known = new();

    /// <summary>Name and PTX of every kernel that an architecture ("sm_80", …) can run.</summary>
    public static IReadOnlyList<(string Name, string Assembly)> Of(string architecture) =>
        Known.GetOrAdd(architecture, a => new(() => Gpu.Ptx(a))).Value;
}
