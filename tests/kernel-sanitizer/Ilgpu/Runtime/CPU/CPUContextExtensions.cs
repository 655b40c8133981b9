namespace ILGPU.Runtime.CPU;

/// <summary>Which GPU the processor imitates. The sanitizer imitates NVIDIA's.</summary>
public enum CPUDeviceKind
{
    /// <summary>Groups of up to 16 threads; refused here, because kernels need more.</summary>
    Default,

    /// <summary>Warps of 32 threads, groups of up to 1024.</summary>
    Nvidia,
}

/// <summary>Opening the processor as a device.</summary>
public static class CPUContextExtensions
{
    /// <summary>Offers the processor as a device.</summary>
    public static Context.Builder CPU(this Context.Builder builder, CPUDeviceKind kind) => kind == CPUDeviceKind.Nvidia
        ? builder
        : throw new NotSupportedException("the sanitizer imitates CPUDeviceKind.Nvidia only");

    /// <summary>Opens the processor as a device.</summary>
    public static Accelerator CreateCPUAccelerator(this Context context, int cpuDeviceIndex) => cpuDeviceIndex == 0
        ? new Accelerator(context)
        : throw new NotSupportedException($"there is one emulated device, so no device {cpuDeviceIndex}");
}
