using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Conformance;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;
using SharpSeg.Perf.Benches;

namespace SharpSeg.Perf;

/// <summary>
/// Whole pieces of the method on a device beside the float64 reference, which the conformance suite checks operation by
/// operation: steps of training, volumes on another grid, augmented patches.
/// </summary>
internal static class WholeChecks
{
    private const int Steps = 4;
    private const float LearningRate = 0.05f;
    private const double LossTolerance = 1e-4;            // of a loss near 1, after four steps in float32
    private const double StepsOfRounding = 5;             // products' rounding reaches the loss through the weights of each step
    private const double LeastFall = 0.02;                // a training whose loss does not fall shows nothing
    private const double VolumeTolerance = 5e-5;          // of values up to 10: a spline's recursion in float32
    private const double PatchTolerance = 5e-4;           // positions to 10⁻⁵ voxels; gamma amplifies

    private static readonly Dictionary<string, double[]> ReferenceLosses = [];

    /// <summary>The checks for a kind of kernels.</summary>
    /// <param name="suites">The suites that are run on it: volumes and patches go with theirs, training with
    /// convolutions.</param>
    public static IEnumerable<(string Name, Action<ConformanceTarget> Run)> Of(IReadOnlyList<Type> suites)
    {
        if (suites.Contains(typeof(ConvolutionConformance)))
        {
            yield return ("Training.Plain_UNet_follows_the_reference", t => Train(t, NetworkFamily.PlainUNet, NormKind.Instance));
            yield return (
                "Training.Residual_UNet_follows_the_reference",
                t => Train(t, NetworkFamily.ResidualEncoderUNet, NormKind.Instance));
            yield return ("Training.Batch_norm_follows_the_reference", t => Train(t, NetworkFamily.PlainUNet, NormKind.Batch));
            yield return ("Training.Repeated_launches_give_the_same_bytes", Repeat);
        }

        if (suites.Contains(typeof(VolumeConformance)))
        {
            yield return ("Resampling.Images_match_the_reference", ResampleImages);
            yield return ("Resampling.Label_maps_match_the_reference", ResampleLabels);
        }

        if (suites.Contains(typeof(SamplingConformance)))
        {
            yield return ("Sampling.Modern_patches_match_the_reference", t => Augment(t, Profile.Modern));
            yield return ("Sampling.Classic_patches_match_the_reference", t => Augment(t, Profile.Classic));
        }
    }

    private static void Train(ConformanceTarget target, NetworkFamily family, NormKind norm)
    {
        var key = $"{family} {norm} {target.TinyShapesOnly}";
        if (!ReferenceLosses.TryGetValue(key, out var expected))
        {
            using var reference = new ReferenceBackend();
            ReferenceLosses[key] = expected = Losses(reference, family, norm, target.TinyShapesOnly);
        }

        var actual = Losses(target.Device, family, norm, target.TinyShapesOnly);
        Require.True(
            expected[0] - expected[^1] > LeastFall, $"the reference's loss hardly falls: {expected[0]:R} to {expected[^1]:R}");
        var tolerance = LossTolerance + (StepsOfRounding * target.ProductTolerance);
        for (var step = 0; step < Steps; step++)
        {
            Require.True(
                Math.Abs(expected[step] - actual[step]) <= tolerance,
                $"loss of step {step}: {actual[step]:R}, the float64 reference {expected[step]:R}, tolerance {tolerance:G2}");
        }
    }

    /// <summary>Where the device records a step's launches, against each of them launched by itself.</summary>
    private static void Repeat(ConformanceTarget target)
    {
        var (device, tiny) = (target.Device, target.TinyShapesOnly);
        var launched = Losses(device, NetworkFamily.PlainUNet, NormKind.Instance, tiny, record: false);
        var repeated = Losses(device, NetworkFamily.PlainUNet, NormKind.Instance, tiny);
        for (var step = 0; step < Steps; step++)
        {
            Require.True(
                launched[step].Equals(repeated[step]),
                $"loss of step {step}: {repeated[step]:R} from a recording, {launched[step]:R} launched");
        }
    }

