namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>Runs independent pieces of work, each thread with scratch memory of its own.</summary>
internal static class ParallelLines
{
    /// <summary>Calls <paramref name="body"/> for 0 .. count-1, on at most <paramref name="threads"/> threads (0 = all cores).</summary>
    public static void For<TScratch>(int count, int threads, Func<TScratch> scratch, Action<int, TScratch> body)
    {
        var most = Math.Min(threads > 0 ? threads : Environment.ProcessorCount, count);
        if (most <= 1)
        {
            var own = scratch();
            for (var i = 0; i < count; i++)
            {
                body(i, own);
            }

            return;
        }

        Parallel.For(
            0,
            count,
            new ParallelOptions { MaxDegreeOfParallelism = most },
            scratch,
            (i, _, own) =>
            {
                body(i, own);
                return own;
            },
            _ => { });
    }
}
