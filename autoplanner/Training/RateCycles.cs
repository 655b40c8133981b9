namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// A rate that falls to its end several times in one run (docs/method/budget.md §4). At each end stands a network of its own,
/// near to the others; the run's network is the mean of their weights.
/// </summary>
public sealed record RateCycles
{
    /// <summary>The most that a run can have.</summary>
    internal const int Most = 100;

    /// <summary>How often the rate falls, 2 to 100.</summary>
    public required int Count { get; init; }

    /// <summary>Share of the run that the first fall has, from random weights; the others divide the rest. 0 to 1.</summary>
    public required double FirstShare { get; init; }

    /// <summary>The rate at which the others begin; the first begins at the recipe's.</summary>
    public required double Rate { get; init; }

    /// <summary>Where a cycle ends: epochs of the run until then. Every cycle has one at least.</summary>
    /// <param name="cycle">1 to <see cref="Count"/>; 0 is where the first begins.</param>
    /// <param name="epochs">Epochs of the run, as many as cycles at least.</param>
    internal int End(int cycle, int epochs)
    {
        if (cycle == 0)
        {
            return 0;
        }

        var end = epochs * (FirstShare + ((1 - FirstShare) * (cycle - 1) / (Count - 1)));
        return Math.Clamp((int)Math.Floor(end + 0.5), cycle, epochs - Count + cycle);
    }

    /// <summary>How many cycles have ended after a number of epochs.</summary>
    /// <param name="done">Epochs that have ended.</param>
    /// <param name="epochs">Epochs of the run.</param>
    internal int Ended(int done, int epochs) => Enumerable.Range(1, Count).Count(cycle => End(cycle, epochs) <= done);

    /// <summary>The cycle of an epoch, and which part of it is done at a point of the run.</summary>
    /// <param name="epoch">Index of the epoch.</param>
    /// <param name="epochs">Epochs of the run.</param>
    /// <param name="done">Epochs until the point, with the part of the current one.</param>
    /// <returns>1 to <see cref="Count"/>, and 0 to 1.</returns>
    internal (int Cycle, double Done) At(int epoch, int epochs, double done)
    {
        var ended = Ended(epoch, epochs);
        int begin = End(ended, epochs), end = End(ended + 1, epochs);
        return (ended + 1, (done - begin) / (end - begin));
    }

    /// <summary>In words.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Count}, the first {FirstShare:0.#########} of the run, the others from {Rate:0.#########}");
}
