using System.Diagnostics;
using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Gpu;
using SharpSeg.Kernels.Gpu.Variants;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf;

/// <summary>
/// The conformance suite on a device, for every kind of its kernels: the same checks against the same float64 reference as in the
/// tests, and whole pieces of the method (<see cref="WholeChecks"/>). Prints what to paste into an issue.
/// </summary>
internal static class DeviceCheck
{
    private const int LongestMessage = 600;               // characters of a failure that are printed; the file has all

    /// <summary>Runs and prints.</summary>
    /// <param name="device">The device.</param>
    /// <param name="backend">The device as users get it.</param>
    /// <param name="only">Only checks whose suite, name or variant contains this text.</param>
    public static CheckReport Run(BenchDevice device, Backend backend, Func<string, bool> only)
    {
        var version = typeof(Backend).Assembly.GetName().Version?.ToString(3) ?? "unknown";
        Console.WriteLine("---- paste from here into an issue ----");
        Console.WriteLine(
            $"SharpSeg {version}, ILGPU {Gpu.IlgpuVersion}, .NET {Environment.Version}, {RuntimeInformation.OSDescription}, "
                + $"{RuntimeInformation.ProcessArchitecture}");
        var memory = backend.MemoryBytes == long.MaxValue ? "memory without a limit" : $"{backend.MemoryBytes / 1e9:F1} GB";
        Console.WriteLine($"device {device.Name}: {backend.Description}; {memory}; {backend.ProductPrecision}");
        List<VariantResult> variants = [];
        List<CheckFailure> failures = [];
        foreach (var (variant, suites, target) in device.Targets())
        {
            using (target.Device)
            {
                if (RunVariant(variant, suites, target, only, failures) is { Run: > 0 } result)
                {
                    variants.Add(result);
                }
            }
        }

        var disagreements = backend is GpuBackend
            ? Gpu.Check(backend).Where(r => !r.Agrees)
                .Select(
                    r =>
                        $"{r.Operation.Name()}, variant {r.Variant.Name()}: does not agree with the plain kernel; never used")
                            .ToList()
            : [];
        disagreements.ForEach(line => Console.WriteLine($"NOT USED {line}"));
        return new CheckReport(
            device.Name, backend.Description, backend.MemoryBytes, Gpu.IlgpuVersion, version, variants, failures, disagreements);
    }

    /// <summary>Prints the closing lines, after the table.</summary>
    public static void Finish(CheckReport report)
    {
        Console.WriteLine(
            $"{report.Variants.Sum(v => v.Passed)} of {report.Variants.Sum(v => v.Run)} checks passed, {report.Failures.Count} "
                + "failed, " +
            $"{Counted.Of(report.Disagreements.Count, "fast variant")} not used");
        Console.WriteLine("---- to here ----");
    }

    private static VariantResult RunVariant(
        string variant, IReadOnlyList<Type> suites, ConformanceTarget target, Func<string, bool> only,
        List<CheckFailure> failures)
    {
        var clock = Stopwatch.StartNew();
        var (passed, run) = (0, 0);
        var checks = suites.SelectMany(suite => ConformanceChecks.Of(suite).Select(
                check => (Name: $"{suite.Name}.{check}", Run: (Action)(() => ConformanceChecks.Run(suite, check, target)))))
            .Concat(WholeChecks.Of(suites).Select(check => (check.Name, Run: (Action)(() => check.Run(target)))));
        foreach (var check in checks.Where(check => only($"{variant} {check.Name}")))
        {
            run++;
            try
            {
                check.Run();
                passed++;
            }
            catch (Exception e) // whatever a device or its driver throws is a finding
            {
                var message = e is ConformanceException ? e.Message : e.ToString();
                failures.Add(new CheckFailure(variant, check.Name, message));
                Console.WriteLine(
                    $"FAILED {variant}: {check.Name}\n    "
                        + $"{(message.Length > LongestMessage ? message[..LongestMessage] + "…" : message).ReplaceLineEndings("\n    ")}");
            }
        }

        var result = new VariantResult(variant, passed, run, clock.Elapsed.TotalSeconds);
        if (run > 0)
        {
            Console.WriteLine($"{variant,-18}{passed,4} of {run} checks passed, {result.Seconds:F1} s");
        }

        return result;
    }
}
