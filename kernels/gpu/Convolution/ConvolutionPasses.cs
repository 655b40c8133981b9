using ILGPU;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A pass of a convolution with its inputs, ready to be run by any variant into any memory: for its result, to be timed, to be
/// checked.
/// <para>Variants: plain, one thread per result; fast, an implicit matrix product in float32 (<see cref="GatherGemm"/>,
/// <see cref="WeightGemm"/>); the same product on tensor cores (<see cref="TensorGatherGemm"/>,
/// <see cref="TensorWeightGemm"/>); for the commonest kernels, bricks on tensor cores (<see cref="BrickConvolution"/>).</para>
/// </summary>
internal interface IConvolutionPass
{
    /// <summary>Whether the variant has a kernel for these sizes.</summary>
    bool Has(Variant variant, GpuPrecision precision);

    /// <summary>Launches the pass.</summary>
    void Run(GpuBackend gpu, Variant variant, ArrayView<float> to);
}

/// <summary>y = conv([x, x2], w) + b.</summary>
internal readonly struct ConvForward(ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) =>
        variant != Variant.Bricks || BrickSizes.Fit(p, p.Cin, p.Cin2, p.Cout);

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> y)
    {
        var (first, second, weights, bias) = (
            GpuBackend.View(x), GpuBackend.View(x2 ?? x), GpuBackend.View(w), GpuBackend.View(b ?? w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchForward(
                gpu.Stream, new ConvSizes(p), first, second, weights, bias, b is not null, y);
        }
        else if (variant == Variant.Bricks)
        {
            Products.PerBrick(gpu, new BrickSizes(p, b is not null), first, second, weights, bias, y);
        }
        else
        {
            Products.PerVoxel(gpu, variant, GatherSizes.Forward(p, b is not null), first, second, weights, bias, y);
        }
    }
}

/// <summary>dx from dy, for the input channels firstChannel, firstChannel + 1, ….</summary>
internal readonly struct ConvBackwardData(ConvProblem p, Tensor dy, Tensor w, int firstChannel, int channels, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) => variant != Variant.Bricks || BrickSizes.Fit(p, p.Cout, channels);

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> dx)
    {
        var (gradient, weights) = (GpuBackend.View(dy), GpuBackend.View(w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchBackwardData(
                gpu.Stream, new ConvSizes(p), gradient, weights, dx, firstChannel, channels, accumulate);
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = new BrickSizes(p, firstChannel, channels, accumulate);
            Products.PerBrick(gpu, sizes, gradient, gradient, weights, weights, dx);
        }
        else
        {
            var sizes = GatherSizes.BackwardData(p, firstChannel, channels, accumulate);
            Products.PerVoxel(gpu, variant, sizes, gradient, gradient, weights, weights, dx);
        }
    }
}

/// <summary>dw from [x, x2] and dy.</summary>
internal readonly struct ConvBackwardWeights(ConvProblem p, Tensor x, Tensor? x2, Tensor dy, bool accumulate) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) => variant != Variant.Bricks
        || (BrickSizes.Fit(p, p.Cin, p.Cin2, p.Cout) && BrickWeightGradient.Has(new BrickSizes(p), precision));

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> dw)
    {
        var (first, second, gradient) = (GpuBackend.View(x), GpuBackend.View(x2 ?? x), GpuBackend.View(dy));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchBackwardWeights(
                gpu.Stream, new ConvSizes(p), first, second, gradient, dw, accumulate);
        }
        else if (variant == Variant.Bricks)
        {
            Products.PerWeight(gpu, new BrickSizes(p), first, second, gradient, dw, accumulate);
        }
        else
        {
            Products.PerWeight(gpu, variant, new WeightSizes(p), first, second, gradient, dw, accumulate);
        }
    }
}

/// <summary>y = transposed conv(x, w) + b.</summary>
internal readonly struct TransposedConvForward(TransposedConvProblem p, Tensor x, Tensor w, Tensor? b) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) => variant != Variant.Bricks;

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> y)
    {
        var (input, weights, bias) = (GpuBackend.View(x), GpuBackend.View(w), GpuBackend.View(b ?? w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchForward(
                gpu.Stream, new TransposedSizes(p), input, weights, bias, b is not null, y);
        }
        else
        {
            Products.PerVoxel(gpu, variant, GatherSizes.Forward(p, b is not null), input, input, weights, bias, y);
        }
    }
}

