namespace SharpSeg.Perf.Measuring;

/// <summary>What the conformance suite found on a device.</summary>
/// <param name="Device">The device's name on the command line.</param>
/// <param name="Description">Its own name, driver, precision.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="Ilgpu">ILGPU's version.</param>
/// <param name="Version">SharpSeg's version.</param>
/// <param name="Variants">Per kind of kernels, how many checks ran and passed.</param>
/// <param name="Failures">What failed.</param>
/// <param name="Disagreements">Fast variants that do not agree with the plain kernels and are never used.</param>
internal sealed record CheckReport(
    string Device, string Description, long MemoryBytes, string Ilgpu, string Version, IReadOnlyList<VariantResult> Variants,
    IReadOnlyList<CheckFailure> Failures, IReadOnlyList<string> Disagreements)
{
    /// <summary>Whether everything passed.</summary>
    public bool Passed => Failures.Count == 0 && Disagreements.Count == 0;
}

/// <summary>Results of one kind of kernels.</summary>
/// <param name="Variant">Kind of kernels.</param>
/// <param name="Passed">Checks passed.</param>
/// <param name="Run">Checks run.</param>
/// <param name="Seconds">Time taken.</param>
internal sealed record VariantResult(string Variant, int Passed, int Run, double Seconds);

/// <summary>One check that failed.</summary>
/// <param name="Variant">Kind of kernels.</param>
/// <param name="Check">Suite and check.</param>
/// <param name="Message">What is wrong.</param>
internal sealed record CheckFailure(string Variant, string Check, string Message);
