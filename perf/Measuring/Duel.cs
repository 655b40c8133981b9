using System.Diagnostics;

namespace SharpSeg.Perf.Measuring;

/// <summary>
/// Times an operation of ours and PyTorch's counterpart in turns, so that both run under the same load on a shared machine.
/// </summary>
internal static class Duel
{
    private const int MostRounds = 6;

    /// <summary>Runs of this many milliseconds are repeated at most three times: for minutes, the median needs no more.</summary>
    private const double Long = 5000;

    /// <summary>Our time, and PyTorch's median in milliseconds; null if there is no counterpart.</summary>
    /// <param name="ours">Runs our operation once.</param>
    /// <param name="theirs">Runs theirs some times and gives the milliseconds of each run.</param>
    /// <param name="seconds">Time for each side.</param>
    /// <param name="processorTime">Measure ours by the time that the processor gave to it, all threads together, instead of the
    /// clock: on a busy machine that is what a step costs.</param>
    public static (Timing Ours, double? Theirs) Run(
        Action ours, Func<int, double[]>? theirs, double seconds, bool processorTime = false)
    {
        ours();
        Func<Action, double> time = processorTime ? ProcessorTime : Time;
        var once = time(ours);
        var theirFirst = theirs?.Invoke(1)[0] ?? 1;
        var theirOnce = theirFirst > Long ? theirFirst : theirs?.Invoke(1)[0] ?? 1;
        var rounds = Math.Max(once, theirOnce) > Long ? MostRounds / 2 : MostRounds;
        var perRound = (int)Math.Clamp(seconds * 1000 / rounds / Math.Max(once, 1e-3), 1, 200);
        var theirPerRound = (int)Math.Clamp(seconds * 1000 / rounds / Math.Max(theirOnce, 1e-3), 1, 200);
        List<double> our = [], their = [];
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < perRound; i++)
            {
                our.Add(time(ours));
            }

            if (theirs is not null)
            {
                their.AddRange(theirs(theirPerRound));
            }
        }

        return (Timing.Of(our), theirs is null ? null : Timing.Of(their).Median);
    }

    private static double ProcessorTime(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
