namespace SharpSeg.Engine.Backends;

/// <summary>
/// Operations that a device was told to remember (<see cref="Backend.Record"/>), to be asked for again by one call: the same
/// operations, on the same memory, with the same numbers.
/// </summary>
public abstract class Recording : IDisposable
{
    /// <summary>Has the device run them, in order with all that it is asked for before and after.</summary>
    /// <returns>
    /// False if it does not, e.g. because memory has moved since: nothing was run, and nothing ever will be from this recording.
    /// </returns>
    public abstract bool Replay();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Has the device forget them.</summary>
    protected abstract void Dispose(bool disposing);
}
