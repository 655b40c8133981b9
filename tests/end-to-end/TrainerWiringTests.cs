using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using Xunit;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>
/// How a training is put together, seen from the device: every optimiser step, loss and target of a real <see cref="Trainer"/>,
/// for both profiles and every label scheme, against what the reference says (golden trainstep_meta.json and polylr.json; for the
/// classic profile docs/method/losses-and-optimisers.md).
/// </summary>
public sealed class TrainerWiringTests
{
    private const int Epochs = 50;             // of polylr.json's shorter schedule; a run is stopped after a few
    private const int Iterations = 4, Trained = 3;
    private const double Exaggeration = 1e4;   // gradients look so much larger, so that every step is clipped

    private static readonly TrainingSchedule Schedule = new(BatchSize: 3, Epochs, Iterations, ValidationIterations: 2);

    public static TheoryData<Profile, bool, bool, string> Schemes => new()
    {
        { Profile.Modern, false, false, "3d_fullres" },
        { Profile.Modern, true, false, "3d_fullres" },
        { Profile.Modern, false, true, "3d_fullres" },
        { Profile.Modern, true, true, "3d_fullres" },
        { Profile.Modern, false, false, "2d" },
        { Profile.Classic, false, false, "3d_fullres" },
        { Profile.Classic, true, false, "3d_fullres" },
        { Profile.Classic, false, true, "3d_fullres" },
        { Profile.Classic, false, false, "2d" },
    };

    [Theory]
    [MemberData(nameof(Schemes))]
    public void A_training_is_put_together_as_in_the_reference(Profile profile, bool regions, bool ignore, string configuration)
    {
        var shapes =
            new ShapeDataset
            {
                Size = new Extent(16, 16, 16), Cases = 4, Regions = regions, Ignore = ignore, Radius = 3.5,
                Notched = true
            };
        using var run = new ShapeRun(shapes, profile, configuration, features: 4);
        using var backend = new RecordingBackend(Cpu.Open(2), Exaggeration);
        var parameters = Train(
            run.Job, backend, resume: false, stopAt: $"epoch {Trained}/{Epochs}, iteration {Iterations}/{Iterations}");
        Assert.Equal(Trained * Iterations, backend.Training.Count);
        Assert.Equal((Trained - 1) * Schedule.ValidationIterations, backend.Validation.Count);
        var moved = Assert.Single(backend.Training.Select(step => step.Moved).Distinct());
        Assert.InRange(moved, parameters, parameters * 1.05); // neighbours are moved at once, with the gaps between them
        Optimiser(profile, backend);
        Loss(profile, regions, ignore, run, backend);
        Targets(regions, ignore, run, backend);
    }

    /// <summary>
    /// Forced samples hold foreground, others only by chance; the profiles force other samples of a batch of three.
    /// </summary>
    [Theory]
    [InlineData(Profile.Modern, new[] { false, false, true })]
    [InlineData(Profile.Classic, new[] { false, true, true })]
    public void The_samples_of_the_profiles_rule_hold_foreground(Profile profile, bool[] forced)
    {
        var shapes = new ShapeDataset { Size = new Extent(32, 32, 32), Cases = 4, Radius = 2.5 };
        using var run = new ShapeRun(shapes, profile, "3d_fullres", features: 2, patch: [8, 8, 8]);
        var architecture = run.Job.Configuration.Architecture;
        var shallow = run.Job with
        {
            Configuration = run.Job.Configuration with
            {
                Architecture = architecture with
                {
                    FeaturesPerStage = [2, 4],
                    KernelSizes = [[3, 3, 3], [3, 3, 3]],
                    Strides = [[1, 1, 1], [2, 2, 2]],
                    EncoderBlocks = [1, 1],
                    DecoderBlocks = [1],
                },
            },
        };
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        const int iterations = 24;
        using (var trainer = new Trainer(
            shallow, new TrainingSchedule(3, 1, iterations, 2), backend, resume: false, SilentReporter.Instance))
        {
            trainer.Run(CancellationToken.None);
        }

        var training = backend.Training;
        Assert.Equal(iterations, training.Count);
        for (var sample = 0; sample < forced.Length; sample++)
        {
            var held = training.Count(step => Sample(step, sample).Any(label => label > 0));
            Assert.True(
                forced[sample] ? held == iterations : held < iterations / 2,
                $"sample {sample} held foreground in {held} of {iterations} batches");
        }
    }

