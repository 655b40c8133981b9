namespace SharpSeg.Kernels.Gpu;

/// <summary>A GPU that was asked for and cannot be had, with the reason.</summary>
/// <param name="device">The device's id as it was asked for.</param>
/// <param name="reason">Why.</param>
/// <param name="cause">What the driver said, if it did.</param>
public sealed class GpuUnavailableException(string device, string reason, Exception? cause = null)
    : Exception($"device `{device}` is not available: {reason}", cause);
