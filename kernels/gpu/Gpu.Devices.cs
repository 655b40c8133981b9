#if ILGPU_EMULATOR
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    private const string NoPackage =
        "built without the ILGPU package (the package feed did not have ILGPU 1.5.3): the GPU kernels are compiled and tested on an " +
        "emulator, but no GPU can be used";

    /// <summary>GPUs that can be opened. In a build without the ILGPU package there are none.</summary>
    public static IReadOnlyList<GpuDevice> Devices() => [];

    /// <summary>Opens a device by its id.</summary>
    /// <exception cref="GpuUnavailableException">Always, in a build without the ILGPU package.</exception>
    public static Backend Open(string device, GpuPrecision? precision = null, Action<string>? warn = null) =>
        throw new GpuUnavailableException(device, NoPackage);

    /// <summary>One sentence: why <see cref="Devices"/> lists nothing, or nothing more.</summary>
    public static string DescribeWhyMissing() => NoPackage;

    /// <summary>Writes the PTX of every kernel into a folder.</summary>
    /// <exception cref="GpuUnavailableException">Always, in a build without the ILGPU package, which has the compiler.</exception>
    public static IReadOnlyList<string> EmitPtx(string folder, string architecture) =>
        throw new GpuUnavailableException(architecture, NoPackage);
}
#endif
