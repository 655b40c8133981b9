using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// First pass of Dice + cross-entropy: the sums from which loss and gradient follow. Shapes and layout:
    /// <see cref="LossProblem"/>. Cross-entropy of a voxel, softmax: −log p_t = log Σ exp(z − max) − (z_t − max); regions: max(z,
    /// 0) − z·y + log(1 + exp(−|z|)).
    /// </summary>
    public void SegmentationLossForward(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        ShapeException.Require(logits, p.LogitsShape, nameof(logits));
        ShapeException.Require(target, p.TargetShape, nameof(target));
        ShapeException.Require(sums, p.SumsShape, nameof(sums));
        SegmentationLossForwardCore(p, logits, target, sums);
    }

    /// <summary>
    /// Second pass: dlogits = weight·∂L/∂z with L = CE − mean Dice, or the one of <see cref="LossProblem.Terms"/>
    /// (docs/method/losses-and-optimisers.md §2.5, §3). With D =
    /// max(P + G + s, 1e-8) and N Dice terms: g_c = m·(−2·y_c/(N·D_c) + (2·I_c + s)/(N·D_c²)) for the classes in Dice, else 0
    /// (with batch Dice the sums are first added over the batch). Softmax: dz_k = p_k(g_k − Σ_j p_j g_j) + m(p_k − y_k)/M.
    /// Regions: dz = g·σ(1 − σ) + m(σ − y)/d, d = B·R·V without an ignore label and M with one. M = 0: no cross-entropy gradient.
    /// dlogits is overwritten.
    /// </summary>
    public void SegmentationLossBackward(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
        ShapeException.Require(logits, p.LogitsShape, nameof(logits));
        ShapeException.Require(target, p.TargetShape, nameof(target));
        ShapeException.Require(sums, p.SumsShape, nameof(sums));
        ShapeException.Require(dlogits, p.LogitsShape, nameof(dlogits));
        SegmentationLossBackwardCore(p, logits, target, sums, weight, dlogits);
    }

    /// <inheritdoc cref="SegmentationLossForward"/>
    protected abstract void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums);

    /// <inheritdoc cref="SegmentationLossBackward"/>
    protected abstract void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits);
}
