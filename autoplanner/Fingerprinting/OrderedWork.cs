namespace SharpSeg.AutoPlanner.Fingerprinting;

/// <summary>
/// Independent pieces of work on several threads whose results are taken in order, so that what is summed from them does not depend on
/// the number of threads.
/// </summary>
internal static class OrderedWork
{
    /// <summary>
    /// Runs work(0) … work(count − 1) on up to <paramref name="workers"/> threads, each started in order, and calls take(i, result) for
    /// i = 0, 1, … one after the other.
    /// </summary>
    /// <exception cref="Exception">The first failure in order of i; what follows it is not taken.</exception>
    public static void Run<T>(int count, int workers, Func<int, T> work, Action<int, T> take)
    {
        var gate = new object();
        var done = new Dictionary<int, T>();
        var failures = new SortedDictionary<int, Exception>();
        var nextToStart = 0;
        var nextToTake = 0;
        var threads = new Thread[Math.Clamp(workers, 1, Math.Max(1, count))];
        for (var t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(Work) { IsBackground = true, Name = $"ordered work {t}" };
            threads[t].Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        if (failures.Count > 0)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures.First().Value);
        }

        void Work()
        {
            while (true)
            {
                int mine;
                lock (gate)
                {
                    // Cases before a failure still run: the error that is told is then always the first one.
                    if (nextToStart == count || failures.Count > 0)
                    {
                        return;
                    }

                    mine = nextToStart++;
                }

                try
                {
                    var result = work(mine);
                    lock (gate)
                    {
                        done[mine] = result;
                        while (done.Remove(nextToTake, out var ready))
                        {
                            take(nextToTake++, ready);
                        }
                    }
                }
                catch (Exception failure)
                {
                    lock (gate)
                    {
                        failures[mine] = failure;
                    }

                    return;
                }
            }
        }
    }
}
