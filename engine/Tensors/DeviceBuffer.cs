namespace SharpSeg.Engine.Tensors;

/// <summary>
/// A run of float32 values in the memory of one backend. Only that backend can look inside; the engine passes it around.
/// Freed by <see cref="Dispose()"/>, never by the garbage collector's good will: device memory is too scarce for that.
/// </summary>
public abstract class DeviceBuffer(long length) : IDisposable
{
    /// <summary>Capacity in float32 elements.</summary>
    public long Length { get; } = length;

    /// <summary>Gives the memory back to the device.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory; called once.</summary>
    protected abstract void Dispose(bool disposing);
}
