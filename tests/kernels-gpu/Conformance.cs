using SharpSeg.Conformance;
using SharpSeg.Kernels.Gpu.Variants;
using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>The plain kernels of the operations that have fast ones too.</summary>
public sealed class PlainKernels(ConformanceDevice device) : IClassFixture<ConformanceDevice>
{
    public static TheoryData<string, string> Checks => ConformanceDevice.ChecksOf(ConformanceDevice.SuitesWithVariants);

    [LongTheory]
    [MemberData(nameof(Checks))]
    public void Conform_to(string suite, string check) => device.Run(KernelChoice.Plain, suite, check);
}

/// <summary>The fast kernels.</summary>
public sealed class FastKernels(ConformanceDevice device) : IClassFixture<ConformanceDevice>
{
    public static TheoryData<string, string> Checks => ConformanceDevice.ChecksOf(ConformanceDevice.SuitesWithVariants);

    [LongTheory]
    [MemberData(nameof(Checks))]
    public void Conform_to(string suite, string check) => device.Run(KernelChoice.Fast, suite, check);
}

/// <summary>The operations that have one kernel each.</summary>
public sealed class OtherKernels(ConformanceDevice device) : IClassFixture<ConformanceDevice>
{
    public static TheoryData<string, string> Checks =>
        ConformanceDevice.ChecksOf(ConformanceChecks.Suites.Except(ConformanceDevice.SuitesWithVariants));

    [Theory]
    [MemberData(nameof(Checks))]
    public void Conform_to(string suite, string check) => device.Run(KernelChoice.Fast, suite, check);
}

/// <summary>Runs checks of the conformance suite; opens the device once for all tests of a class.</summary>
public sealed class ConformanceDevice : IDisposable
{
    private GpuBackend? backend;

    internal static IReadOnlyList<Type> SuitesWithVariants { get; } =
        [typeof(ConvolutionConformance), typeof(TransposedConvolutionConformance), typeof(InstanceNormConformance),
            typeof(LossConformance)];

    internal static TheoryData<string, string> ChecksOf(IEnumerable<Type> suites)
    {
        var data = new TheoryData<string, string>();
        foreach (var suite in suites)
        {
            foreach (var check in ConformanceChecks.Of(suite))
            {
                data.Add(suite.Name, check);
            }
        }

        return data;
    }

    internal void Run(KernelChoice choice, string suite, string check)
    {
        backend ??= DeviceUnderTest.Open(choice);
        ConformanceChecks.Run(
            ConformanceChecks.Suites.Single(s => s.Name == suite), check,
            new ConformanceTarget(backend, TinyShapesOnly: true, DeviceUnderTest.LargestWork));
    }

    public void Dispose() => backend?.Dispose();
}
