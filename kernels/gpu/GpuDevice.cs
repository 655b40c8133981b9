namespace SharpSeg.Kernels.Gpu;

/// <summary>A GPU that training and prediction may use.</summary>
/// <param name="Id">What `--device` takes: "cuda:0", "opencl:1", ….</param>
/// <param name="Name">The device's own name.</param>
/// <param name="MemoryBytes">Its memory, bytes.</param>
/// <param name="Details">Architecture, multiprocessors, driver, for people.</param>
/// <param name="IsProcessor">
/// The driver presents the processor as a GPU: slower than the device cpu, so it is never chosen unless asked for.
/// </param>
public sealed record GpuDevice(string Id, string Name, long MemoryBytes, string Details, bool IsProcessor = false);
