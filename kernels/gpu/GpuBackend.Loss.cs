using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Loss;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
        var sizes = new LossSizes(p);
        if (!UsesFast("loss sums"))
        {
            plainLossSums.Value.Launch(stream, sizes, View(logits), View(target), View(sums));
        }
        else
        {
            lossSums.Value.Launch(stream, sizes, View(logits), View(target), Scratch(LossSums.ScratchLength(sizes)), View(sums));
        }
    }

    /// <inheritdoc/>
    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits) =>
        lossGradient.Value.Launch(
            stream, new LossSizes(p), View(logits), View(target), View(sums), weight, Scratch(2L * p.N * p.C), View(dlogits));
}
