using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Loss;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <content>Dice + cross-entropy.</content>
internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums) =>
        SegmentationLossSums(variants.For(Operation.LossSums), p, logits, target, sums);

    /// <inheritdoc/>
    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits) =>
        Kernels.LossGradient.Launch(
            Stream, new LossSizes(p), View(logits), View(target), View(sums), weight, Scratch(2L * p.N * p.C), View(dlogits));

    /// <inheritdoc/>
    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged) =>
        Kernels.MergeUnlabelled.LaunchForward(
            Stream, logits.Shape.N, checked((int)logits.Shape.Spatial.Voxels), logits.Shape.C, regions, View(logits),
            View(unlabelled), View(merged));

    /// <inheritdoc/>
    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits) =>
        Kernels.MergeUnlabelled.LaunchBackward(
            Stream, logits.Shape.N, checked((int)logits.Shape.Spatial.Voxels), logits.Shape.C, regions, View(logits),
            View(unlabelled), View(dmerged), View(dlogits));

    /// <summary>The sums of the first pass.</summary>
    internal void SegmentationLossSums(Variant variant, in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        var sizes = new LossSizes(p);
        if (variant == Variant.Plain)
        {
            Kernels.PlainLossSums.Launch(Stream, sizes, View(logits), View(target), View(sums));
        }
        else
        {
            var scratch = Scratch(LossSums.ScratchLength(sizes));
            Kernels.LossSums.Launch(Stream, sizes, View(logits), View(target), scratch, View(sums));
        }
    }
}
