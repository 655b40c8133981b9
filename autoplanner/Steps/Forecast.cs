using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What twice the time would give, from the whole cases that a run scored on its way (docs/method/budget.md §6), or why nothing
/// can be said. An extrapolation of one run; its range, and not its middle, is what the curve supports.
/// </summary>
/// <param name="Gain">By how much the Dice would rise; null where nothing can be said.</param>
/// <param name="Text">In words, with the basis.</param>
internal sealed record Forecast(double? Gain, string Text)
{
    private const int FewestCases = 4;
    private const double NextDoubling = 0.5; // of what the last one gave

    /// <summary>From a run that has ended and is scored.</summary>
    /// <param name="schedule">How it learnt.</param>
    /// <param name="epochs">Its log.</param>
    /// <param name="dice">Mean foreground Dice of all its validation cases.</param>
    /// <returns>Null for a run that has no whole cases in its schedule.</returns>
    public static Forecast? Of(TrainingSchedule schedule, IReadOnlyList<EpochRecord> epochs, double dice)
    {
        if (schedule.Checks is null || double.IsNaN(dice))
        {
            return null;
        }

        if (epochs.Count < schedule.Epochs)
        {
            return None("the time was over before the learning rate had fallen to its end");
        }

        if (schedule.Recipe?.Cycles is not null)
        {
            return None("the learning rate fell several times");
        }

        var iterations = epochs.Sum(epoch => (long)epoch.Iterations);
        if (schedule.Recipe is { } recipe && !recipe.IsRuleFor(2 * iterations))
        {
            return None(FormattableString.Invariant(
                $"{2 * iterations} iterations would be trained with another recipe than these {iterations}"));
        }

        // In both the rate has not begun to fall steeply, and one is a doubling after the other.
        var before = Means(schedule, epochs, 1.0 / 8, 1.0 / 4);
        var after = Means(schedule, epochs, 1.0 / 4, 1.0 / 2);
        string[] ids = [.. before.Keys.Intersect(after.Keys).Order(StringComparer.Ordinal)];
        if (ids.Length < FewestCases)
        {
            return None($"{ids.Length} whole cases were scored both in the second eighth and in the second quarter of the run, "
                + $"{FewestCases} are needed");
        }

        var rise = PairedDifference.Of([.. ids.Select(id => before[id])], [.. ids.Select(id => after[id])]);
        var basis = FormattableString.Invariant(
            $"from the second eighth to the second quarter of the run the Dice of {ids.Length} whole cases changed by {rise.Mean:+0.0000;-0.0000} ({rise.Low:+0.0000;-0.0000} to {rise.High:+0.0000;-0.0000})");
        if (!(rise.Low > 0))
        {
            return None($"{basis}: no clear rise that could be drawn on");
        }

        var most = Math.Min(rise.Mean, 1 - dice);
        return new Forecast(NextDoubling * most, FormattableString.Invariant(
            $"twice the time would give about {dice + (NextDoubling * most):0.000}, between {dice:0.000} and {dice + most:0.000} ({basis}; each doubling gives less than the one before, about half)"));
    }

    private static Forecast None(string reason) => new(null, $"none: {reason}");

    /// <summary>Mean Dice of every case over a part of the run, its begin left out.</summary>
    private static Dictionary<string, double> Means(
        TrainingSchedule schedule, IReadOnlyList<EpochRecord> epochs, double begin, double end)
    {
        double Part(EpochRecord epoch) =>
            (double)schedule.Checks!.PartsDone(epoch.Epoch, schedule.Epochs) / schedule.Checks.Parts;
        return epochs.Where(epoch => epoch.WholeCaseDice is not null && Part(epoch) > begin && Part(epoch) <= end)
            .SelectMany(epoch => epoch.WholeCaseDice!)
            .GroupBy(pair => pair.Key, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Average(pair => pair.Value), StringComparer.Ordinal);
    }
}
