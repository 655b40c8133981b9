using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// What training does with a device that has little memory, works beside its uploads, scales the loss, or is lost.
/// </summary>
public sealed class DeviceTests(DeviceTests.Runs runs) : IClassFixture<DeviceTests.Runs>
{
    private static readonly TrainingSchedule Schedule = new(
        BatchSize: 2, Epochs: 2, IterationsPerEpoch: 3, ValidationIterations: 1);

    private readonly TinyRun tiny = runs.Tiny;

    [Fact]
    public void Device_lost_in_training_is_explained_and_the_saved_state_goes_on()
    {
        var job = tiny.Another("lost");
        string latest = Workspace.LatestCheckpoint(job.Folder), best = Workspace.BestCheckpoint(job.Folder);
        byte[] saved;
        using (var device = new FailingBackend(Cpu.Open(threads: 1)))
        {
            var error = Assert.Throws<SharpSegException>(
                () => Execute(job, device, new FailAt(device, "epoch 2/2, iteration 1/3")));
            Assert.Contains("the device does not answer", error.Message, StringComparison.Ordinal);
            Assert.Contains("--resume", error.Hint, StringComparison.Ordinal);
            saved = File.ReadAllBytes(File.Exists(latest) ? latest : best);
            Assert.DoesNotContain(Directory.GetFiles(job.Folder), file => file.EndsWith(".tmp", StringComparison.Ordinal));

            // Saving on a lost device must not harm what was saved before.
            Assert.ThrowsAny<Exception>(() =>
            {
                using var trainer = new Trainer(job, Schedule, device, resume: true, SilentReporter.Instance);
            });
            Assert.Equal(saved, File.ReadAllBytes(File.Exists(latest) ? latest : best));
        }

        using var other = new FailingBackend(Cpu.Open(threads: 1));
        var outcome = Execute(job, other, SilentReporter.Instance);
        Assert.Equal(Schedule.Epochs * Schedule.IterationsPerEpoch, outcome.Iterations);
        AssertSame(runs.Straight, Weights(job));
    }

    [Fact]
    public void Batches_uploaded_beside_computations_give_the_same_bytes()
    {
        using var device = new FailingBackend(Cpu.Open(threads: 1)) { StagesBatches = true };
        var job = tiny.Another("staged");
        Execute(job, device, SilentReporter.Instance);
        Assert.True(device.UploadsAhead >= Schedule.Epochs * (Schedule.IterationsPerEpoch - 1) * 2);
        AssertSame(runs.Straight, Weights(job));
    }

    [Fact]
    public void Loss_scaling_is_saved_with_the_run_and_a_resumed_run_gives_the_same_bytes()
    {
        var job = tiny.Another("scaled");
        using (var device = new FailingBackend(Cpu.Open(threads: 1)) { ScalesLoss = true })
        using (var stop = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(
                () => Execute(job, device, new StopAt(stop, "epoch 2/2, iteration 2/3"), stop.Token));
        }

        // The factor must come back from the file: a sentinel that no fresh start would have.
        var state = Checkpoint.Peek(Workspace.LatestCheckpoint(job.Folder), job).State;
        Assert.Equal(new LossScaleState(LossScale.Initial, 5), state.LossScale);
        using (var device = new FailingBackend(Cpu.Open(threads: 1)) { ScalesLoss = true })
        {
            using var trainer = new Trainer(job, Schedule, device, resume: true, SilentReporter.Instance);
            trainer.Run(CancellationToken.None);
            Assert.Equal(new LossScaleState(LossScale.Initial, 6), trainer.State.LossScale);
        }

        AssertSame(runs.Straight, Weights(job)); // a power of two rounds nothing
    }

