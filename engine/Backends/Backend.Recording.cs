namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    private int recorder; // the thread that records; 0: none does

    /// <summary>
    /// Runs work once, while the device remembers the operations of this thread instead of running them. What reads back, uploads
    /// or allocates cannot be remembered.
    /// </summary>
    /// <param name="work">Calls operations; whatever else it does, it may do again.</param>
    /// <returns>
    /// What repeats the operations. Null if the device cannot remember them: work was then not run, or not to its end, or to no
    /// purpose, and is still to be done.
    /// </returns>
    public Recording? Record(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (recorder != 0)
        {
            throw new InvalidOperationException("a recording inside another");
        }

        recorder = Environment.CurrentManagedThreadId;
        try
        {
            return RecordCore(work);
        }
        catch (NotRecordableException)
        {
            return null;
        }
        finally
        {
            recorder = 0;
        }
    }

    /// <inheritdoc cref="Record"/>
    /// <remarks>An exception of the work must pass, once the device remembers no more.</remarks>
    protected virtual Recording? RecordCore(Action work) => null;

    /// <summary>Ends the recording, if this thread records: for what no device can remember.</summary>
    protected void RequireNotRecording()
    {
        if (recorder == Environment.CurrentManagedThreadId)
        {
            throw new NotRecordableException();
        }
    }

    private sealed class NotRecordableException() : Exception("an operation that needs the host cannot be recorded");
}
