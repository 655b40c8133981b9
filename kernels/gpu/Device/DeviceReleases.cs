using ILGPU.Runtime;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Gives back what a device holds. A driver that cannot even do that has lost the device, often by an earlier kernel whose
/// failure nobody has heard of yet: the first such failure is kept, the rest is given back all the same, and whoever computes
/// next is told.
/// </summary>
/// <param name="device">The device for people.</param>
internal sealed class DeviceReleases(string device)
{
    /// <summary>The first failure; null if there was none.</summary>
    public AcceleratorException? Failure { get; private set; }

    /// <summary>Gives one thing back. Never throws the driver's failure: the caller may be on its way out with another.</summary>
    public void Release(IDisposable? held)
    {
        try
        {
            held?.Dispose();
        }
        catch (AcceleratorException e)
        {
            Failure ??= e;
        }
    }

    /// <summary>Refuses to go on with a lost device.</summary>
    /// <exception cref="DeviceLostException">Something could not be given back.</exception>
    public void RequireNone()
    {
        if (Failure is not null)
        {
            throw new DeviceLostException(device, Failure);
        }
    }
}
