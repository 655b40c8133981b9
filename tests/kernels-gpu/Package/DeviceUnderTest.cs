using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Tests;

/// <summary>
/// On what the kernels are tested here: ILGPU's processor device, of which only a selection is asked unless
/// SHARPSEG_GPU_TESTS=all, or the GPU that SHARPSEG_GPU_TEST_DEVICE names (cuda:0, opencl:0, …). tests/kernel-sanitizer has
/// another class of this name.
/// </summary>
internal static class DeviceUnderTest
{
    private static readonly Lazy<string?> NoTensorCores = new(FindWhyNoTensorCores);

    /// <summary>Multiply-adds of the largest convolution; ILGPU's processor device is slow.</summary>
    public const long LargestWork = 300_000;

    /// <summary>Why long tests are skipped; null if they are not.</summary>
    public static string? WhySelectionOnly =>
        Device == Gpu.CheckDevice && Environment.GetEnvironmentVariable("SHARPSEG_GPU_TESTS") != "all"
            ? "long on ILGPU's processor device; SHARPSEG_GPU_TESTS=all runs it, and the kernel sanitizer always does"
            : null;

    /// <summary>Why tests of tensor cores are skipped; null if they are not.</summary>
    public static string? WhyNoTensorCores => NoTensorCores.Value;

    /// <summary>Why tests of graphs are skipped; null if they are not.</summary>
    public static string? WhyNoGraphs => Device.StartsWith("cuda", StringComparison.Ordinal)
        ? null
        : "only CUDA records launches; SHARPSEG_GPU_TEST_DEVICE names such a device";

    private static string Device => Environment.GetEnvironmentVariable("SHARPSEG_GPU_TEST_DEVICE") is { Length: > 0 } device
        ? device
        : Gpu.CheckDevice;

    /// <summary>Opens the device.</summary>
    public static GpuBackend Open(
        KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, VariantCache? cache = null,
        Action<string>? warn = null) =>
        Gpu.OpenForChecks(Device, choice, precision, cache, warn);

    private static string? FindWhyNoTensorCores()
    {
        if (Device == Gpu.CheckDevice)
        {
            return "ILGPU's processor device does not run PTX; SHARPSEG_GPU_TEST_DEVICE names a device that does";
        }

        try
        {
            Gpu.Open(Device, GpuPrecision.Tf32).Dispose();
            return null;
        }
        catch (GpuUnavailableException e)
        {
            return e.Message;
        }
    }
}
