using SharpSeg.Conformance;
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

public class TrainingStepTests
{
    private static readonly Extent Patch = new(1, 16, 16);

    [Fact]
    public void Steps_without_finite_gradients_change_nothing_and_ten_in_a_row_end_training()
    {
        using var backend = new ReferenceBackend();
        using var run = new Run(backend, FixturePlans.F1);
        var before = run.Weights();
        var bad = Run.Images();
        bad[5] = float.NaN;
        for (var i = 1; i < TrainingStep.MaxConsecutiveSkips; i++)
        {
            Assert.False(double.IsFinite(run.Step.Run(bad, run.Targets(), 0.01f)));
            Assert.Equal(i, run.Step.SkippedSteps);
        }

        Assert.Equal(before, run.Weights());
        Assert.All(run.Optimizer.StepCounts, c => Assert.Equal(0, c));
        run.Step.Run(Run.Images(), run.Targets(), 0.01f);                // resets the count of consecutive ones
        Assert.NotEqual(before, run.Weights());
        for (var i = 1; i < TrainingStep.MaxConsecutiveSkips; i++)
        {
            run.Step.Run(bad, run.Targets(), 0.01f);
        }

        var e = Assert.Throws<TrainingDivergedException>(() => run.Step.Run(bad, run.Targets(), 0.01f));
        Assert.Contains("encoder.stages.0.0.convs.0.conv.weight", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, run.Step.Pool.InUseBytes);
    }

    [Fact]
    public void Evaluation_gives_the_loss_of_training_and_changes_nothing()
    {
        using var backend = new ReferenceBackend();
        using var run = new Run(backend, FixturePlans.F6);
        var before = run.Weights();
        var logits = new float[2 * Patch.Voxels * 2];
        var labels = new float[2 * Patch.Voxels];
        var value = run.Step.Evaluate(Run.Images(), run.Targets(), logits, labels);
        Assert.Equal(before, run.Weights());
        Assert.Equal(run.Step.Run(Run.Images(), run.Targets(), 0.01f), value.Total, 12);
        Assert.Equal(value.Total, value.CrossEntropy + value.Dice, 12);
        for (var v = 0; v < labels.Length; v++)
        {
            Assert.Equal(logits[2 * v] >= logits[(2 * v) + 1] ? 0f : 1f, labels[v]);
        }
    }

    [Fact]
    public void Wrong_lengths_are_refused_and_leave_nothing_rented()
    {
        using var backend = new ReferenceBackend();
        using var run = new Run(backend, FixturePlans.F1);
        Assert.Throws<ShapeException>(() => run.Step.Run(new float[7], run.Targets(), 0.01f));
        Assert.Throws<ShapeException>(() => run.Step.Run(Run.Images(), [new float[7]], 0.01f));
        Assert.Throws<ShapeException>(() => run.Step.Run(Run.Images(), [], 0.01f));
        Assert.Throws<ShapeException>(() => new TrainingStep(run.Network, run.Optimizer, new Extent(1, 15, 16), 2, run.Options));
        Assert.Throws<ShapeException>(() => new TrainingStep(
            run.Network, run.Optimizer, Patch, 2, run.Options with { Loss = run.Options.Loss with { Weights = [1f, 0f] } }));
        run.Step.Run(Run.Images(), run.Targets(), 0.01f);
    }

    [Theory]
    [InlineData("F1")]
    [InlineData("F3")]
    public void Recomputed_activations_give_the_same_bytes_on_the_processor(string name)
    {
        var plan = name == "F1" ? FixturePlans.F1 : FixturePlans.F3;
        Assert.Equal(Train(plan, recompute: true), Train(plan, recompute: false));
        Assert.Equal(Train(plan, recompute: true), Train(plan, recompute: true));

        static float[] Train(NetworkPlan plan, bool recompute)
        {
            using var backend = Cpu.Open(2);
            using var run = new Run(backend, plan, recompute);
            for (var i = 0; i < 3; i++)
            {
                run.Step.Run(Run.Images(), run.Targets(), 0.01f);
            }

            return run.Weights();
        }
    }

    [Fact]
    public void A_small_network_learns_its_batch_on_the_processor()
    {
        using var backend = Cpu.Open(2);
        using var run = new Run(backend, FixturePlans.F1);
        var first = run.Step.Run(Run.Images(), run.Targets(), 0.01f);
        for (var i = 0; i < 150; i++)
        {
            run.Step.Run(Run.Images(), run.Targets(), 0.01f);
        }

        Assert.True(run.Step.Loss.Total < first - 0.5, $"{first} → {run.Step.Loss.Total}");
    }

    [Fact]
    public void A_batch_of_a_source_is_given_back_after_its_step_and_trains_like_its_arrays()
    {
        using var backend = new ReferenceBackend();
        using Run straight = new(backend, FixturePlans.F1), sourced = new(backend, FixturePlans.F1);
        var source = new CountingSource(sourced.Targets());
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(straight.Step.Run(Run.Images(), straight.Targets(), 0.01f), sourced.Step.Run(source, 0.01f));
            // nothing is taken ahead where uploads cannot run beside
            Assert.Equal((i + 1, i + 1), (source.Taken, source.GivenBack));
        }

        Assert.Equal(straight.Weights(), sourced.Weights());
    }

    private sealed class CountingSource(IReadOnlyList<float[]> targets) : IBatchSource, IBatch
    {
        public int Taken { get; private set; }

        public int GivenBack { get; private set; }

        public bool HasNext => true;

        public float[] Image => Run.Images();

        public IReadOnlyList<float[]> Targets => targets;

        public IBatch TakeNext()
        {
            Taken++;
            return this;
        }

        public void Dispose() => GivenBack++;
    }

    /// <summary>A network, its optimiser and a batch of two images whose bright half is the foreground.</summary>
    private sealed class Run : IDisposable
    {
        public Run(Backend backend, NetworkPlan plan, bool recompute = true)
        {
            Network = Network.Build(plan, backend, seed: 5);
            Optimizer = new SgdNesterov(Network.Parameters);
            Options = new TrainingOptions(
                new LossOptions(Network.LossWeights, Regions: false, BatchDice: true), RecomputeActivations: recompute);
            Step = new TrainingStep(Network, Optimizer, Patch, 2, Options);
        }

        public Network Network { get; }

        public Optimizer Optimizer { get; }

        public TrainingOptions Options { get; }

        public TrainingStep Step { get; }

        public static float[] Images() =>
            [.. Enumerable.Range(0, (int)(2 * Patch.Voxels)).Select(i => MathF.Sin(0.7f * i) + (Bright(i) ? 1f : -1f))];

        public List<float[]> Targets() =>
            [.. Network.OutputScales.Select(s => Enumerable.Range(0, (int)(2 * Patch.Voxels / s.Voxels))
                .Select(i => Bright((int)(i * s.Voxels)) ? 1f : 0f).ToArray())];

        public float[] Weights() => [.. Network.Parameters.Parameters.SelectMany(p =>
        {
            var values = new float[p.Shape.Length];
            Network.Backend.Download(p.Value, values);
            return values;
        })];

        public void Dispose()
        {
            Step.Dispose();
            Optimizer.Dispose();
            Network.Dispose();
        }

        private static bool Bright(int voxel) => voxel % (int)Patch.Voxels < Patch.Voxels / 2;
    }
}
