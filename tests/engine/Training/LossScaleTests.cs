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

public sealed class LossScaleTests
{
    private static readonly Extent Patch = new(1, 16, 16);

    [Fact]
    public void Overflow_halves_the_factor_and_skips_the_step()
    {
        var scale = new LossScale();
        Assert.False(scale.Update(double.PositiveInfinity));
        Assert.Equal(LossScale.Initial / 2, scale.Value);
        Assert.False(scale.Update(double.NaN));
        Assert.Equal(LossScale.Initial / 4, scale.Value);
    }

    [Fact]
    public void Many_good_steps_double_the_factor()
    {
        var scale = new LossScale();
        for (var i = 0; i < LossScale.GrowthInterval - 1; i++)
        {
            Assert.True(scale.Update(1.0));
        }

        Assert.Equal(LossScale.Initial, scale.Value);
        scale.Update(1.0);
        Assert.Equal(2 * LossScale.Initial, scale.Value);
        Assert.Equal(0, scale.State.GoodSteps);
    }

    [Fact]
    public void Factor_never_falls_below_one()
    {
        var scale = new LossScale();
        for (var i = 0; i < 40; i++)
        {
            scale.Update(double.NaN);
        }

        Assert.Equal(1.0, scale.Value);
        Assert.False(scale.CanShrink);
    }

    [Fact]
    public void Factor_goes_on_from_its_state()
    {
        var scale = new LossScale(new LossScaleState(1024, LossScale.GrowthInterval - 1));
        scale.Update(1.0);
        Assert.Equal(new LossScaleState(2048, 0), scale.State);
    }

    /// <summary>The factor is a power of two: without overflow or underflow, not a bit of any weight may depend on it.</summary>
    [Fact]
    public void Scaled_training_in_float32_gives_the_same_bytes_as_unscaled()
    {
        Assert.Equal(Train(scaled: false), Train(scaled: true));

        static float[] Train(bool scaled)
        {
            using var backend = Cpu.Open(2);
            using var run = new Run(backend, scaled, lossWeight: 1f);
            for (var i = 0; i < 5; i++)
            {
                run.Step.Run(Run.Images(), run.Targets(), 0.01f);
            }

            Assert.Equal(scaled ? new LossScaleState(LossScale.Initial, 5) : null, run.Step.LossScale);
            return run.Weights();
        }
    }

    /// <summary>
    /// A loss so heavy that the scaled gradients overflow float32 until the factor has been halved several times.
    /// </summary>
    [Fact]
    public void Overflowing_steps_change_nothing_and_shrink_the_factor_until_training_goes_on()
    {
        using var backend = new ReferenceBackend();
        using var run = new Run(backend, scaled: true, lossWeight: 1e36f);
        var before = run.Weights();
        var skipped = 0;
        while (run.Optimizer.StepCounts.All(c => c == 0))
        {
            Assert.Equal(before, run.Weights());
            Assert.Equal(LossScale.Initial / Math.Pow(2, skipped), run.Step.LossScale!.Value.Value);
            Assert.Equal(skipped, run.Step.SkippedSteps);
            run.Step.Run(Run.Images(), run.Targets(), 0.01f);
            skipped++;
            Assert.InRange(skipped, 1, 30);
        }

        // 65536·1e36 > 3.4e38: eight halvings at the very least, and one step that went through.
        Assert.InRange(run.Step.SkippedSteps, 8, 20);
        Assert.True(run.Step.LossScale!.Value.Value < LossScale.Initial / 200);
        Assert.NotEqual(before, run.Weights());
        Assert.All(run.Weights(), w => Assert.True(float.IsFinite(w)));
    }

    /// <summary>
    /// No factor cures a loss that is not finite itself: training gives up after ten steps, as without scaling.
    /// </summary>
    [Fact]
    public void Loss_that_is_not_finite_is_not_blamed_on_the_factor()
    {
        using var backend = new ReferenceBackend();
        using var run = new Run(backend, scaled: true, lossWeight: 1f);
        var bad = Run.Images();
        bad[5] = float.NaN;
        for (var i = 1; i < TrainingStep.MaxConsecutiveSkips; i++)
        {
            run.Step.Run(bad, run.Targets(), 0.01f);
        }

        Assert.Equal(LossScale.Initial, run.Step.LossScale!.Value.Value);
        Assert.Throws<TrainingDivergedException>(() => run.Step.Run(bad, run.Targets(), 0.01f));
    }

    private sealed class Run : IDisposable
    {
        public Run(Backend backend, bool scaled, float lossWeight)
        {
            Network = Network.Build(FixturePlans.F1, backend, seed: 5);
            Optimizer = new SgdNesterov(Network.Parameters);
            var loss = new LossOptions([.. Network.LossWeights.Select(w => w * lossWeight)], Regions: false, BatchDice: true);
            Step = new TrainingStep(Network, Optimizer, Patch, 2, new TrainingOptions(loss, ScaleLoss: scaled));
        }

        public Network Network { get; }

        public Optimizer Optimizer { get; }

        public TrainingStep Step { get; }

        public static float[] Images() =>
            [.. Enumerable.Range(0, (int)(2 * Patch.Voxels))
                .Select(i => MathF.Sin(0.7f * i) + (i % Patch.Voxels < Patch.Voxels / 2 ? 1f : -1f))];

        public List<float[]> Targets() =>
            [.. Network.OutputScales.Select(s => Enumerable.Range(0, (int)(2 * Patch.Voxels / s.Voxels))
                .Select(i => i * s.Voxels % Patch.Voxels < Patch.Voxels / 2 ? 1f : 0f).ToArray())];

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
    }
}
