using ILGPU;
using ILGPU.Runtime.CPU;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// On what the kernels are tested here: the sanitizer, which runs everything. tests/kernels-gpu has another class of this name.
/// </summary>
internal static class DeviceUnderTest
{
    /// <summary>Multiply-adds of the largest convolution; every access is checked, some 30 ns each.</summary>
    public const long LargestWork = 300_000;

    /// <summary>Long tests are not skipped.</summary>
    public static string? WhySelectionOnly => null;

    /// <summary>Tests of tensor cores are not skipped.</summary>
    public static string? WhyNoTensorCores => null;

    /// <summary>Why tests of graphs are skipped.</summary>
    public static string? WhyNoGraphs => "the sanitizer records no launches";

    /// <summary>Opens the device.</summary>
    public static GpuBackend Open(
        KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, VariantCache? cache = null, Action<string>? warn = null)
    {
        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var accelerator = context.CreateCPUAccelerator(0);
        return new GpuBackend(
            context, new KernelList(accelerator), accelerator.Name, choice, precision,
            cache ?? new VariantCache(folder: null, accelerator.Name), warn);
    }
}
