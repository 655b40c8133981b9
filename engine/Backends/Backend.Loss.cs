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

    /// <summary>
    /// Stands in for the logit of a class that cannot be meant: its softmax or sigmoid is 0 beside any logit of a network, and
    /// its cross-entropy with it.
    /// </summary>
    public const float Impossible = -1e4f;

    /// <summary>
    /// What the loss sees of partly labelled samples (docs/method/losses-and-optimisers.md §2.7). Softmax: where k is not
    /// labelled, a voxel of background may be k, so that class 0 gets log(exp z_0 + Σ_k exp z_k) and k
    /// <see cref="Impossible"/>; the other probabilities stay as they are. Regions: <see cref="Impossible"/> for every map that
    /// is not labelled.
    /// </summary>
    /// <param name="logits">(n, z, y, x, C).</param>
    /// <param name="unlabelled">(n, 1, 1, 1, C): 1 where the sample's label map does not show the class, else 0. Of the softmax,
    /// class 0 is not looked at.</param>
    /// <param name="regions">Sigmoid per map instead of softmax.</param>
    /// <param name="merged">Receives (n, z, y, x, C); may be the logits.</param>
    public void MergeUnlabelled(Tensor logits, Tensor unlabelled, bool regions, Tensor merged)
    {
        RequireUnlabelled(logits, unlabelled);
        ShapeException.Require(merged, logits.Shape, nameof(merged));
        MergeUnlabelledCore(logits, unlabelled, regions, merged);
    }

    /// <summary>
    /// dlogits of <see cref="MergeUnlabelled"/>. Softmax: the gradient of class 0 in equal parts of probability,
    /// dz_k = dmerged_0·exp(z_k − merged_0), for k = 0 and the classes that are not labelled. Regions: 0 for maps that are not
    /// labelled. All others: dmerged. dlogits is overwritten.
    /// </summary>
    /// <param name="logits">As in the forward pass.</param>
    /// <param name="unlabelled">As in the forward pass.</param>
    /// <param name="regions">As in the forward pass.</param>
    /// <param name="dmerged">(n, z, y, x, C).</param>
    /// <param name="dlogits">Receives (n, z, y, x, C); may be dmerged.</param>
    public void MergeUnlabelledBackward(Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits)
    {
        RequireUnlabelled(logits, unlabelled);
        ShapeException.Require(dmerged, logits.Shape, nameof(dmerged));
        ShapeException.Require(dlogits, logits.Shape, nameof(dlogits));
        MergeUnlabelledBackwardCore(logits, unlabelled, regions, dmerged, dlogits);
    }

    /// <summary>Shape of the marks of <see cref="MergeUnlabelled"/>.</summary>
    /// <param name="samples">n.</param>
    /// <param name="classes">C: classes with background, or regions.</param>
    public static Shape UnlabelledShape(int samples, int classes) => Shape.Activation(samples, Extent.One, classes);

    private static void RequireUnlabelled(Tensor logits, Tensor unlabelled)
    {
        RequireFloat32(logits, nameof(logits));
        ShapeException.Require(unlabelled, UnlabelledShape(logits.Shape.N, logits.Shape.C), nameof(unlabelled));
    }

    /// <inheritdoc cref="MergeUnlabelled"/>
    protected abstract void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged);

    /// <inheritdoc cref="MergeUnlabelledBackward"/>
    protected abstract void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits);

    /// <inheritdoc cref="SegmentationLossForward"/>
    protected abstract void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums);

    /// <inheritdoc cref="SegmentationLossBackward"/>
    protected abstract void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits);
}
