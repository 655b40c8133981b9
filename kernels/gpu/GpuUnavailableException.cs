namespace SharpSeg.Kernels.Gpu;

/// <summary>A GPU that was asked for and is not available, with the reason.</summary>
/// <param name="device">The device's id as it was asked for.</param>
/// <param name="reason">Why.</param>
/// <param name="cause">The driver's error, if there is one.</param>
public sealed class GpuUnavailableException(string device, string reason, Exception? cause = null)
    : Exception($"device `{device}` is not available: {reason}", cause);
