using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>A theory that needs tensor cores: skipped, with the reason, on a device that has none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TensorCoreTheoryAttribute : TheoryAttribute
{
    public TensorCoreTheoryAttribute() => Skip = DeviceUnderTest.WhyNoTensorCores;
}

/// <summary>A test that needs tensor cores.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TensorCoreFactAttribute : FactAttribute
{
    public TensorCoreFactAttribute() => Skip = DeviceUnderTest.WhyNoTensorCores;
}

/// <summary>A theory that needs a device which records launches as graphs.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GraphTheoryAttribute : TheoryAttribute
{
    public GraphTheoryAttribute() => Skip = DeviceUnderTest.WhyNoGraphs;
}

/// <summary>A long theory: skipped, with the reason, on a device for which only a selection runs.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongTheoryAttribute : TheoryAttribute
{
    public LongTheoryAttribute() => Skip = DeviceUnderTest.WhySelectionOnly;
}

/// <summary>A long test.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongFactAttribute : FactAttribute
{
    public LongFactAttribute() => Skip = DeviceUnderTest.WhySelectionOnly;
}
