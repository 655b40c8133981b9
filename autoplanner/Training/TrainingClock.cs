using System.Diagnostics;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// How a run spends its time (docs/method/training.md §1, docs/method/budget.md §5): what is used, how many iterations the next
/// epoch gets, whether there is time to score whole cases, and when it is over.
/// </summary>
/// <param name="schedule">The schedule in effect.</param>
/// <param name="state">How far the run is; its seconds are counted here.</param>
/// <param name="costOf">What an iteration of an epoch (0-based) costs beside one of planned patches.</param>
internal sealed class TrainingClock(TrainingSchedule schedule, TrainingState state, Func<int, double> costOf)
{
    private const double MostOfTimeForChecks = 0.04; // twice what is planned (docs/method/budget.md §5)
    private const int RecentEpochs = 3; // whose speed counts

    private readonly int iterationsBefore = state.TotalIterations; // by the sessions before this one
    private readonly double secondsBefore = state.Seconds;
    private double secondsOfChecks; // of this session, on whole cases

    /// <summary>Told the mean seconds of this session's iterations so far; answers whether training must end now.</summary>
    public Func<double, bool>? IsOver { get; set; }

    /// <summary>Whether training must end now.</summary>
    public bool IsOutOfTime => (schedule.TimeBudget is { } budget && state.Seconds >= budget.TotalSeconds)
        || IsOver?.Invoke(
            (state.Seconds - secondsBefore - secondsOfChecks) / Math.Max(1, state.TotalIterations - iterationsBefore)) == true;

    /// <summary>Whether whole cases may be scored once more: they may turn out to cost too much of the run's time.</summary>
    public bool HasTimeForCheck => !IsOutOfTime
        && !(state.Records.Sum(record => record.WholeCaseSeconds ?? 0) + SecondsPerCheck()
            > MostOfTimeForChecks * schedule.TimeBudget?.TotalSeconds);

    /// <summary>Training iterations of the epoch that begins.</summary>
    public int IterationsOfEpoch() => schedule.IterationsFor(
        TimeSpan.FromSeconds(state.Seconds), state.Epoch, SecondsPerIteration(), costOf(state.Epoch), SecondsPerCheck());

    /// <summary>Counts the time since a time stamp.</summary>
    public void Count(long begin) => state.Seconds += Stopwatch.GetElapsedTime(begin).TotalSeconds;

    /// <summary>Counts the time since a time stamp as spent on scoring whole cases.</summary>
    /// <returns>It, seconds.</returns>
    public double CountCheck(long begin)
    {
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        state.Seconds += seconds;
        secondsOfChecks += seconds;
        return seconds;
    }

    /// <summary>What scoring whole cases took the last time, or is expected to take.</summary>
    private double SecondsPerCheck() =>
        state.Records.LastOrDefault(record => record.WholeCaseSeconds is not null)?.WholeCaseSeconds
            ?? schedule.Checks?.Seconds ?? 0;

    /// <summary>
    /// What an iteration of planned patches costs by the last epochs, validation included; the schedule's own guess before the
    /// first epoch.
    /// </summary>
    private double SecondsPerIteration()
    {
        var recent = state.Records.TakeLast(RecentEpochs).ToList();
        return recent.Count == 0
            ? (schedule.TimeBudget?.TotalSeconds ?? 0) / ((double)schedule.Epochs * schedule.IterationsPerEpoch)
            : recent.Sum(r => r.Seconds - (r.WholeCaseSeconds ?? 0)) / recent.Sum(r => r.Iterations * costOf(r.Epoch));
    }
}
