using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Tests.Networks;
using SharpSeg.Engine.Training;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.Engine.Tests.Training;

/// <summary>
/// Steps that are repeated from recordings, beside the same steps launched operation by operation: every byte of losses,
/// gradients, weights and moments, which are what a checkpoint holds.
/// </summary>
public sealed class RecordedStepTests
{
    private const int Samples = 2, Steps = 7;
    private static readonly Extent Patch = new(1, 16, 16);

    public static TheoryData<string, bool, bool, bool> Networks => new()
    {
        { "F1", false, true, true },
        { "F1", true, false, true },
        { "F3", false, false, true },
        { "F6", true, true, true },
        { "F6", false, true, false },
        { "SmallPlusPlus", false, true, true },
        { "F5", true, true, true },
    };

    /// <summary>Batches of a source, which change places from step to step, and others that keep theirs.</summary>
    [Theory]
    [MemberData(nameof(Networks))]
    public void Recorded_steps_give_the_bytes_of_launched_ones(string plan, bool adam, bool recompute, bool staged)
    {
        var (launched, _) = Train(Record.No);
        var (recorded, backend) = Train(Record.Yes);
        Assert.Equal(launched, recorded);
        Assert.Equal(staged ? 2 : 1, backend.Made);
        Assert.Equal(0, backend.Alive);

        (List<float[]> Seen, RecordingBackend Backend) Train(Record record)
        {
            var device = new RecordingBackend(Cpu.Open(2));
            using (device)
            using (var run = new Run(device, PlanOf(plan), record, adam, recompute))
            {
                var batches = new Batches(run.Network, ahead: staged);
                for (var i = 0; i < Steps; i++)
                {
                    run.Step.Run(batches, 0.01f);
                    run.Note();

                    // The first launches all, later ones are recorded once for each place of a batch and repeated from then on.
                    Assert.Equal(record == Record.Yes && i > 0, run.Step.WasReplayed);
                }

                return (run.Seen, device);
            }
        }
    }

    [Fact]
    public void A_repeated_step_asks_the_device_for_the_update_alone()
    {
        using var device = new RecordingBackend(Cpu.Open(1));
        using var run = new Run(device, FixturePlans.F1, Record.Yes);
        var batches = new Batches(run.Network, ahead: false);
        int[] calls = [.. Enumerable.Range(0, 4).Select(_ =>
        {
            var before = device.Calls;
            run.Step.Run(batches, 0.01f);
            return device.Calls - before;
        })];
        Assert.InRange(calls[0], 20, 100);
        Assert.Equal([calls[0], calls[0], 1, 1], calls);
    }

    /// <summary>
    /// Scaled gradients overflow until the scale has been halved often enough, then it is doubled; and a batch in the middle is
    /// skipped. The scale is a number of the recorded operations.
    /// </summary>
    [Fact]
    public void Another_scale_of_the_loss_and_skipped_steps_give_the_bytes_of_launched_ones()
    {
        var (launched, _) = Train(Record.No);
        var (recorded, backend) = Train(Record.Yes);
        Assert.Equal(launched, recorded);
        Assert.True(backend.Made >= 4, $"{backend.Made} recordings");

        static (List<float[]> Seen, RecordingBackend Backend) Train(Record record)
        {
            var device = new RecordingBackend(Cpu.Open(1));
            using (device)
            using (var run = new Run(device, FixturePlans.F1, record, lossWeight: 1e36f))
            {
                var batches = new Batches(run.Network, ahead: true) { Spoilt = 21 };
                var replayed = 0;
                for (var i = 0; i < 30; i++)
                {
                    if (i == 18)
                    {
                        Assert.InRange(run.Step.SkippedSteps, 8, 15);
                        Assert.True(run.Step.LossScale!.Value.GoodSteps > 1);
                        run.Step.RestoreLossScale(run.Step.LossScale.Value with { GoodSteps = LossScale.GrowthInterval - 4 });
                    }

                    run.Step.Run(batches, 0.01f);
                    run.Note();
                    replayed += run.Step.WasReplayed ? 1 : 0;
                    Assert.InRange(device.Alive, 0, 2);
                }

                // The spoilt batch and the scale that was doubled too far.
                Assert.True(run.Step.SkippedSteps >= 10, $"{run.Step.SkippedSteps} steps skipped");
                Assert.Equal(record == Record.Yes, replayed > 5);
                return (run.Seen, device);
            }
        }
    }

