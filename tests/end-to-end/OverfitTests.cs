using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// The first gate: everything together learns. Two cases, trained and validated on both, are segmented almost perfectly.
/// </summary>
public sealed class OverfitTests
{
    [Trait("Tier", "quick")]
    [Fact]
    public void Two_cases_are_learnt_by_heart()
    {
        using var tiny = new TinyRun(cases: 2, fold: Splits.AllCases);
        using var backend = Cpu.Open();
        var schedule = new TrainingSchedule(BatchSize: 2, Epochs: 10, IterationsPerEpoch: 16, ValidationIterations: 1);
        using (var trainer = new Trainer(tiny.First, schedule, backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        ValidationRun.Execute(tiny.First, backend, new InferenceOptions(), SilentReporter.Instance, CancellationToken.None);
        var summary = ValidationRun.Score(
            tiny.First, tiny.Dataset, surface: false, SilentReporter.Instance, CancellationToken.None);
        Assert.True(summary.ForegroundDice > 0.95, $"mean foreground Dice {summary.ForegroundDice}");
        Assert.Equal(2, summary.Cases.Count);
    }
}
