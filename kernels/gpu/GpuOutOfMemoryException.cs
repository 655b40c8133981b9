using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

/// <summary>A device that is out of memory: what was asked for, what is in use, and what would help.</summary>
public sealed class GpuOutOfMemoryException : DeviceException
{
    /// <summary>Builds the message.</summary>
    /// <param name="requestedBytes">Size of the buffer that did not fit.</param>
    /// <param name="usedBytes">Bytes that this program holds on the device.</param>
    /// <param name="deviceBytes">Memory of the device.</param>
    /// <param name="device">Name of the device.</param>
    /// <param name="cause">The driver's error.</param>
    public GpuOutOfMemoryException(long requestedBytes, long usedBytes, long deviceBytes, string device, Exception cause)
        : base(
            string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{device} is out of memory: a buffer of {requestedBytes / Mebi:N0} MiB does not fit in addition to the {usedBytes / Mebi:N0} MiB in use (device: {deviceBytes / Mebi:N0} MiB); plan with a smaller memory target, or use a smaller batch or patch, or close other programs that use the device"),
            cause)
    {
        (RequestedBytes, UsedBytes, DeviceBytes) = (requestedBytes, usedBytes, deviceBytes);
    }

    private const double Mebi = 1 << 20;

    /// <summary>Size of the buffer that did not fit, bytes.</summary>
    public long RequestedBytes { get; }

    /// <summary>Bytes that this program holds on the device.</summary>
    public long UsedBytes { get; }

    /// <summary>Memory of the device, bytes.</summary>
    public long DeviceBytes { get; }
}