    /// <summary>Evaluations between the steps use the same memory.</summary>
    [Fact]
    public void Evaluations_and_trimmed_memory_between_steps_change_nothing()
    {
        Assert.Equal(Train(Record.No), Train(Record.Yes));

        static List<float[]> Train(Record record)
        {
            using var device = new RecordingBackend(Cpu.Open(1));
            using var run = new Run(device, FixturePlans.F6, record);
            var batches = new Batches(run.Network, ahead: true);
            for (var i = 0; i < Steps; i++)
            {
                run.Step.Run(batches, 0.01f);
                run.Note();
                var labels = new float[Samples * Patch.Voxels];
                var value = run.Step.Evaluate(Batches.Images(50 + i), Batches.Targets(run.Network, 50 + i), labels: labels);
                run.Seen.Add([(float)value.Total, .. labels]);
                if (i == 3)
                {
                    run.Step.Pool.Trim();                 // memory is another afterwards
                }

                Assert.Equal(record == Record.Yes && i is not (0 or 4), run.Step.WasReplayed);
            }

            return run.Seen;
        }
    }

    /// <summary>Which parameters have a gradient belongs to a step: another step of the network may reach others.</summary>
    [Fact]
    public void Steps_of_two_losses_take_turns_and_move_what_they_reach()
    {
        Assert.Equal(Train(Record.No), Train(Record.Yes));

        static List<float[]> Train(Record record)
        {
            using var device = new RecordingBackend(Cpu.Open(1));
            using var run = new Run(device, FixturePlans.F6, record);
            var alone = new LossOptions(
                [1f, .. Enumerable.Repeat(0f, run.Network.OutputScales.Count - 1)], Regions: false, BatchDice: true);
            using var other = new TrainingStep(
                run.Network, run.Optimizer, Patch, Samples, new TrainingOptions(alone, Record: record == Record.Yes));
            for (var i = 0; i < Steps; i++)
            {
                run.Step.Run(Batches.Images(i), Batches.Targets(run.Network, i), 0.01f);
                run.Note();
                other.Run(Batches.Images(i), Batches.Targets(run.Network, i), 0.01f);
                run.Note();
            }

            Assert.Equal(record == Record.Yes, run.Step.WasReplayed && other.WasReplayed);
            Assert.Contains(run.Optimizer.StepCounts, count => count == Steps);
            Assert.Contains(run.Optimizer.StepCounts, count => count == 2 * Steps);
            return run.Seen;
        }
    }

    /// <summary>A failure while something is recorded, memory that moves, and averages that are read in the middle.</summary>
    [Theory]
    [InlineData("fails at once")]
    [InlineData("fails in the middle")]
    [InlineData("moves")]
    [InlineData("reads back")]
    public void What_cannot_be_recorded_or_repeated_is_launched_to_the_same_bytes(string why)
    {
        var plan = why == "reads back" ? FixturePlans.F1 with { Norm = NormKind.Batch } : FixturePlans.F1;
        Assert.Equal(Train(Record.No), Train(Record.Yes));

        List<float[]> Train(Record record)
        {
            using var device = new RecordingBackend(Cpu.Open(1))
            {
                FailsAt = why switch { "fails at once" => 0, "fails in the middle" => 17, _ => null },
            };
            using var run = new Run(device, plan, record);
            var batches = new Batches(run.Network, ahead: true);
            for (var i = 0; i < Steps; i++)
            {
                device.HasMoved = why == "moves" && i == 3;
                run.Step.Run(batches, 0.01f);
                run.Note();
                Assert.Equal(record == Record.Yes && why == "moves" && i is not (0 or 3), run.Step.WasReplayed);
                Assert.Equal(0, run.Step.Pool.InUseBytes);
            }

            return run.Seen;
        }
    }

    [Fact]
    public void Only_what_needs_no_host_can_be_recorded_and_an_exception_of_the_work_passes()
    {
        using var backend = new RecordingBackend(Cpu.Open(1));
        var buffer = backend.Allocate(16);
        var tensor = new Tensor(buffer, 0, Shape.Vector(16));
        backend.Fill(tensor, 1f);
        Action[] needHost =
        [
            () => backend.Download(tensor, new float[16]), () => backend.Upload(new float[16], tensor),
            () => backend.UploadAhead(new float[16], tensor), () => backend.Allocate(16), () => backend.SumOfSquares(tensor),
        ];
        Assert.All(needHost, one => Assert.Null(backend.Record(() =>
        {
            backend.Fill(tensor, 2f);
            one();
        })));
        Assert.Throws<ShapeException>(() => backend.Record(() => throw new ShapeException("wrong")));
        Assert.Throws<InvalidOperationException>(() => backend.Record(() => backend.Record(() => { })));
        var values = new float[16];
        backend.Download(tensor, values);
        Assert.All(values, value => Assert.Equal(1f, value));

        using (var recording = backend.Record(() => backend.Axpby(1f, tensor, 1f, tensor)))
        {
            Assert.True(recording!.Replay());
            Assert.True(recording.Replay());
        }

        backend.Download(tensor, values);
        Assert.All(values, value => Assert.Equal(4f, value));
        backend.Free(buffer);
    }

