using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Inference;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
        var length = tile.Length / tile.Shape.N;
        inference.Value.LaunchBlendAdd(
            stream, new BlendSizes(tile.Shape.Spatial, sum.Shape.Spatial, origin, tile.Shape.C), View(tile).SubView(sample * length, length),
            View(weights), View(sum), View(weightSum));
    }

    /// <inheritdoc/>
    protected override void DivideByWeightsCore(Tensor x, Tensor divisor) =>
        inference.Value.LaunchDivide(stream, View(x), View(divisor), x.Shape.C);

    /// <inheritdoc/>
    protected override void ArgMaxCore(Tensor x, Tensor y) => inference.Value.LaunchArgMax(stream, View(x), View(y), x.Shape.C);

    /// <inheritdoc/>
    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y) =>
        inference.Value.LaunchProbabilities(stream, View(x), sigmoid, View(y), x.Shape.C);
}
