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

    /// <summary>Our time, and PyTorch's; null if there is no counterpart, or it ended.</summary>
    /// <param name="ours">Runs our operation once.</param>
    /// <param name="theirs">Runs theirs some times and gives the milliseconds of each run; null once it cannot.</param>
    /// <param name="seconds">Time for each side.</param>
    /// <param name="processorTime">Measure ours by the time that the processor gave to it, all threads together, instead of the
    /// clock: on a busy machine that is what a step costs.</param>
    public static (Timing Ours, Timing? Theirs) Run(
        Action ours, Func<int, double[]?>? theirs, double seconds, bool processorTime = false)
    {
        ours();
        Func<Action, double> time = processorTime ? ProcessorTime : Time;
        var once = time(ours);
        var theirFirst = theirs?.Invoke(1)?[0];
        var theirOnce = theirFirst > Long ? theirFirst.Value : theirs?.Invoke(1)?[0] ?? 1;
        var rounds = Math.Max(once, theirOnce) > Long ? MostRounds / 2 : MostRounds;
        var perRound = (int)Math.Clamp(seconds * 1000 / rounds / Math.Max(once, 1e-3), 1, 200);
        var theirPerRound = (int)Math.Clamp(seconds * 1000 / rounds / Math.Max(theirOnce, 1e-3), 1, 200);
        List<double> our = [];
        List<double>? their = theirs is null ? null : [];
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < perRound; i++)
            {
                our.Add(time(ours));
            }

            if (their is not null)
            {
                if (theirs!(theirPerRound) is { } times)
                {
                    their.AddRange(times);
                }
                else
                {
                    their = null; // no half a comparison
                }
            }
        }

        return (Timing.Of(our), their is null ? null : Timing.Of(their));
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
