using ILGPU;
using ILGPU.Runtime.CPU;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

/// <summary>Opens GPUs through ILGPU. Which ILGPU, the package or the emulator, was decided when this was built.</summary>
public static partial class Gpu
{
    /// <summary>
    /// Opens ILGPU's processor device, or the emulator, for checking kernels: exact, and some thousand times slower than a GPU.
    /// </summary>
    internal static GpuBackend OpenForChecks(KernelChoice choice, GpuPrecision precision = GpuPrecision.Fp32, VariantCache? cache = null)
    {
        var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia).EnableAlgorithms());
        var accelerator = context.CreateCPUAccelerator(0);
        return new GpuBackend(
            context, accelerator, "gpu", $"{accelerator.Name}, for checks only", choice, precision,
            cache ?? new VariantCache(folder: null, accelerator.Name));
    }
}
