namespace SharpSeg.Engine.Backends;

/// <summary>
/// A device that cannot continue: out of memory, or lost. Everything on it must be considered lost; files are untouched.
/// </summary>
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

/// <summary>
/// A device that stopped answering or reports a failure that cannot be recovered from: removed, reset, overheated, a crashed
/// driver.
/// </summary>
/// <param name="device">Name of the device.</param>
/// <param name="cause">What the driver said.</param>
public sealed class DeviceLostException(string device, Exception cause)
    : DeviceException($"{device} failed: {cause.Message}", cause);
