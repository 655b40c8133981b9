namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Tells, once, a run that finds no foreground at all (docs/method/training.md §8): days of training are too much to learn it
/// from the final scores.
/// </summary>
internal static class CollapseNotice
{
    // Early in a long schedule a network may still find nothing; a short one has fewer epochs to wait for.
    private const int LatestEpoch = 20, EarliestEpoch = 3;
    private const double ShareOfSchedule = 0.2;

    /// <summary>What to say after an epoch; null nearly always.</summary>
    /// <param name="records">All epochs so far.</param>
    /// <param name="epochs">Of the schedule.</param>
    public static string? After(IReadOnlyList<EpochRecord> records, int epochs)
    {
        // A network begins with noise, which may hit something: what counts is that it has stopped finding anything.
        var due = Math.Clamp((int)(ShareOfSchedule * epochs), EarliestEpoch, LatestEpoch);
        EpochRecord[] without = [.. records.Reverse().TakeWhile(record => !(record.MeanPseudoDice > 0))];
        if (!IsDue(without) || IsDue(without[1..]))
        {
            return null;
        }

        var last = records[^1];
        var what = !double.IsFinite(last.TrainLoss)
            ? "the loss is no number: continue from another start (--seed), or check the images with `sharpseg verify`"
            : "targets that are small or rare need more patches with them (--foreground-share 0.67, --balance-classes), a finer "
                + "spacing (`plan --spacing`) or a larger patch (`plan --memory`); else look whether labels lie on their images "
                + "(`sharpseg verify`)";
        return FormattableString.Invariant(
            $"{(without.Length == records.Count ? "after" : "for")} {Counted.Of(without.Length, "epoch")} the network finds no foreground: its ")
            + FormattableString.Invariant($"pseudo-Dice is 0 (training loss {last.TrainLoss:0.000}). Try: {what}");

        bool IsDue(EpochRecord[] streak) => streak.Length >= due && streak.Any(record => record.MeanPseudoDice == 0);
    }
}
