using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Pointwise;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y) =>
        Kernels.Pointwise.LaunchAxpby(Stream, a, View(x), b, View(y));

    /// <inheritdoc/>
    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y) =>
        Kernels.Pointwise.LaunchAddLeakyRelu(Stream, View(a), View(b), slope, View(y));

    /// <inheritdoc/>
    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d) =>
        Kernels.Pointwise.LaunchAddLeakyReluGradient(Stream, View(dy), View(y), slope, View(d));

    /// <inheritdoc/>
    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Kernels.Layout.LaunchBlockSum(
            Stream, new BlockSizes(y.Shape.Spatial, block, y.Shape.C), View(x), scale, View(y), accumulate);

    /// <inheritdoc/>
    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Kernels.Layout.LaunchBlockRepeat(
            Stream, new BlockSizes(x.Shape.Spatial, block, x.Shape.C), View(x), scale, View(y), accumulate);

    /// <inheritdoc/>
    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y) =>
        Kernels.Layout.LaunchFlip(Stream, x.Shape, View(x), alongZ, alongY, alongX, View(y));
}