    [Fact]
    public void Other_threads_may_allocate_while_one_records()
    {
        using var backend = new RecordingBackend(Cpu.Open(1));
        DeviceBuffer? buffer = null;
        using var recording = backend.Record(() =>
        {
            var other = new Thread(() => buffer = backend.Allocate(16));
            other.Start();
            other.Join();
        });
        Assert.NotNull(recording);
        backend.Free(buffer!);
    }

    private static NetworkPlan PlanOf(string name) => name switch
    {
        "F1" => FixturePlans.F1,
        "F3" => FixturePlans.F3,
        "F5" => FixturePlans.F5,
        "F6" => FixturePlans.F6,
        _ => FixturePlans.SmallPlusPlus,
    };

    private enum Record
    {
        No,
        Yes,
    }

    /// <summary>A network in training, and all that was seen of it.</summary>
    private sealed class Run : IDisposable
    {
        public Run(
            Backend backend, NetworkPlan plan, Record record, bool adam = false, bool recompute = true, float? lossWeight = null)
        {
            Network = Network.Build(plan, backend, seed: 5);
            Optimizer = adam ? new Adam(Network.Parameters) : new SgdNesterov(Network.Parameters);
            var loss = new LossOptions(
                [.. Network.LossWeights.Select(w => w * (lossWeight ?? 1))], Regions: false, BatchDice: true);
            Step = new TrainingStep(
                Network, Optimizer, Patch, Samples,
                new TrainingOptions(
                    loss, RecomputeActivations: recompute, ScaleLoss: lossWeight is not null, Record: record == Record.Yes));
        }

        public Network Network { get; }

        public Optimizer Optimizer { get; }

        public TrainingStep Step { get; }

        /// <summary>After every step: losses, norm, gradients, weights, moments.</summary>
        public List<float[]> Seen { get; } = [];

        public void Note()
        {
            Seen.Add(
                [(float)Step.Loss.Total, (float)Step.Loss.Dice, (float)Step.GradientNorm, (float)(Step.LossScale?.Value ?? 0)]);
            Seen.AddRange(Network.Parameters.Parameters.Where(p => p.HasGradient).Select(p => Values(p.Gradient)));
            Seen.AddRange(Network.Parameters.Parameters.Select(p => Values(p.Value)));
            Seen.AddRange(Optimizer.State.Select(moment => Values(moment.Value)));
        }

        public void Dispose()
        {
            Step.Dispose();
            Optimizer.Dispose();
            Network.Dispose();
        }

        private float[] Values(Tensor tensor)
        {
            var values = new float[tensor.Length];
            Network.Backend.Download(tensor, values);
            return values;
        }
    }

    /// <summary>A new batch for every step; of one, the images are not numbers.</summary>
    private sealed class Batches(Network network, bool ahead) : IBatchSource
    {
        private int next;

        public int? Spoilt { get; init; }

        public bool HasNext => ahead;

        public IBatch TakeNext()
        {
            var (images, targets) = (Images(next), Targets(network, next));
            images[5] = next == Spoilt ? float.NaN : images[5];
            next++;
            return new Batch(images, targets);
        }

        public static float[] Images(int number) => [.. Enumerable.Range(0, (int)(Samples * Patch.Voxels))
            .Select(i => MathF.Sin((0.7f * i) + number) + (Bright(i, number) ? 1f : -1f))];

        public static List<float[]> Targets(Network network, int number) =>
        [
            .. network.OutputScales.Select(scale => Enumerable.Range(0, (int)(Samples * Patch.Voxels / scale.Voxels))
                .Select(i => Bright((int)(i * scale.Voxels), number) ? 1f : 0f).ToArray()),
        ];

        private static bool Bright(int voxel, int number) => (voxel + (31 * number)) % (int)Patch.Voxels < Patch.Voxels / 2;

        private sealed record Batch(float[] Image, IReadOnlyList<float[]> Targets) : IBatch
        {
            public void Dispose()
            {
            }
        }
    }
}
