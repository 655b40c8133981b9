namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// When and with which whole validation cases a run is scored while it trains (docs/method/budget.md §5). Part of the schedule of
/// a run within a time, and so of checkpoint and log: a resumed run scores the same cases at the same epochs.
/// </summary>
/// <param name="Cases">Their names, the same ones every time.</param>
/// <param name="Parts">
/// The epochs fall into so many parts of equal length. The cases are scored after every part but the last: after that one all
/// validation cases are.
/// </param>
/// <param name="Seconds">What scoring them once was expected to take.</param>
public sealed record CaseChecks(IReadOnlyList<string> Cases, int Parts, double Seconds)
{
    /// <summary>Their names, the same ones every time.</summary>
    public IReadOnlyList<string> Cases { get; init; } = Cases ?? [];

    /// <summary>Whether they are scored at the end of an epoch.</summary>
    /// <param name="epoch">0-based epoch.</param>
    /// <param name="epochs">Epochs of the run.</param>
    internal bool IsDue(int epoch, int epochs) =>
        epoch + 1 < epochs && PartsDone(epoch, epochs) > PartsDone(epoch - 1, epochs);

    /// <summary>How often they are still to be scored.</summary>
    /// <param name="epoch">The next epoch, 0-based.</param>
    /// <param name="epochs">Epochs of the run.</param>
    internal int Left(int epoch, int epochs) =>
        Enumerable.Range(epoch, Math.Max(0, epochs - epoch)).Count(next => IsDue(next, epochs));

    /// <summary>Some of many cases, evenly spread over the list.</summary>
    internal static IReadOnlyList<string> Spread(IReadOnlyList<string> candidates, int count) =>
        [.. Enumerable.Range(0, count).Select(index => candidates[((2 * index) + 1) * candidates.Count / (2 * count)])];

    /// <inheritdoc/>
    public bool Equals(CaseChecks? other) =>
        other is not null && Cases.SequenceEqual(other.Cases) && (Parts, Seconds) == (other.Parts, other.Seconds);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Cases.Count, Parts, Seconds);

    /// <summary>How many parts have ended with an epoch.</summary>
    /// <param name="epoch">0-based epoch; −1 before the first.</param>
    /// <param name="epochs">Epochs of the run.</param>
    internal long PartsDone(int epoch, int epochs) => (epoch + 1L) * Parts / epochs;
}
