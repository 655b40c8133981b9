using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// What a worker of the batch loader does with one patch of 128³ voxels: each step of augmentation by itself, and what a patch
/// costs on average with each step as likely as the profile makes it. One thread, as each worker is. Where a step has a
/// counterpart (scipy.ndimage in the PyTorch process), both sides are timed by the clock; otherwise, and in the averages, by the
/// processor's time, which other processes do not change.
/// </summary>
internal sealed class AugmentationBench(Peer? peer, Report report, BenchOptions options)
{
    private const int Labels = 3;
    private const double Sigma = 1;
    private static readonly Extent Patch = new(128, 128, 128);
    private static readonly Extent Initial = new(160, 160, 160);

    private readonly Dictionary<string, Timing> steps = [];

    /// <summary>Runs all.</summary>
    public void Run()
    {
        var geometry = new PatchGeometry(Patch, Initial, Is2D: false, Dummy2D: false, Math.PI / 6);
        var noise = new NoiseCase(geometry.Initial);
        var matrix = SpatialTransform.MatrixOf(0.3, -0.2, 0.25, 1.1, planar: false, classic: false);
        var affine = new SpatialTransform(matrix, 0, 0, IsIdentity: false);
        var elastic = new SpatialTransform(matrix, 500, 10, IsIdentity: false);
        var sample = new PatchSample(Patch, 1, withPrevious: false);
        using var backend = Cpu.Open(threads: 1);
        var (modernRecipe, classicRecipe) = (AugmentationRecipe.For(Profile.Modern), AugmentationRecipe.For(Profile.Classic));
        var modern = new AugmentationPipeline(modernRecipe, Profile.Modern, geometry, [], backend);
        var classic = new AugmentationPipeline(classicRecipe, Profile.Classic, geometry, [], backend);
        var nothing = new AugmentationPipeline(
            new AugmentationRecipe { Rotation = 0, Scaling = 0, Gamma = 0, MirrorPerAxis = 0 },
            Profile.Modern, geometry, [], backend);
        var random = new CounterRandom(1);
        var scratch = new float[3 * sample.Voxels];
        Measure("rotate, scale (linear)", "rotate", () => modern.Transform(noise, default, affine, new CounterRandom(1), sample));
        Measure("elastic (cubic)", "elastic", () => classic.Transform(noise, default, elastic, new CounterRandom(1), sample));
        Measure("rotate, scale (cubic)", null, () => classic.Transform(noise, default, affine, new CounterRandom(1), sample));
        var kernel = GaussianBlur.Kernel(Sigma);
        Measure("blur", "blur", () =>
        {
            for (var axis = 0; axis < 3; axis++)
            {
                GaussianBlur.Apply(sample.Channel(0), Patch, axis, kernel, scratch);
            }
        });
        Measure("read and cut out", null, () => nothing.Augment(noise, default, random, sample));
        Measure("noise", null, () => random.AddGaussian(sample.Image, 0.05f));
        Measure("brightness", null, () => Intensity.Brighten(sample.Channel(0), 1f));
        Measure("contrast", null, () => Intensity.Contrast(sample.Channel(0), 1f, keepRange: true));
        var small = LowResolution.SmallSize(Patch, 0.75, keepZ: false);
        Measure("low resolution", null, () =>
        {
            // Anew each time: an image that was made coarse once has other numbers than a scan.
            noise.ReadImage(default, Patch, sample.Channel(0));
            LowResolution.Apply(sample.Channel(0), Patch, small, scratch);
        });
        Measure("gamma", null, () => Intensity.Gamma(sample.Channel(0), 1.1f, invert: false, keepStatistics: true));
        Measure("mirror an axis", null, () =>
        {
            Mirror.Apply(sample.Channel(0), Patch, 1);
            Mirror.Apply(sample.Labels.AsSpan(), Patch, 1);
        });
        Average("modern", modernRecipe);
        Average("classic", classicRecipe);
    }

    private void Measure(string op, string? kind, Action ours)
    {
        if (!report.Wants(op, "augment"))
        {
            return;
        }

        var other = kind is null ? null : peer;
        other?.Prepare(
            new { op = "augment", kind, size = Patch.ToArray(), initial = Initial.ToArray(), labels = Labels, sigma = Sigma });
        var (milliseconds, theirs) = Duel.Run(
            ours, other is null ? null : other.Time, options.Seconds, processorTime: other is null);
        steps[op] = milliseconds;
        report.Add(
            new Row("augment", op, $"{Patch}, one thread", null, milliseconds, null, null, null, theirs));
    }

    /// <summary>What a patch costs on average, and which share of it each step has; needs every step measured.</summary>
    private void Average(string profile, AugmentationRecipe recipe)
    {
        var moves = 1 - ((1 - recipe.Rotation) * (1 - recipe.Scaling));
        var still = (1 - recipe.Elastic) * (1 - moves);
        (string Step, double Times)[] parts =
        [
            ("read and cut out", still),
            (recipe.CubicSpline ? "rotate, scale (cubic)" : "rotate, scale (linear)", (1 - recipe.Elastic) * moves),
            ("elastic (cubic)", recipe.Elastic), ("noise", recipe.Noise), ("blur", recipe.Blur * recipe.BlurPerChannel),
            ("brightness", recipe.Brightness), ("contrast", recipe.Contrast),
            ("low resolution", recipe.LowResolution * recipe.LowResolutionPerChannel),
            ("gamma", recipe.Gamma + recipe.InvertedGamma), ("mirror an axis", 3 * recipe.MirrorPerAxis),
        ];
        if (parts.Any(part => part.Times > 0 && !steps.ContainsKey(part.Step)))
        {
            return;
        }

        double Sum(Func<Timing, double> of) => parts.Where(part => part.Times > 0).Sum(part => part.Times * of(steps[part.Step]));
        var mean = new Timing(Sum(t => t.Median), Sum(t => t.Low), Sum(t => t.High));
        report.Add(new Row("augment", $"a patch, {profile}", $"{Patch}, one thread", null, mean, null, null, null, null));
        foreach (var (step, times) in parts.Where(part => part.Times > 0).OrderByDescending(p => p.Times * steps[p.Step].Median))
        {
            var share = 100 * times * steps[step].Median / mean.Median;
            Console.WriteLine($"    {step,-24}{steps[step].Median,8:F1} ms × {times,5:F3} = {share,4:F0} %");
        }
    }
}