    /// <summary>Losses of some steps on one batch: bright boxes on noise.</summary>
    private static double[] Losses(Backend backend, NetworkFamily family, NormKind norm, bool tiny, bool record = true)
    {
        var patch = tiny ? new Extent(2, 8, 8) : new Extent(4, 16, 16);
        var plan = new NetworkPlan
        {
            Family = family,
            InputChannels = 1,
            OutputChannels = 2,
            Features = tiny ? [4, 8] : [16, 32], // multiples of 16 reach the tensor-core kernels' full tiles
            Kernels = [new Extent(1, 3, 3), new Extent(3, 3, 3)],
            Strides = [Extent.One, new Extent(1, 2, 2)],
            EncoderBlocks = [1, 1],
            DecoderBlocks = [1],
            Norm = norm,
        };
        using var network = Network.Build(plan, backend, seed: 7);
        using var optimizer = new SgdNesterov(network.Parameters);
        var loss = new LossOptions(network.LossWeights, Regions: false, BatchDice: true);
        const int Samples = 2;
        using var step = new TrainingStep(
            network, optimizer, patch, Samples, new TrainingOptions(loss, Record: record));
        var (images, labels) = (new float[Samples * patch.Voxels], new float[Samples * patch.Voxels]);
        new CounterRandom(11).FillUniform(images);
        for (var i = 0; i < images.Length; i++)
        {
            labels[i] = i % patch.X >= 3 && i / patch.X % patch.Y < 5 ? 1f : 0f;
            images[i] += labels[i];
        }

        return [.. Enumerable.Range(0, Steps).Select(_ => step.Run(images, [labels], LearningRate))];
    }

    private static void ResampleImages(ConformanceTarget target)
    {
        foreach (var (from, to) in GridChanges(target))
        {
            var values = new float[from.Voxels];
            new CounterRandom(12).FillUniform(values);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (20 * values[i]) - 10;
            }

            foreach (var (order, separate) in new (int, int?)[] { (0, null), (1, null), (3, null), (3, 0), (1, 2) })
            {
                using var reference = new ReferenceBackend();
                var expected = Resampling.ResampleImage(reference, values, from, to, order, separate);
                var actual = Resampling.ResampleImage(target.Device, values, from, to, order, separate);
                RequireNear($"{from} → {to}, order {order}, separate {separate}", expected, actual, VolumeTolerance);
            }
        }
    }

    private static void ResampleLabels(ConformanceTarget target)
    {
        foreach (var (from, to) in GridChanges(target))
        {
            var labels = Enumerable.Range(0, (int)from.Voxels).Select(i => (short)(i / 5 % 4)).ToArray();
            foreach (var order in new[] { 0, 1 })
            {
                using var reference = new ReferenceBackend();
                var expected = Resampling.ResampleLabels(reference, labels, from, to, order);
                var actual = Resampling.ResampleLabels(target.Device, labels, from, to, order);
                RequireFew($"{from} → {to}, order {order}", expected, actual);
            }
        }
    }

    private static IEnumerable<(Extent From, Extent To)> GridChanges(ConformanceTarget target)
    {
        yield return (new(5, 4, 6), new(3, 7, 11));
        yield return (new(1, 7, 5), new(1, 5, 9));
        if (!target.TinyShapesOnly)
        {
            yield return (new(20, 33, 41), new(31, 29, 50));
        }
    }

    private static void Augment(ConformanceTarget target, Profile profile)
    {
        var geometry = PatchGeometry.For(profile, target.TinyShapesOnly ? new(6, 8, 7) : new(20, 28, 24), is2D: false);
        var recipe = AugmentationRecipe.For(profile);
        recipe = recipe with { Elastic = recipe.Elastic > 0 ? 0.7 : 0, Rotation = 0.7, Scaling = 0.7, Gamma = 0.5 };
        var source = new NoiseCase(new(geometry.Initial.Z + 3, geometry.Initial.Y + 3, geometry.Initial.X + 3));
        using var reference = new ReferenceBackend();
        var right = new AugmentationPipeline(recipe, profile, geometry, [false], reference);
        var other = new AugmentationPipeline(recipe, profile, geometry, [false], target.Device);
        PatchSample expected = new(geometry.Patch, 1, withPrevious: false), actual = new(geometry.Patch, 1, withPrevious: false);
        for (var draw = 0; draw < 5; draw++)
        {
            var start = new Extent(draw - 1, 1 - draw, 2);
            right.Augment(source, start, new CounterRandom(9, draw), expected);
            other.Augment(source, start, new CounterRandom(9, draw), actual);
            RequireNear($"patch {draw}", expected.Image, actual.Image, PatchTolerance);
            RequireFew($"patch {draw}", expected.Labels, actual.Labels);
        }
    }

    private static void RequireNear(string what, float[] expected, float[] actual, double tolerance)
    {
        Require.True(expected.Length == actual.Length, $"{what}: {actual.Length} values, not {expected.Length}");
        for (var i = 0; i < expected.Length; i++)
        {
            Require.True(
                Math.Abs(expected[i] - actual[i]) <= tolerance,
                $"{what}: voxel {i} is {actual[i]:R}, the float64 reference {expected[i]:R}, tolerance {tolerance:G2}");
        }
    }

    /// <summary>Where two labels' weights are equal to seven digits rounding may decide; hardly ever.</summary>
    private static void RequireFew(string what, short[] expected, short[] actual)
    {
        var differ = expected.Zip(actual).Count(pair => pair.First != pair.Second);
        Require.True(
            expected.Length == actual.Length && differ <= 1 + (expected.Length / 500),
            $"{what}: {differ} of {expected.Length} labels differ");
    }
}
