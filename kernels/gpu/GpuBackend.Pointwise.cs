using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Pointwise;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y) => pointwise.Value.LaunchAxpby(stream, a, View(x), b, View(y));

    /// <inheritdoc/>
    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y) =>
        pointwise.Value.LaunchAddLeakyRelu(stream, View(a), View(b), slope, View(y));

    /// <inheritdoc/>
    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d) =>
        pointwise.Value.LaunchAddLeakyReluGradient(stream, View(dy), View(y), slope, View(d));

    /// <inheritdoc/>
    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        layout.Value.LaunchBlockSum(stream, new BlockSizes(y.Shape.Spatial, block, y.Shape.C), View(x), scale, View(y), accumulate);

    /// <inheritdoc/>
    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        layout.Value.LaunchBlockRepeat(stream, new BlockSizes(x.Shape.Spatial, block, x.Shape.C), View(x), scale, View(y), accumulate);

    /// <inheritdoc/>
    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y) =>
        layout.Value.LaunchFlip(stream, x.Shape, View(x), alongZ, alongY, alongX, View(y));
}
