using SharpSeg.AutoPlanner.Imaging.Pictures;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>The charts of a run, which show at a glance whether a network learns: losses, and pseudo-Dice.</summary>
internal static class TrainingCurves
{
    private const int Blue = 0, Red = 1, Pale = 2, Green = 3; // see CanvasPen and HtmlPage

    /// <summary>Two charts over the finished epochs.</summary>
    public static IReadOnlyList<Chart> Of(IReadOnlyList<EpochRecord> epochs) =>
    [
        new Chart(
            "loss",
            [
                new("training", Blue, [.. epochs.Select(epoch => (double?)epoch.TrainLoss)]),
                new("validation", Red, [.. epochs.Select(epoch => epoch.ValidationLoss)]),
            ]),
        new Chart(
            "pseudo-Dice (validation patches)",
            [
                new("mean of the classes", Pale, [.. epochs.Select(epoch => epoch.MeanPseudoDice)]),
                new("moving average", Green, [.. epochs.Select(epoch => epoch.PseudoDiceAverage)]),
                .. epochs.Any(epoch => epoch.WholeCaseDice is not null)
                    ? (Curve[])[new("Dice of whole cases", Red, [.. epochs.Select(epoch => epoch.MeanWholeCaseDice)])]
                    : [],
            ],
            (0, 1)),
    ];
}