/// <summary>dx from dy of the transposed convolution.</summary>
internal readonly struct TransposedConvBackwardData(TransposedConvProblem p, Tensor dy, Tensor w, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) => variant != Variant.Bricks;

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> dx)
    {
        var (gradient, weights) = (GpuBackend.View(dy), GpuBackend.View(w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchBackwardData(
                gpu.Stream, new TransposedSizes(p), gradient, weights, dx, accumulate);
        }
        else
        {
            Products.PerVoxel(gpu, variant, GatherSizes.BackwardData(p, accumulate), gradient, gradient, weights, weights, dx);
        }
    }
}

/// <summary>dw from x and dy of the transposed convolution.</summary>
internal readonly struct TransposedConvBackwardWeights(TransposedConvProblem p, Tensor x, Tensor dy, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision) => variant != Variant.Bricks;

    public void Run(GpuBackend gpu, Variant variant, ArrayView<float> dw)
    {
        var (input, gradient) = (GpuBackend.View(x), GpuBackend.View(dy));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchBackwardWeights(
                gpu.Stream, new TransposedSizes(p), input, gradient, dw, accumulate);
        }
        else
        {
            Products.PerWeight(gpu, variant, new WeightSizes(p), gradient, gradient, input, dw, accumulate);
        }
    }
}

/// <summary>The passes as matrix products, in float32 or on tensor cores.</summary>
internal static class Products
{
    /// <summary>A pass that computes values per voxel; see <see cref="GatherSizes"/>.</summary>
    public static void PerVoxel(
        GpuBackend gpu, Variant variant, in GatherSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> to)
    {
        if (variant == Variant.Fast)
        {
            gpu.Kernels.GatherGemm.Launch(gpu.Stream, s, source, source2, weights, bias, to);
        }
        else
        {
            gpu.Kernels.TensorGatherGemm.Launch(gpu.Stream, gpu.Precision, s, source, source2, weights, bias, to);
        }
    }

    /// <summary>A pass by bricks; see <see cref="BrickSizes"/>.</summary>
    public static void PerBrick(
        GpuBackend gpu, in BrickSizes s, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> to)
    {
        var scratch = gpu.Scratch(BrickConvolution.ScratchLength(gpu.Precision, s));
        gpu.Kernels.BrickConvolution.Launch(gpu.Stream, gpu.Precision, s, source, source2, weights, bias, scratch, to);
    }

    /// <summary>
    /// A gradient with respect to weights; see <see cref="WeightSizes"/>. Parts of the voxels are summed separately, then added
    /// in order.
    /// </summary>
    public static void PerWeight(
        GpuBackend gpu, Variant variant, in WeightSizes s, ArrayView<float> gathered, ArrayView<float> gathered2,
        ArrayView<float> dense,
        ArrayView<float> dw, bool accumulate)
    {
        var splits = gpu.Kernels.WeightGemm.Splits(s);
        var partials = gpu.Scratch(splits * dw.Length);
        if (variant == Variant.Fast)
        {
            gpu.Kernels.WeightGemm.Launch(gpu.Stream, s, gathered, gathered2, dense, partials, splits);
        }
        else
        {
            gpu.Kernels.TensorWeightGemm.Launch(gpu.Stream, gpu.Precision, s, gathered, gathered2, dense, partials, splits);
        }

        gpu.Kernels.SplitSum.Launch(gpu.Stream, partials, splits, dw, accumulate);
    }

    /// <summary>The same by bricks.</summary>
    public static void PerWeight(
        GpuBackend gpu, in BrickSizes s, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy,
        ArrayView<float> dw, bool accumulate)
    {
        var splits = gpu.Kernels.BrickWeightGradient.Splits(s);
        var partials = gpu.Scratch(splits * dw.Length);
        gpu.Kernels.BrickWeightGradient.Launch(gpu.Stream, gpu.Precision, s, source, source2, dy, partials, splits);
        gpu.Kernels.SplitSum.Launch(gpu.Stream, partials, splits, dw, accumulate);
    }
}
