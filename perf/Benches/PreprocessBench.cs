using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu;
using SharpSeg.Perf.Measuring;

namespace SharpSeg.Perf.Benches;

/// <summary>
/// Resampling as preprocessing does it: images with cubic splines, label maps linearly per label. The other side is
/// scipy.ndimage.zoom in the PyTorch process (as nnU-Net uses it, by way of skimage); it runs on one core whatever the number of
/// threads.
/// </summary>
internal sealed class PreprocessBench(Peer? peer, Report report, BenchOptions options)
{
    private static readonly Extent From = new(80, 160, 160);
    private static readonly Extent To = new(120, 144, 144);
    private const int Labels = 3;

    /// <summary>Runs all.</summary>
    public void Run()
    {
        var random = new Random(1);
        var image = new float[From.Voxels];
        var labels = new short[From.Voxels];
        for (var i = 0; i < image.Length; i++)
        {
            image[i] = random.NextSingle();
            labels[i] = (short)(i / 7919 % Labels);
        }

        var shape = $"{From} → {To}";
        using var backend = Cpu.Open(options.Threads);
        Measure("resample order 3", shape, "zoom", 3, () => Resampling.ResampleImage(backend, image, From, To, 3));
        Measure("resample labels", shape, "zoom labels", 1, () => Resampling.ResampleLabels(backend, labels, From, To, 1));
    }

    private void Measure(string op, string shape, string request, int order, Action ours)
    {
        if (!report.Wants(op, shape))
        {
            return;
        }

        peer?.Prepare(new { op = "zoom", kind = request, order, size = From.ToArray(), to = To.ToArray(), labels = Labels });
        var (milliseconds, theirs) = Duel.Run(ours, peer is null ? null : peer.Time, options.Seconds);
        report.Add(new Row("preprocess", op, shape, null, milliseconds, null, null, null, theirs));
    }
}
