using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Pointwise;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y)
    {
        if (IsHalf(y))
        {
            Kernels.Halves.LaunchAxpby(Stream, y.Element, a, View(x), b, View(y));
        }
        else
        {
            Kernels.Pointwise.LaunchAxpby(Stream, a, View(x), b, View(y));
        }
    }

    /// <inheritdoc/>
    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y)
    {
        if (IsHalf(y))
        {
            Kernels.Halves.LaunchAddLeakyRelu(Stream, y.Element, View(a), View(b), slope, View(y));
        }
        else
        {
            Kernels.Pointwise.LaunchAddLeakyRelu(Stream, View(a), View(b), slope, View(y));
        }
    }

    /// <inheritdoc/>
    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d)
    {
        if (IsHalf(y))
        {
            Kernels.Halves.LaunchAddLeakyReluGradient(Stream, y.Element, View(dy), View(y), slope, View(d));
        }
        else
        {
            Kernels.Pointwise.LaunchAddLeakyReluGradient(Stream, View(dy), View(y), slope, View(d));
        }
    }

    /// <inheritdoc/>
    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        if (!IsHalf(y))
        {
            Kernels.Layout.LaunchBlockSum(
                Stream, new BlockSizes(y.Shape.Spatial, block, y.Shape.C), View(x), scale, View(y), accumulate);
        }
        else if (y.Shape.C % 2 == 0)
        {
            Kernels.Halves.LaunchBlockSum(
                Stream, y.Element, new BlockSizes(y.Shape.Spatial, block, y.Shape.C / 2), View(x), scale, View(y), accumulate);
        }
        else
        {
            Wide.Begin(x, y);
            var (from, to) = (Wide.Of(x), Wide.For(y, accumulate));
            BlockSumCore(from, block, scale, to, accumulate);
            CopyCore(to, y);
        }
    }

    /// <inheritdoc/>
    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
        if (!IsHalf(y))
        {
            Kernels.Layout.LaunchBlockRepeat(
                Stream, new BlockSizes(x.Shape.Spatial, block, x.Shape.C), View(x), scale, View(y), accumulate);
        }
        else if (x.Shape.C % 2 == 0)
        {
            Kernels.Halves.LaunchBlockRepeat(
                Stream, y.Element, new BlockSizes(x.Shape.Spatial, block, x.Shape.C / 2), View(x), scale, View(y), accumulate);
        }
        else
        {
            Wide.Begin(x, y);
            var (from, to) = (Wide.Of(x), Wide.For(y, accumulate));
            BlockRepeatCore(from, block, scale, to, accumulate);
            CopyCore(to, y);
        }
    }

    /// <inheritdoc/>
    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y) =>
        Kernels.Layout.LaunchFlip(Stream, x.Shape, View(x), alongZ, alongY, alongX, View(y));
}
