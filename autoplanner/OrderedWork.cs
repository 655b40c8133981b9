using System.Runtime.ExceptionServices;

namespace SharpSeg.AutoPlanner;

/// <summary>
/// Independent pieces of work on several threads whose results are taken in order, so that what is summed from them does not
/// depend on the number of threads. Only for work that writes nothing: when cancelled, the pieces under way are left behind, not
/// waited for.
/// </summary>
internal static class OrderedWork
{
    /// <summary>
    /// Runs work(0) … work(count − 1) on up to <paramref name="workers"/> threads, each started in order, and calls take(i,
    /// result) for i = 0, 1, … one after the other.
    /// </summary>
    /// <param name="count">Pieces of work.</param>
    /// <param name="workers">Maximum number of threads.</param>
    /// <param name="work">One piece; called from the threads.</param>
    /// <param name="take">
    /// Takes one result; called from the threads, never at the same time, and never after this method has ended.
    /// </param>
    /// <param name="cancel">Ends at once, whatever the pieces under way still do.</param>
    /// <param name="mostAhead">How many pieces later than the first that is not taken may begin: large results must not
    /// gather.</param>
    /// <exception cref="Exception">The first failure in order of i; what follows it is not taken.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void Run<T>(
        int count, int workers, Func<int, T> work, Action<int, T> take, CancellationToken cancel, int mostAhead = int.MaxValue)
    {
        var gate = new object();
        var done = new Dictionary<int, T>();
        var failures = new SortedDictionary<int, Exception>();
        var nextToStart = 0;
        var nextToTake = 0;
        var cancelled = false;
        var running = Math.Clamp(workers, 1, Math.Max(1, count));
        for (var t = running; t > 0; t--)
        {
            new Thread(Work) { IsBackground = true, Name = $"ordered work {t}" }.Start();
        }

        using var onCancel = cancel.Register(() =>
        {
            lock (gate)
            {
                cancelled = true;
                Monitor.PulseAll(gate);
            }
        });
        lock (gate)
        {
            while (running > 0 && !cancelled)
            {
                Monitor.Wait(gate);
            }
        }

        cancel.ThrowIfCancellationRequested();
        if (failures.Count > 0)
        {
            ExceptionDispatchInfo.Throw(failures.First().Value);
        }

        void Work()
        {
            while (Start() is { } mine && Finish(mine))
            {
            }

            lock (gate)
            {
                running--;
                Monitor.PulseAll(gate);
            }
        }

        int? Start()
        {
            lock (gate)
            {
                while (nextToStart < count && nextToStart - nextToTake >= mostAhead && failures.Count == 0 && !cancelled)
                {
                    Monitor.Wait(gate);
                }

                // Pieces before a failure still run: the error that is reported is then always the first one.
                return nextToStart == count || failures.Count > 0 || cancelled ? null : nextToStart++;
            }
        }

        bool Finish(int mine)
        {
            try
            {
                var result = work(mine);
                lock (gate)
                {
                    done[mine] = result;
                    while (!cancelled && done.Remove(nextToTake, out var ready))
                    {
                        take(nextToTake++, ready);
                    }

                    Monitor.PulseAll(gate);
                }

                return true;
            }
            catch (Exception failure)
            {
                lock (gate)
                {
                    failures[mine] = failure;
                    Monitor.PulseAll(gate);
                }

                return false;
            }
        }
    }
}
