using ILGPU;
using ILGPU.Runtime.CPU;

namespace SharpSeg.Kernels.Gpu;

/// <summary>Opens GPUs through ILGPU. Which ILGPU, the package or the emulator, was decided when this was built.</summary>
public static partial class Gpu
{
    /// <summary>
    /// Opens ILGPU's processor device, or the emulator, for checking kernels: exact, and some thousand times slower than a GPU. In a build
    /// with the package, the environment variable SHARPSEG_GPU_TEST_DEVICE (cuda:0, opencl:0, …) names another device to check on.
    /// </summary>
    internal static GpuBackend OpenForChecks(KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, VariantCache? cache = null)
    {
#if ILGPU_PACKAGE
        if (Environment.GetEnvironmentVariable("SHARPSEG_GPU_TEST_DEVICE") is { Length: > 0 } device)
        {
            return OpenDevice(device, choice, precision, cache);
        }

#endif
        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var accelerator = context.CreateCPUAccelerator(0);
        return new GpuBackend(
            context, accelerator, "gpu", $"{accelerator.Name}, for checks only", choice, precision,
            cache ?? new VariantCache(folder: null, accelerator.Name));
    }
}
