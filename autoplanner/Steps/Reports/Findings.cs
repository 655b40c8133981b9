using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps.Reports;

/// <summary>
/// What a practised eye would see first in scores and curves, in words, each with what to do. Rules of thumb, not of the method:
/// they draw attention, they decide nothing.
/// </summary>
internal static class Findings
{
    private const double NeverFound = 0.1, FarBelow = 0.5;
    private const int FewestEpochs = 10; // below, a curve says little
    private const double LastPart = 0.2, StillRising = 0.01, Overfitting = 0.15, NotLearning = 0.02;

    /// <summary>The findings, most important first.</summary>
    public static IReadOnlyList<string> Of(ReportContent content) =>
        [.. content.Gaps.Select(gap => $"Not shown: {gap}."), .. OfScores(content), .. OfRuns(content)];

    private static IEnumerable<string> OfScores(ReportContent content)
    {
        if (content.Scores is not { } scores)
        {
            yield return "Nothing is scored yet. `sharpseg train WORK` trains a fold and scores its validation cases.";
            yield break;
        }

        var summary = scores.Summary;
        if (summary.Missing.Count > 0)
        {
            yield return $"{summary.Missing.Count} of {summary.Missing.Count + summary.Cases.Count} references have no prediction "
                + $"and are in no mean, the first being `{summary.Missing[0]}`. Predict them, or the mean is of the easy part.";
        }

        for (var c = 0; c < summary.Classes.Count; c++)
        {
            if (summary.ClassDice[c] < NeverFound)
            {
                yield return $"`{summary.Classes[c].Name}` is hardly ever found (mean Dice "
                    + FormattableString.Invariant($"{summary.ClassDice[c]:0.000}). Look whether its label values are right in the ")
                    + "references (`sharpseg verify`), then train longer.";
            }
        }

        if (scores.Median is { } median && scores.Cases[0] is var worst && worst.Dice < FarBelow * median.Dice)
        {
            yield return FormattableString.Invariant(
                $"`{worst.Id}` is far below the others: Dice {worst.Dice:0.000}, the median case has {median.Dice:0.000}. ")
                + "Look at its picture: a wrong reference, a scan of another kind, or a true failure of the network?";
        }
    }

    private static IEnumerable<string> OfRuns(ReportContent content)
    {
        foreach (var run in content.Runs)
        {
            if (run.State == "begun")
            {
                yield return $"{run.Name}: not finished ({Counted.Of(run.Log?.Epochs.Count ?? 0, "epoch")}). `train --resume` goes on.";
            }

            if (run.Forecast is { Gain: not null } forecast)
            {
                yield return $"{run.Name}: {forecast.Text}.";
            }

            if (run.Log is { } log && log.Epochs.Count >= FewestEpochs)
            {
                foreach (var finding in OfCurves(log.Epochs))
                {
                    yield return $"{run.Name}: {finding}";
                }
            }
        }
    }

    private static IEnumerable<string> OfCurves(IReadOnlyList<EpochRecord> epochs)
    {
        var count = (int)Math.Ceiling(LastPart * epochs.Count);
        var (last, before) = (epochs.TakeLast(count).ToArray(), epochs.SkipLast(count).TakeLast(count).ToArray());
        var dice = last.Select(epoch => epoch.PseudoDiceAverage).LastOrDefault(value => value is not null);
        if (dice < NotLearning)
        {
            yield return "it has not learnt to find anything. Train longer; if that does not help, look at images and references.";
            yield break;
        }

        if (epochs[^1].SkippedSteps > 0)
        {
            yield return $"{Counted.Of(epochs[^1].SkippedSteps, "step was", "steps were")} left out because a gradient was not finite. A few are harmless in "
                + "fp16; many are not: train with `--precision fp32`.";
        }

        var rise = Mean(last, epoch => epoch.MeanPseudoDice) - Mean(before, epoch => epoch.MeanPseudoDice);
        if (rise > StillRising)
        {
            yield return FormattableString.Invariant($"the pseudo-Dice still rises (by {rise:0.000} over the last fifth of ")
                + "the epochs): a longer training would probably be better.";
        }

        var lowest = epochs.Select(epoch => epoch.ValidationLoss).Where(value => value is not null).Min();
        var end = Mean(last, epoch => epoch.ValidationLoss);
        var range = epochs.Max(epoch => epoch.TrainLoss) - epochs.Min(epoch => epoch.TrainLoss);
        if (end - lowest > Overfitting * range && Mean(last, epoch => epoch.TrainLoss) < Mean(before, epoch => epoch.TrainLoss))
        {
            yield return "the validation loss rises while the training loss falls: it learns its cases by heart. More cases help "
                + "most.";
        }
    }

    private static double Mean(IEnumerable<EpochRecord> epochs, Func<EpochRecord, double?> value) =>
        epochs.Select(value).Where(v => v is { } number && double.IsFinite(number)).DefaultIfEmpty().Average() ?? 0;
}