    [Fact]
    public void A_resumed_training_counts_its_steps_on()
    {
        var shapes = new ShapeDataset { Size = new Extent(16, 16, 16), Cases = 4, Radius = 3.5 };
        using var run = new ShapeRun(shapes, Profile.Classic, "3d_fullres", features: 2);
        using var backend = new RecordingBackend(Cpu.Open(2), 1);
        Train(run.Job, backend, resume: false, stopAt: $"epoch 1/{Epochs}, iteration 2/{Iterations}");
        Train(run.Job, backend, resume: true, stopAt: $"epoch 2/{Epochs}, iteration {Iterations}/{Iterations}");

        Assert.Equal(
            Enumerable.Range(1, 2 * Iterations),
            backend.Training.Select(step => step.Adam.Select(adam => adam.Step).Distinct().Single()));
    }

    /// <summary>Optimiser, decay, momentum, rate of every epoch, clipping.</summary>
    private static void Optimiser(Profile profile, RecordingBackend backend)
    {
        var reference = GoldenJson.Read("functions", "trainstep_meta.json").GetProperty("3d").GetProperty("optimizer");
        var rates = GoldenJson.Read("functions", "polylr.json").GetProperty("50")
            .GetProperty("lr_per_epoch").EnumerateArray().Select(r => r.GetDouble()).ToArray();
        Assert.Equal(Epochs, rates.Length);
        Assert.True(reference.GetProperty("nesterov").GetBoolean());
        for (var i = 0; i < backend.Training.Count; i++)
        {
            var step = backend.Training[i];
            var norm = Math.Sqrt(step.SquaredNorm);
            Assert.True(norm > 12, $"a gradient norm of {norm} is not clipped");
            if (profile == Profile.Classic)
            {
                Assert.Empty(step.Sgd);
                Assert.All(step.Adam, adam =>
                {
                    Assert.Equal(3e-4, adam.LearningRate, 1e-9);
                    Assert.Equal(3e-5, adam.WeightDecay, 1e-10);
                    Assert.True(adam.AmsGrad);
                    Assert.Equal(i + 1, adam.Step);
                    Assert.Equal(1, adam.GradientScale);           // not clipped
                    Assert.Equal((0.9, 0.999, 1e-8), (adam.Beta1, adam.Beta2, adam.Epsilon));
                });
                continue;
            }

            Assert.Empty(step.Adam);
            Assert.All(step.Sgd, sgd =>
            {
                Assert.Equal(rates[i / Iterations], sgd.LearningRate, 1e-8);
                Assert.Equal(reference.GetProperty("weight_decay").GetDouble(), sgd.WeightDecay, 1e-10);
                Assert.Equal(reference.GetProperty("momentum").GetDouble(), sgd.Momentum, 1e-7);
                Assert.Equal(12 / (norm + 1e-6), sgd.GradientScale, 1e-6 * 12 / norm);
            });
        }

        // The rate changes from epoch to epoch, unless the plateau's does not.
        Assert.Equal(
            profile == Profile.Modern ? Trained : 1,
            backend.Training.SelectMany(
                s => s.Sgd.Select(sgd => sgd.LearningRate).Concat(s.Adam.Select(adam => adam.LearningRate))).Distinct().Count());
    }

    /// <summary>
    /// Kind of loss, ignore label, batch Dice, and the weights of the supervised outputs: halved from scale to scale, the
    /// coarsest 0.
    /// </summary>
    private static void Loss(Profile profile, bool regions, bool ignore, ShapeRun run, RecordingBackend backend)
    {
        var heads = regions ? 2 : 3;
        var stages = run.Job.Configuration.Architecture.FeaturesPerStage.Count;
        // the network has stages − 1 outputs, the coarsest is not looked at
        var scales = profile == Profile.Modern ? stages - 2 : 1;
        double[] weights = [.. Enumerable.Range(0, scales).Select(s => Math.Pow(0.5, s))];
        Assert.Equal(run.Plans.Resolve(run.Job.Configuration.Name).BatchDice, run.Job.Configuration.BatchDice);
        foreach (var step in backend.Training)
        {
            Assert.Equal(
                weights.Select(w => w / weights.Sum()), step.Weights.Order().Reverse().Select(w => (double)w), (a, b) =>
                    Math.Abs(a - b) < 1e-6);
        }

        foreach (var loss in backend.Training.Concat(backend.Validation).SelectMany(step => step.Losses))
        {
            Assert.Equal(
                (Schedule.BatchSize, heads, regions, run.Job.Configuration.BatchDice, false),
                (loss.N, loss.C, loss.Regions, loss.BatchDice, loss.DiceIncludesBackground));
            Assert.Equal(ignore, loss.IgnoreLabel >= 0);
            Assert.True(!ignore || regions || loss.IgnoreLabel == ShapeDataset.Ignored);
            Assert.Equal(1e-5f, loss.Smooth);
        }
    }

