namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Lets pieces of work run at once only while their estimated memory fits a budget. One piece may always run, however large it is.
/// </summary>
internal sealed class MemoryGate(long budgetBytes)
{
    private readonly object door = new();
    private long usedBytes;
    private int running;

    /// <summary>Waits until the bytes fit; dispose the result when the work is done.</summary>
    public IDisposable Enter(long bytes)
    {
        lock (door)
        {
            while (running > 0 && usedBytes + bytes > budgetBytes)
            {
                Monitor.Wait(door);
            }

            usedBytes += bytes;
            running++;
        }

        return new Pass(this, bytes);
    }

    private void Leave(long bytes)
    {
        lock (door)
        {
            usedBytes -= bytes;
            running--;
            Monitor.PulseAll(door);
        }
    }

    private sealed class Pass(MemoryGate gate, long bytes) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) == 0)
            {
                gate.Leave(bytes);
            }
        }
    }
}
