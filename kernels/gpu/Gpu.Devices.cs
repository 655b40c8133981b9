using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
#if ILGPU_EMULATOR
    /// <summary>GPUs that can be opened. In a build without the ILGPU package there are none.</summary>
    public static IReadOnlyList<GpuDevice> Devices() => [];

    /// <summary>Opens a device by its id.</summary>
    /// <exception cref="GpuUnavailableException">Always, in a build without the ILGPU package.</exception>
    public static Backend Open(string device) => throw new GpuUnavailableException(device, DescribeWhyMissing());

    /// <summary>One sentence: why <see cref="Devices"/> lists nothing, or nothing more.</summary>
    public static string DescribeWhyMissing() =>
        "built without the ILGPU package (the package feed did not have ILGPU 1.5.3 when this was built): the GPU kernels are compiled and " +
        "tested on an emulator, but no GPU can be used";
#endif
}
