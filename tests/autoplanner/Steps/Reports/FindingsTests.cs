using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Steps.Reports;

public sealed class FindingsTests
{
    private static readonly LabelScheme Labels = new([new("background", [0]), new("a", [1]), new("b", [2])]);

    [Fact]
    public void An_ordinary_training_gives_no_finding() =>
        Assert.Empty(Findings.Of(
            Content([(0.9, 0.8), (0.8, 0.9), (0.85, 0.7)], Epochs(40, i => 0.8, i => -i / 40.0, i => -0.5))));

    [Fact]
    public void A_class_that_is_not_found_and_a_case_far_below_are_named()
    {
        var findings = Findings.Of(Content([(0.1, 0.02), (0.8, 0.02), (0.85, 0.02)], null));
        Assert.Contains(findings, text => text.Contains("`b` is hardly ever found", StringComparison.Ordinal));
        Assert.Contains(findings, text => text.Contains("`case0` is far below", StringComparison.Ordinal));
        Assert.Equal(2, findings.Count);
    }

    [Theory]
    [InlineData("rises", 0.9, 0.0, "still rises")]
    [InlineData("flat at nothing", 0.0, 0.0, "not learnt to find anything")]
    [InlineData("by heart", 0.0, 0.8, "by heart")]
    public void Curves_are_read(string kind, double rise, double overfit, string expected)
    {
        var level = kind == "flat at nothing" ? 0 : 0.1;
        var epochs = Epochs(40, i => level + (rise * i / 40), i => -i / 40.0, i => -0.5 + (overfit * i / 40));
        Assert.Contains(
            Findings.Of(Content([(0.9, 0.9)], epochs)), text => text.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Missing_predictions_and_unfinished_runs_are_named()
    {
        var content = Content([(0.9, 0.9)], Epochs(3, i => 0, i => 0, i => 0), state: "begun", missing: ["z"]);
        var findings = Findings.Of(content with { Gaps = ["`x` cannot be read"] });
        Assert.Equal("Not shown: `x` cannot be read.", findings[0]);
        Assert.Contains(findings, text => text.Contains("1 of 2 references have no prediction", StringComparison.Ordinal));
        Assert.Contains(findings, text => text.Contains("not finished (3 epochs)", StringComparison.Ordinal));
        Assert.StartsWith("Nothing is scored", Findings.Of(content with { Scores = null })[0], StringComparison.Ordinal);
    }

    private static ReportContent Content(
        IReadOnlyList<(double A, double B)> cases, IReadOnlyList<EpochRecord>? epochs, string state = "done",
        IReadOnlyList<string>? missing = null)
    {
        ClassMetrics Metrics(double dice) => ClassMetrics.FromCounts(0, 1, 1, 0) with { Dice = dice };
        var summary = EvaluationSummary.Of(
            EvaluatedClass.Of(Labels),
            cases.Select((dice, i) => new CaseMetrics($"case{i}", "r", "p", [Metrics(dice.A), Metrics(dice.B)])), missing);
        var log = epochs is null ? null : new RunLog("cpu", "fp32", 1, 4, 1, new TrainingSchedule(2, 40, 1, 1), epochs);
        return new ReportContent
        {
            Title = "t",
            Labels = Labels,
            Scores = ReportScores.Of("s", summary, _ => null),
            Runs = [new("2d", "0", state, log, 0.5)],
        };
    }

    private static EpochRecord[] Epochs(
        int count, Func<int, double> dice, Func<int, double> trainLoss, Func<int, double> validationLoss) =>
    [
        .. Enumerable.Range(0, count).Select(
            i => new EpochRecord(i, 10, 0.01, trainLoss(i), validationLoss(i), [dice(i)], dice(i), dice(i), 1, 0)),
    ];
}
