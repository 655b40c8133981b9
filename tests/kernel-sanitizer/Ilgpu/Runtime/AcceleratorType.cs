namespace ILGPU.Runtime;

/// <summary>What runs the kernels.</summary>
public enum AcceleratorType
{
    /// <summary>The processor: here the emulator.</summary>
    CPU,

    /// <summary>An NVIDIA GPU; never in the emulator.</summary>
    Cuda,

    /// <summary>An OpenCL device; never in the emulator.</summary>
    OpenCL,
}
