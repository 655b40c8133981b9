using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Kernels.Cpu.Convolution;

namespace SharpSeg.Kernels.Cpu.Tests;

/// <summary>Every problem by direct sums, whatever the cost model would choose.</summary>
public sealed class CpuDirectConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Forced.Open(ConvolutionVariant.Direct);
}

/// <summary>Every problem over gathered voxels, whatever the cost model would choose.</summary>
public sealed class CpuGatherConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Forced.Open(ConvolutionVariant.Gather);
}

/// <summary>Every problem that has the form by Winograd tiles, whatever the cost model would choose.</summary>
public sealed class CpuWinogradConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Forced.Open(ConvolutionVariant.Winograd);
}

/// <summary>Every problem that has the form by wide Winograd tiles, whatever the cost model would choose.</summary>
public sealed class CpuWideWinogradConvolution(BackendFixture fixture) : Conforms<ConvolutionConformance>(fixture)
{
    protected override Backend OpenBackend() => Forced.Open(ConvolutionVariant.WinogradWide);
}

internal static class Forced
{
    public static Backend Open(ConvolutionVariant variant)
    {
        var backend = Cpu.Open();
        ((IVariantChoice)backend).Variant = variant;
        return backend;
    }
}
