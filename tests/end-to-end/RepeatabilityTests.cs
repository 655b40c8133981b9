using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// Same seed, device and threads give the same bytes; a resumed run equals the run that was never stopped
/// (docs/method/training.md §10).
/// </summary>
public sealed class RepeatabilityTests
{
    private static readonly TrainingSchedule Schedule = new(
        BatchSize: 2, Epochs: 6, IterationsPerEpoch: 4, ValidationIterations: 2);

    [Theory]
    [InlineData(Profile.Modern, false)]
    [InlineData(Profile.Classic, false)]
    [InlineData(Profile.Modern, true)]
    public void A_run_that_was_stopped_twice_equals_the_one_that_was_not(Profile profile, bool batchNorm)
    {
        using var tiny = new TinyRun(
            cases: 6, fold: "0",
            (profile == Profile.Classic ? NetworkChoice.Classic : NetworkChoice.UNet) with { BatchNorm = batchNorm });
        var straight = Train(tiny.First);
        var repeated = Train(tiny.Another("repeated"));
        AssertSame(straight, repeated);

        // In the middle of an epoch, and after its last iteration but before its validation.
        var stopped = tiny.Another("stopped");
        Assert.Throws<OperationCanceledException>(() => Train(stopped, stopAt: "epoch 3/6, iteration 2/4"));
        Assert.Throws<OperationCanceledException>(() => Train(stopped, stopAt: "epoch 5/6, iteration 4/4"));
        var resumed = Train(stopped);
        AssertSame(straight, resumed);
    }

    [Fact]
    public void Another_seed_gives_another_network()
    {
        using var tiny = new TinyRun(cases: 2, fold: "0");
        var schedule = Schedule with { Epochs = 1, IterationsPerEpoch = 1 };
        var (first, _) = Train(tiny.First, schedule: schedule);
        var (other, _) = Train(tiny.Another("other") with { Seed = 6 }, schedule: schedule);
        Assert.Contains(first, pair => !pair.Value.AsSpan().SequenceEqual(other[pair.Key]));
    }

    private static (SortedDictionary<string, float[]> Weights, IReadOnlyList<EpochRecord> Records) Train(
        TrainingJob job, string? stopAt = null, TrainingSchedule? schedule = null)
    {
        using var backend = Cpu.Open();
        using var stop = new CancellationTokenSource();
        using var trainer = new Trainer(job, schedule ?? Schedule, backend, resume: true, new StopAt(stopAt, stop));
        trainer.Run(stop.Token);
        return (WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(job.Folder)), trainer.State.Records);
    }

    private static void AssertSame(
        (SortedDictionary<string, float[]> Weights, IReadOnlyList<EpochRecord> Records) expected,
        (SortedDictionary<string, float[]> Weights, IReadOnlyList<EpochRecord> Records) actual)
    {
        Assert.Equal(expected.Weights.Keys, actual.Weights.Keys);
        foreach (var (name, values) in expected.Weights)
        {
            for (var i = 0; i < values.Length; i++)
            {
                Assert.True(
                    BitConverter.SingleToInt32Bits(values[i]) == BitConverter.SingleToInt32Bits(actual.Weights[name][i]),
                    $"{name}[{i}]: {values[i]} and {actual.Weights[name][i]}");
            }
        }

        // Times differ, everything else must not.
        Assert.Equal(expected.Records.Select(Numbers), actual.Records.Select(Numbers));
        static string Numbers(EpochRecord r) => FormattableString.Invariant(
            $"{r.Epoch} {r.Iterations} {r.LearningRate:R} {r.TrainLoss:R} {r.ValidationLoss:R} {r.MeanPseudoDice:R} {r.PseudoDiceAverage:R} {r.SkippedSteps}");
    }
}
