using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>What a training asked of its device in one iteration.</summary>
internal sealed class RecordedIteration
{
    /// <summary>Full-resolution loss first.</summary>
    public List<LossProblem> Losses { get; } = [];

    /// <summary>Weights of the losses, in the order of their gradients.</summary>
    public List<float> Weights { get; } = [];

    /// <summary>The full-resolution target, (n, z, y, x, c).</summary>
    public float[] Target { get; set; } = [];

    public List<SgdStep> Sgd { get; } = [];

    public List<AdamStep> Adam { get; } = [];

    /// <summary>Parameters that were moved.</summary>
    public long Moved { get; set; }

    /// <summary>Σ g² over all gradients, as the training was told.</summary>
    public double SquaredNorm { get; set; }

    public bool IsTraining => Weights.Count > 0;
}

/// <summary>
/// Writes down losses, targets and optimiser steps. Gradients look larger by a factor, so that clipping has something to do; only
/// the norm is affected.
/// </summary>
internal sealed class RecordingBackend(Backend inner, double gradientFactor) : ForwardingBackend(inner)
{
    private readonly List<RecordedIteration> iterations = [];
    private bool forward;

    public IReadOnlyList<RecordedIteration> Training => [.. iterations.Where(i => i.IsTraining)];

    public IReadOnlyList<RecordedIteration> Validation => [.. iterations.Where(i => !i.IsTraining)];

    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        // The first loss of a pass is the full-resolution one.
        if (!forward || p.Spatial.Voxels >= iterations[^1].Losses[0].Spatial.Voxels)
        {
            iterations.Add(new RecordedIteration { Target = new float[target.Length] });
            Inner().Download(target, iterations[^1].Target);
            forward = true;
        }

        iterations[^1].Losses.Add(p);
        base.SegmentationLossForwardCore(p, logits, target, sums);
    }

    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
        iterations[^1].Weights.Add(weight);
        base.SegmentationLossBackwardCore(p, logits, target, sums, weight, dlogits);
    }

    protected override double SumOfSquaresCore(Tensor g)
    {
        var sum = gradientFactor * gradientFactor * base.SumOfSquaresCore(g);
        iterations[^1].SquaredNorm += sum;
        return sum;
    }

    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
    {
        iterations[^1].Sgd.Add(options);
        iterations[^1].Moved += theta.Length;
        forward = false;
        base.SgdStepCore(options, theta, gradient, velocity);
    }

    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
    {
        iterations[^1].Adam.Add(options);
        iterations[^1].Moved += theta.Length;
        forward = false;
        base.AdamStepCore(options, theta, gradient, m, v, vmax);
    }
}
