namespace ILGPU.Runtime;

/// <summary>A queue of launches. Here every launch is done before the call that asks for it returns.</summary>
public sealed class AcceleratorStream : IDisposable
{
    internal AcceleratorStream(Accelerator accelerator) => Accelerator = accelerator;

    /// <summary>The device.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>Waits for all launches; there are none to wait for.</summary>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
