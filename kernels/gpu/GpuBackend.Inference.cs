using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Inference;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
        var length = tile.Length / tile.Shape.N;
        Kernels.Inference.LaunchBlendAdd(
            Stream, new BlendSizes(tile.Shape.Spatial, sum.Shape.Spatial, origin, tile.Shape.C),
            View(tile).SubView(sample * length, length),
            View(weights), View(sum), View(weightSum));
    }

    /// <inheritdoc/>
    protected override void DivideByWeightsCore(Tensor x, Tensor divisor) =>
        Kernels.Inference.LaunchDivide(Stream, View(x), View(divisor), x.Shape.C);

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor x, Tensor y) => Kernels.Inference.LaunchArgMax(Stream, View(x), View(y), x.Shape.C);

    /// <inheritdoc/>
    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y) =>
        Kernels.Inference.LaunchProbabilities(Stream, View(x), sigmoid, View(y), x.Shape.C);
}
