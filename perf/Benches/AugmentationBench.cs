using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// What a worker of the batch loader does with one patch: rotation and scaling with linear interpolation of image and labels,
/// elastic deformation with cubic splines, Gaussian blur. One thread each, as each worker is; the other side is scipy.ndimage in
/// the PyTorch process.
/// </summary>
internal sealed class AugmentationBench(PyTorchWorker? torch, Report report, BenchOptions options)
{
    private const int Labels = 3;
    private const double Sigma = 1;
    private static readonly Extent Patch = new(128, 128, 128);
    private static readonly Extent Initial = new(160, 160, 160);

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
        var modern = new AugmentationPipeline(AugmentationRecipe.For(Profile.Modern), Profile.Modern, geometry, [], backend);
        var classic = new AugmentationPipeline(AugmentationRecipe.For(Profile.Classic), Profile.Classic, geometry, [], backend);
        Measure("rotate, scale (linear)", "rotate", () => modern.Transform(noise, default, affine, new CounterRandom(1), sample));
        Measure("elastic (cubic)", "elastic", () => classic.Transform(noise, default, elastic, new CounterRandom(1), sample));
        var kernel = GaussianBlur.Kernel(Sigma);
        var scratch = new float[sample.Voxels];
        Measure("blur", "blur", () =>
        {
            for (var axis = 0; axis < 3; axis++)
            {
                GaussianBlur.Apply(sample.Channel(0), Patch, axis, kernel, scratch);
            }
        });
    }

    private void Measure(string op, string kind, Action ours)
    {
        if (!options.Wants(op, "augment"))
        {
            return;
        }

        torch?.Prepare(
            new { op = "augment", kind, size = Patch.ToArray(), initial = Initial.ToArray(), labels = Labels, sigma = Sigma });
        var (milliseconds, theirs) = Duel.Run(ours, torch is null ? null : torch.Time, options.Seconds);
        report.Add(new Row("augment", op, $"{Patch}, one thread", null, milliseconds, null, null, null, theirs));
    }
}
