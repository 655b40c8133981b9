using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Autograd;

/// <summary>
/// The running averages of a batch normalisation: what stands for the batch's own mean and variance outside training
/// (docs/method/networks.md §2.7; Ioffe and Szegedy 2015, arXiv:1502.03167). They lie among the parameters under PyTorch's names,
/// so that every file that holds the network holds them, and are never moved by an optimiser. A few values per layer: they are
/// computed on the host.
/// </summary>
/// <param name="mean">The running mean, (c), starting at 0.</param>
/// <param name="variance">The running variance, (c), starting at 1.</param>
/// <param name="momentum">Share of the newest batch.</param>
internal sealed class RunningStatistics(Parameter mean, Parameter variance, float momentum)
{
    private readonly float[] batch = new float[mean.Shape.C];
    private readonly float[] average = new float[mean.Shape.C];

    /// <summary>
    /// Averages in what a training batch measured: the mean, and the variance as an estimate for the population, times n/(n − 1).
    /// A batch whose numbers are not finite is left out, as its step is.
    /// </summary>
    /// <param name="backend">Where the tensors are.</param>
    /// <param name="batchMean">(1, c).</param>
    /// <param name="batchRstd">1/√(variance + epsilon), (1, c).</param>
    /// <param name="count">n: values per channel.</param>
    /// <param name="epsilon">In rstd.</param>
    public void Add(Backend backend, Tensor batchMean, Tensor batchRstd, long count, float epsilon)
    {
        Blend(backend, batchMean, mean, value => value);
        var unbiased = count > 1 ? (double)count / (count - 1) : 1;
        Blend(backend, batchRstd, variance, rstd => Math.Max(0, (1 / (rstd * rstd)) - epsilon) * unbiased);
    }

    /// <summary>
    /// Sets the statistics that stand for a batch's: the averages, as mean and 1/√(variance + epsilon), each (1, c).
    /// </summary>
    public void Read(Backend backend, Tensor toMean, Tensor toRstd, float epsilon)
    {
        backend.Download(mean.Value, average);
        backend.Upload(average, toMean);
        backend.Download(variance.Value, average);
        for (var c = 0; c < average.Length; c++)
        {
            average[c] = (float)(1 / Math.Sqrt((double)average[c] + epsilon));
        }

        backend.Upload(average, toRstd);
    }

    private void Blend(Backend backend, Tensor measured, Parameter running, Func<double, double> convert)
    {
        backend.Download(measured, batch);
        backend.Download(running.Value, average);
        for (var c = 0; c < batch.Length; c++)
        {
            var value = convert(batch[c]);
            average[c] = double.IsFinite(value) ? (float)(((1 - momentum) * average[c]) + (momentum * value)) : average[c];
        }

        backend.Upload(average, running.Value);
    }
}
