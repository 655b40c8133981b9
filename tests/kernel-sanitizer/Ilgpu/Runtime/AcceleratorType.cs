namespace ILGPU.Runtime;

/// <summary>What runs the kernels.</summary>
public enum AcceleratorType
{
    /// <summary>The processor: here the sanitizer.</summary>
    CPU,

    /// <summary>An NVIDIA GPU; never in the sanitizer.</summary>
    Cuda,

    /// <summary>An OpenCL device; never in the sanitizer.</summary>
    OpenCL,
}
