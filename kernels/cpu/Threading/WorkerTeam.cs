namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>
/// The threads of one backend. The caller takes part; the others spin for some microseconds between two pieces of work (a
/// training step is hundreds of them in a row) and then sleep. Chunks are claimed one by one, so a preempted core delays only the
/// chunk it holds.
/// <para>Claiming: one 64-bit word holds (number of the work, chunks left). A thread owns a chunk once it has decremented the
/// count while the number was still the one it saw; from then on the work cannot end, so its fields are stable. No thread has to
/// report before the next work starts, so a sleeping thread costs nothing.</para>
/// </summary>
internal sealed unsafe class WorkerTeam : IDisposable
{
    private const int WorkerSpins = 4000;
    private const int CallerSpins = 20000;

    private readonly Thread[] threads;
    private readonly bool isIdle;
    private readonly SemaphoreSlim wake = new(0);
    private readonly SemaphoreSlim finished = new(0);
    private long state;
    private int total;
    private int unfinished;
    private long awaited;
    private int sleepers;
    private bool stop;
    private void* work;
    private delegate*<void*, int, int, void> invoke;

    /// <summary>Starts the threads.</summary>
    /// <param name="count">Threads that compute, the caller included.</param>
    /// <param name="isIdle">Nothing is to be run: work for so many threads is only planned.</param>
    public WorkerTeam(int count, bool isIdle = false)
    {
        Count = count;
        this.isIdle = isIdle;
        threads = new Thread[isIdle ? 0 : count - 1];
        for (var i = 0; i < threads.Length; i++)
        {
            var worker = i + 1;
            threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"cpu kernel {worker}" };
            threads[i].Start();
        }
    }

    /// <summary>Threads that compute, the caller included.</summary>
    public int Count { get; }

    /// <summary>
    /// Runs all chunks and returns when the last is done. Only one thread may call, one call at a time. Denormals count as zero.
    /// </summary>
    public void Run<TWork>(int chunks, TWork item)
        where TWork : unmanaged, IChunkedWork
    {
        if (isIdle)
        {
            return;
        }

        var before = DenormalFlush.Begin();
        try
        {
            RunFlushed(chunks, item);
        }
        finally
        {
            DenormalFlush.End(ref before);
        }
    }

    private void RunFlushed<TWork>(int chunks, TWork item)
        where TWork : unmanaged, IChunkedWork
    {
        if (chunks <= 1 || Count == 1)
        {
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                item.Run(chunk, 0);
            }

            return;
        }

        work = &item;
        invoke = &Invoke<TWork>;
        total = chunks;
        unfinished = chunks;
        var number = (uint)((state >> 32) + 1);
        Interlocked.Exchange(ref state, ((long)number << 32) | (uint)chunks);
        if (Volatile.Read(ref sleepers) > 0)
        {
            var asleep = Interlocked.Exchange(ref sleepers, 0);
            if (asleep > 0)
            {
                wake.Release(asleep);
            }
        }

        Work(number, 0);
        for (var spin = 0; Volatile.Read(ref unfinished) > 0; spin++)
        {
            if (spin < CallerSpins)
            {
                Thread.SpinWait(8);
                continue;
            }

            // Announce, then look again: either the last chunk sees the announcement and wakes us, or we see that it is done.
            Interlocked.Exchange(ref awaited, number);
            if (Volatile.Read(ref unfinished) > 0 || Interlocked.CompareExchange(ref awaited, 0, number) != number)
            {
                finished.Wait();
            }

            break;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref stop, true);
        wake.Release(Math.Max(1, threads.Length * 2));
        foreach (var thread in threads)
        {
            thread.Join();
        }

        wake.Dispose();
        finished.Dispose();
    }

    private static void Invoke<TWork>(void* item, int chunk, int worker)
        where TWork : unmanaged, IChunkedWork => ((TWork*)item)->Run(chunk, worker);

    private void Work(uint number, int worker)
    {
        while (true)
        {
            var seen = Volatile.Read(ref state);
            if ((uint)(seen >> 32) != number || (uint)seen == 0)
            {
                return;
            }

            if (Interlocked.CompareExchange(ref state, seen - 1, seen) != seen)
            {
                continue;
            }

            invoke(work, total - (int)(uint)seen, worker);
            if (Interlocked.Decrement(ref unfinished) == 0 && Interlocked.CompareExchange(ref awaited, 0, number) == number)
            {
                finished.Release();
            }
        }
    }

    private void Serve(int worker)
    {
        _ = DenormalFlush.Begin(); // for as long as the thread lives
        var last = 0u;
        while (!Volatile.Read(ref stop))
        {
            for (var spin = 0; spin < WorkerSpins && (uint)(Volatile.Read(ref state) >> 32) == last; spin++)
            {
                Thread.SpinWait(8);
            }

            if ((uint)(Volatile.Read(ref state) >> 32) == last)
            {
                Interlocked.Increment(ref sleepers);
                if ((uint)(Interlocked.Read(ref state) >> 32) == last && !Volatile.Read(ref stop))
                {
                    wake.Wait();
                }

                continue;
            }

            last = (uint)(Volatile.Read(ref state) >> 32);
            Work(last, worker);
        }
    }
}
