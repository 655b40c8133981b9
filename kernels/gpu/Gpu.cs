using ILGPU;
using ILGPU.Runtime.CPU;

namespace SharpSeg.Kernels.Gpu;

/// <summary>Opens GPUs through ILGPU. Which ILGPU, the package or the emulator, was decided when this was built.</summary>
public static partial class Gpu
{
    /// <summary>ILGPU's processor device, or the emulator, as <see cref="OpenForChecks(string, KernelChoice, GpuPrecision?)"/> takes it.</summary>
#if ILGPU_PACKAGE
    internal const string CheckDevice = "ilgpu-cpu";
#else
    internal const string CheckDevice = "emulator";
#endif

    /// <summary>Whether this was built with ILGPU itself.</summary>
#if ILGPU_PACKAGE
    public static bool HasPackage => true;
#else
    public static bool HasPackage => false;
#endif

    /// <summary>Which ILGPU this was built with, with its version.</summary>
    public static string World => HasPackage
        ? $"package {typeof(Context).Assembly.GetName().Version?.ToString(3)}"
        : "emulator (built without the ILGPU package)";

    /// <summary>Opens a device for checking one kind of kernels.</summary>
    /// <param name="device">"cuda:0", "opencl:0", …, or <see cref="CheckDevice"/>.</param>
    /// <param name="choice">Which variants.</param>
    /// <param name="precision">In which numbers convolutions multiply; null: the device's default.</param>
    /// <exception cref="GpuUnavailableException">There is no such device, or it cannot do this precision.</exception>
    internal static GpuBackend OpenForChecks(string device, KernelChoice choice, GpuPrecision? precision)
    {
        if (device == CheckDevice)
        {
            return OpenCheckDevice(choice, precision ?? GpuPrecision.Fp32, cache: null);
        }

#if ILGPU_PACKAGE
        return OpenDevice(device, choice, precision, new VariantCache(folder: null, device));
#else
        throw new GpuUnavailableException(device, NoPackage);
#endif
    }

    /// <summary>
    /// Opens ILGPU's processor device, or the emulator, for checking kernels: exact, and some thousand times slower than a GPU. In a build
    /// with the package, the environment variable SHARPSEG_GPU_TEST_DEVICE (cuda:0, opencl:0, …) names another device to check on.
    /// </summary>
    internal static GpuBackend OpenForChecks(
        KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, VariantCache? cache = null, Action<string>? warn = null)
    {
#if ILGPU_PACKAGE
        if (Environment.GetEnvironmentVariable("SHARPSEG_GPU_TEST_DEVICE") is { Length: > 0 } device)
        {
            return OpenDevice(device, choice, precision, cache, warn);
        }

#endif
        return OpenCheckDevice(choice, precision, cache, warn);
    }

    private static GpuBackend OpenCheckDevice(KernelChoice choice, GpuPrecision precision, VariantCache? cache, Action<string>? warn = null)
    {
        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var accelerator = context.CreateCPUAccelerator(0);
        return new GpuBackend(
            context, accelerator, "gpu", $"{accelerator.Name}, for checks only", choice, precision,
            cache ?? new VariantCache(folder: null, accelerator.Name))
        {
            Warn = warn ?? (_ => { }),
        };
    }
}