    [Fact]
    public void Training_that_does_not_fit_the_device_is_refused_and_told_which_batch_would()
    {
        var needed = runs.PredictedPeakBytes;
        var big = tiny.First with { Configuration = tiny.First.Configuration with { BatchSize = 6 } };
        using var small = new FailingBackend(Cpu.Open(threads: 1)) { Memory = needed + 1000 };
        var error = Assert.Throws<SharpSegException>(
            () => TrainingSession.Execute(
                big, small, TrainingLength.Of(Schedule with { BatchSize = 6 }), resume: false, SilentReporter.Instance, default));
        Assert.Contains("batch 6", error.Message, StringComparison.Ordinal);
        Assert.Equal("batch 2 fits: --batch 2", error.Hint);
        Assert.Equal(0, small.PeakBytes);

        using var tinyDevice = new FailingBackend(Cpu.Open(threads: 1)) { Memory = needed / 100 };
        error = Assert.Throws<SharpSegException>(
            () => TrainingSession.Execute(
                big, tinyDevice, TrainingLength.Of(Schedule), resume: false, SilentReporter.Instance, default));
        Assert.Contains("--memory", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_of_the_devices_sampler_is_planned_and_counts_when_training_does_not_fit()
    {
        const long Sampler = 7_000_000;
        var (profile, configuration, needed) = (tiny.First.Plans.Profile, tiny.First.Configuration, runs.PredictedPeakBytes);
        using var enough = new FailingBackend(Cpu.Open(threads: 1)) { SamplerBytes = Sampler, Memory = needed + Sampler };
        var plan = MemoryPlan.Require(profile, configuration with { BatchSize = 2 }, tiny.First.Description, enough);
        Assert.Equal((Sampler, needed + Sampler), (plan.Augmentation, plan.Total));
        Assert.Contains(", augmentation 7 MB: peak", plan.Describe(enough), StringComparison.Ordinal);

        using var little = new FailingBackend(Cpu.Open(threads: 1)) { SamplerBytes = Sampler, Memory = needed + Sampler - 1 };
        var error = Assert.Throws<SharpSegException>(
            () => MemoryPlan.Require(profile, configuration with { BatchSize = 2 }, tiny.First.Description, little));
        Assert.Equal("batch 1 fits: --batch 1", error.Hint);

        using var without = new FailingBackend(Cpu.Open(threads: 1));
        Assert.DoesNotContain(
            "augmentation", MemoryPlan.Of(profile, configuration, tiny.First.Description, without).Describe(without),
            StringComparison.Ordinal);
    }

    /// <summary>Activations that stay are those that would have been made again.</summary>
    [Fact]
    public void A_device_with_room_keeps_all_activations_and_gives_the_same_bytes()
    {
        var job = tiny.Another("kept");
        MemoryPlan Plan(Backend device) => MemoryPlan.Of(
            job.Plans.Profile, job.Configuration with { BatchSize = Schedule.BatchSize }, job.Description, device);
        using var roomy = new FailingBackend(Cpu.Open(threads: 1)) { OwnMemory = true, Memory = 8L << 30 };
        var kept = Plan(roomy);
        Assert.True(kept.KeepsActivations);
        Assert.Contains("(all kept)", kept.Describe(roomy), StringComparison.Ordinal);
        using var full = new FailingBackend(Cpu.Open(threads: 1)) { OwnMemory = true, Memory = (2 * kept.Total) - 1 };
        Assert.False(Plan(full).KeepsActivations);
        Assert.InRange(Plan(full).Activations, 1, kept.Activations - 1);

        Assert.Equal(kept.Total, Execute(job, roomy, SilentReporter.Instance).PredictedPeakBytes);
        AssertSame(runs.Straight, Weights(job));
    }

    private static TrainingOutcome Execute(
        TrainingJob job, FailingBackend device, IReporter reporter, CancellationToken cancel = default) =>
        TrainingSession.Execute(job, device, TrainingLength.Of(Schedule), resume: true, reporter, cancel);

    private static SortedDictionary<string, float[]> Weights(TrainingJob job) =>
        WorkspaceFiles.ReadTensors(Workspace.FinalCheckpoint(job.Folder));

    private static void AssertSame(SortedDictionary<string, float[]> expected, SortedDictionary<string, float[]> actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        Assert.All(expected, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(actual[pair.Key]), pair.Key));
    }

    /// <summary>Does something as soon as the training reports a certain iteration.</summary>
    private abstract class At(string detailStart) : IReporter
    {
        public void Stage(string name)
        {
        }

        public void Progress(double fraction, string detail)
        {
            if (detail.StartsWith(detailStart, StringComparison.Ordinal))
            {
                Happen();
            }
        }

        public void Info(string line)
        {
        }

        public void Warning(string line)
        {
        }

        protected abstract void Happen();
    }

    private sealed class FailAt(FailingBackend device, string detailStart) : At(detailStart)
    {
        protected override void Happen() => device.Failed = true;
    }

    private sealed class StopAt(CancellationTokenSource source, string detailStart) : At(detailStart)
    {
        protected override void Happen() => source.Cancel();
    }

    /// <summary>The data, and the training on a device that nothing happens to.</summary>
    public sealed class Runs : IDisposable
    {
        public Runs()
        {
            using var device = new FailingBackend(Cpu.Open(threads: 1));
            var job = Tiny.Another("straight");
            PredictedPeakBytes = Execute(job, device, SilentReporter.Instance).PredictedPeakBytes;
            Straight = Weights(job);
        }

        internal TinyRun Tiny { get; } = new(cases: 6, fold: "0");

        internal SortedDictionary<string, float[]> Straight { get; }

        internal long PredictedPeakBytes { get; }

        public void Dispose() => Tiny.Dispose();
    }
}