    /// <summary>
    /// A validation sample is not augmented: with a patch of the case's size, its target is the case's annotation; a training
    /// sample's a mirrored one.
    /// </summary>
    private static void Targets(bool regions, bool ignore, ShapeRun run, RecordingBackend backend)
    {
        var patch = run.Job.Configuration.Patch;
        var is2D = run.Job.Configuration.Is2D;
        var cases = Enumerable.Range(0, run.Shapes.Cases).Select(i => run.Shapes.Case(i).Labels).ToArray();
        var planes = cases.SelectMany(labels => labels.Chunk((int)patch.Voxels)).ToArray();
        var validated = backend.Validation.SelectMany(
            step => Enumerable.Range(0, Schedule.BatchSize).Select(sample => Labels(step, sample))).ToArray();
        Assert.Contains(
            validated, target => target.Contains(ShapeDataset.Core) && planes.Any(plane => plane.AsSpan().SequenceEqual(target)));
        if (ignore)
        {
            Assert.Contains(validated, target => target.Contains(ShapeDataset.Ignored));
        }

        bool[] flipped = new bool[3], straight = new bool[3];
        foreach (var target in backend.Training.SelectMany(
            step => Enumerable.Range(0, Schedule.BatchSize).Select(sample => Labels(step, sample))))
        {
            if (!target.Contains(ShapeDataset.Core))
            {
                continue;
            }

            var fitting = Enumerable.Range(0, 8)
                .Where(mask => (!is2D || (mask & 1) == 0)
                    && planes.Any(plane => Shape(Flip(plane, patch, mask), patch) == Shape(target, patch))).ToArray();
            if (fitting.Length != 1)
            {
                continue; // rotated, scaled, cut off, or a slice below the notch
            }

            for (var axis = 0; axis < 3; axis++)
            {
                ((fitting[0] >> axis & 1) == 1 ? flipped : straight)[axis] = true;
            }
        }

        Assert.Equal([!is2D, true, true], flipped);
        Assert.Equal([true, true, true], straight);
        Assert.Equal(is2D ? [1, 2] : [0, 1, 2], run.Job.MirrorAxes);

        short[] Labels(RecordedIteration step, int sample)
        {
            var values = Sample(step, sample);
            if (!regions)
            {
                return [.. values.Select(value => (short)value)];
            }

            // whole, core, and what is ignored.
            var maps = ignore ? 3 : 2;
            return
            [
                .. Enumerable.Range(0, values.Length / maps).Select(v =>
                    maps == 3 && values[(maps * v) + 2] > 0 ? ShapeDataset.Ignored
                    : values[(maps * v) + 1] > 0 ? ShapeDataset.Core
                    : values[maps * v] > 0 ? ShapeDataset.Rim : (short)0),
            ];
        }
    }

    private static short[] Flip(short[] labels, Extent size, int mask)
    {
        var result = new short[labels.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            int z = i / (size.Y * size.X), y = i / size.X % size.Y, x = i % size.X;
            z = (mask & 1) != 0 ? size.Z - 1 - z : z;
            y = (mask & 2) != 0 ? size.Y - 1 - y : y;
            x = (mask & 4) != 0 ? size.X - 1 - x : x;
            result[i] = labels[(((z * size.Y) + y) * size.X) + x];
        }

        return result;
    }

    /// <summary>The structure wherever it lies: its box and the labels in it.</summary>
    private static string Shape(short[] labels, Extent size)
    {
        var inside = Enumerable.Range(0, labels.Length).Where(i => labels[i] is ShapeDataset.Rim or ShapeDataset.Core).ToArray();
        if (inside.Length == 0)
        {
            return "";
        }

        int[] z = [.. inside.Select(i => i / (size.Y * size.X))], y = [.. inside.Select(i => i / size.X % size.Y)],
        x = [.. inside.Select(i => i % size.X)];
        return string.Join(" ", inside.Select((i, k) => $"{z[k] - z.Min()},{y[k] - y.Min()},{x[k] - x.Min()}:{labels[i]}"));
    }

    private static float[] Sample(RecordedIteration step, int sample)
    {
        var length = step.Target.Length / Schedule.BatchSize;
        return step.Target[(sample * length)..((sample + 1) * length)];
    }

    /// <summary>Trains until an iteration is reported; the number of parameters that have a gradient.</summary>
    private static long Train(TrainingJob job, RecordingBackend backend, bool resume, string stopAt)
    {
        using var stop = new CancellationTokenSource();
        using var trainer = new Trainer(job, Schedule, backend, resume, new StopAt(stopAt, stop));
        Assert.Throws<OperationCanceledException>(() => trainer.Run(stop.Token));
        return trainer.Network.Parameters.Parameters.Where(p => p.HasGradient).Sum(p => p.Shape.Length);
    }
}
