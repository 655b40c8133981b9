namespace SharpSeg.Engine.Backends;

/// <summary>A device that cannot go on: out of memory, or lost. What was on it must be taken for gone; files are untouched.</summary>
public class DeviceException : Exception
{
    /// <summary>A failure and what the driver said.</summary>
    /// <param name="message">One line for people.</param>
    /// <param name="cause">What the driver said, if it did.</param>
    public DeviceException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>A device that stopped answering or reports a failure that no call can mend: removed, reset, overheated, a crashed driver.</summary>
/// <param name="device">Name of the device.</param>
/// <param name="cause">What the driver said.</param>
public sealed class DeviceLostException(string device, Exception cause) : DeviceException($"{device} failed: {cause.Message}", cause);
