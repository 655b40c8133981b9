using ILGPU;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// A pass of a convolution with its inputs, ready to be run by any variant into any memory: for its result, to be timed, to be
/// checked.
/// <para>Variants: plain, one thread per result; fast, an implicit matrix product in float32 (<see cref="GatherGemm"/>,
/// <see cref="WeightGemm"/>); the same product on tensor cores (<see cref="TensorGatherGemm"/>,
/// <see cref="TensorWeightGemm"/>); for the commonest kernels, bricks on tensor cores (<see cref="BrickConvolution"/>; of stride
/// 2 <see cref="PhaseConvolution"/>; transposed <see cref="TransposedConvolution"/>).</para>
/// </summary>
internal interface IConvolutionPass
{
    /// <summary>Whether the variant has a kernel for these sizes and elements, the result's included.</summary>
    bool Has(Variant variant, GpuPrecision precision, Tensor to);

    /// <summary>Whether the result is added to what is there, which therefore must not be computed twice.</summary>
    bool Adds { get; }

    /// <summary>Whether the variant's kernels know float32 only and copies stand in for what has 16 bits.</summary>
    bool NeedsCopies(Variant variant, Tensor to);

    /// <summary>Launches the pass.</summary>
    void Run(GpuBackend gpu, Variant variant, Tensor to);
}

/// <summary>y = conv([x, x2], w) + b.</summary>
internal readonly struct ConvForward(ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor y) =>
        variant != Variant.Bricks
        || (x.Element == y.Element && Products.Fit(p, GpuBackend.IsHalf(x), p.Cin, p.Cin2, p.Cout));

    public bool Adds => false;

    public bool NeedsCopies(Variant variant, Tensor y) =>
        Products.NeedWide(variant, GatherSizes.Forward(p, b is not null), x, y);

    public void Run(GpuBackend gpu, Variant variant, Tensor y)
    {
        if (NeedsCopies(variant, y))
        {
            gpu.Wide.Begin(x, x2, y);
            var (wide, wide2, to) = (gpu.Wide.Of(x), x2 is null ? null : gpu.Wide.Of(x2), gpu.Wide.For(y, read: false));
            new ConvForward(p, wide, wide2, w, b).Run(gpu, variant, to);
            Products.Finish(gpu, to, y);
            return;
        }

        var (first, second, weights, bias) = (
            GpuBackend.View(x), GpuBackend.View(x2 ?? x), GpuBackend.View(w), GpuBackend.View(b ?? w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchForward(
                gpu.Stream, new ConvSizes(p), first, second, weights, bias, b is not null, GpuBackend.View(y));
        }
        else if (variant == Variant.Bricks && p.Stride != Extent.One)
        {
            var sizes = PhaseSizes.Forward(p, b is not null);
            Products.PerPhase(gpu, GpuBackend.IsHalf(x), sizes, first, second, weights, bias, GpuBackend.View(y));
        }
        else if (variant == Variant.Bricks)
        {
            Products.PerBrick(
                gpu, GpuBackend.IsHalf(x), new BrickSizes(p, b is not null), first, second, weights, bias, GpuBackend.View(y));
        }
        else
        {
            var sizes = GatherSizes.Forward(p, b is not null).Of(GpuBackend.IsHalf(x), GpuBackend.IsHalf(y));
            Products.PerVoxel(gpu, variant, sizes, first, second, weights, bias, GpuBackend.View(y));
        }
    }
}

/// <summary>
/// The same by bricks that also leave their results' statistics (<see cref="BrickStatistics"/>), from which the norm's are
/// joined.
/// </summary>
internal readonly struct MeasuredConvForward(ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b)
{
    /// <summary>Whether a variant can do so.</summary>
    public bool Has(Variant variant) => variant == Variant.Bricks && p.Stride == Extent.One;

    /// <summary>Launches it.</summary>
    public void Run(GpuBackend gpu, in InstanceNormProblem norm, Tensor y, Tensor mean, Tensor rstd)
    {
        var sizes = new BrickSizes(p, b is not null, measured: true);
        var statistics = Products.PerBrick(
            gpu, GpuBackend.IsHalf(x), sizes, GpuBackend.View(x), GpuBackend.View(x2 ?? x), GpuBackend.View(w),
            GpuBackend.View(b ?? w), GpuBackend.View(y));
        gpu.Kernels.InstanceNormSums.LaunchJoin(
            gpu.Stream, new NormSizes(norm), new NormParts(sizes), statistics, GpuBackend.View(mean), GpuBackend.View(rstd));
    }
}

/// <summary>dx from dy, for the input channels firstChannel, firstChannel + 1, ….</summary>
internal readonly struct ConvBackwardData(ConvProblem p, Tensor dy, Tensor w, int firstChannel, int channels, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor dx) =>
        variant != Variant.Bricks
        || (dy.Element == dx.Element && Products.Fit(p, GpuBackend.IsHalf(dy), p.Cout, channels));

    public bool Adds => accumulate;

    public bool NeedsCopies(Variant variant, Tensor dx) =>
        Products.NeedWide(variant, GatherSizes.BackwardData(p, firstChannel, channels, accumulate), dy, dx);

    public void Run(GpuBackend gpu, Variant variant, Tensor dx)
    {
        if (NeedsCopies(variant, dx))
        {
            gpu.Wide.Begin(dy, dx);
            var (wide, to) = (gpu.Wide.Of(dy), gpu.Wide.For(dx, read: accumulate));
            new ConvBackwardData(p, wide, w, firstChannel, channels, accumulate).Run(gpu, variant, to);
            Products.Finish(gpu, to, dx);
            return;
        }

        var (gradient, weights) = (GpuBackend.View(dy), GpuBackend.View(w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchBackwardData(
                gpu.Stream, new ConvSizes(p), gradient, weights, GpuBackend.View(dx), firstChannel, channels,
                accumulate);
        }
        else if (variant == Variant.Bricks && p.Stride != Extent.One)
        {
            var sizes = PhaseSizes.BackwardData(p, firstChannel, channels, accumulate);
            Products.PerPhase(gpu, GpuBackend.IsHalf(dy), sizes, gradient, gradient, weights, weights, GpuBackend.View(dx));
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = new BrickSizes(p, firstChannel, channels, accumulate);
            Products.PerBrick(gpu, GpuBackend.IsHalf(dy), sizes, gradient, gradient, weights, weights, GpuBackend.View(dx));
        }
        else
        {
            var sizes = GatherSizes.BackwardData(p, firstChannel, channels, accumulate)
                .Of(GpuBackend.IsHalf(dy), GpuBackend.IsHalf(dx));
            Products.PerVoxel(gpu, variant, sizes, gradient, gradient, weights, weights, GpuBackend.View(dx));
        }
    }
}

/// <summary>dx and dx2 from dy: by bricks one launch, which reads dy once, else one after the other.</summary>
internal readonly struct ConvBackwardBothData(
    ConvProblem p, Tensor dy, Tensor w, bool accumulate, Tensor dx2, bool accumulate2) : IConvolutionPass
{
    private ConvBackwardData First => new(p, dy, w, 0, p.Cin, accumulate);

    private ConvBackwardData Second => new(p, dy, w, p.Cin, p.Cin2, accumulate2);

    /// <summary>Whether the two can be one pass.</summary>
    public static bool CanJoin(in ConvProblem p, Tensor dx, Tensor dx2) => dx.Element == dx2.Element && BrickSizes.CanJoin(p);

    public bool Has(Variant variant, GpuPrecision precision, Tensor dx) =>
        First.Has(variant, precision, dx) && Second.Has(variant, precision, dx2);

    public bool Adds => accumulate || accumulate2;

    public bool NeedsCopies(Variant variant, Tensor dx) =>
        First.NeedsCopies(variant, dx) || Second.NeedsCopies(variant, dx2);

    public void Run(GpuBackend gpu, Variant variant, Tensor dx)
    {
        if (variant == Variant.Bricks)
        {
            var (gradient, weights) = (GpuBackend.View(dy), GpuBackend.View(w));
            var sizes = new BrickSizes(p, accumulate, p.Cin2, accumulate2);
            Products.PerBrick(
                gpu, GpuBackend.IsHalf(dy), sizes, gradient, GpuBackend.View(dx2), weights, weights, GpuBackend.View(dx));
        }
        else
        {
            First.Run(gpu, variant, dx);
            Second.Run(gpu, variant, dx2);
        }
    }
}

/// <summary>dw from [x, x2] and dy.</summary>
internal readonly struct ConvBackwardWeights(ConvProblem p, Tensor x, Tensor? x2, Tensor dy, bool accumulate) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor dw) => variant != Variant.Bricks
        || (x.Element == dy.Element && Products.Fit(p, GpuBackend.IsHalf(x), p.Cin, p.Cin2, p.Cout)
            && (p.Stride == Extent.One
                ? BrickWeightGradient.Has(BrickSizes.BackwardWeights(p, BrickSizes.WalkedSlabs), precision)
                : PhaseWeightGradient.Has(precision)));

    public bool Adds => accumulate;

    public bool NeedsCopies(Variant variant, Tensor dw) => Products.NeedWide(variant, x, dy);

    public void Run(GpuBackend gpu, Variant variant, Tensor result)
    {
        if (NeedsCopies(variant, result))
        {
            gpu.Wide.Begin(x, x2, dy);
            var (wide, wide2, wideDy) = (gpu.Wide.Of(x), x2 is null ? null : gpu.Wide.Of(x2), gpu.Wide.Of(dy));
            new ConvBackwardWeights(p, wide, wide2, wideDy, accumulate).Run(gpu, variant, result);
            return;
        }

        var (first, second, gradient) = (GpuBackend.View(x), GpuBackend.View(x2 ?? x), GpuBackend.View(dy));
        var dw = GpuBackend.View(result);
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainConvolution.LaunchBackwardWeights(
                gpu.Stream, new ConvSizes(p), first, second, gradient, dw, accumulate);
        }
        else if (variant == Variant.Bricks && p.Stride != Extent.One)
        {
            var sizes = PhaseSizes.BackwardWeights(p);
            Products.PerWeight(gpu, GpuBackend.IsHalf(x), sizes, first, second, gradient, dw, accumulate);
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = BrickSizes.BackwardWeights(p, BrickSizes.WalkedSlabs);
            Products.PerWeight(gpu, GpuBackend.IsHalf(x), sizes, first, second, gradient, dw, accumulate);
        }
        else
        {
            var sizes = new WeightSizes(p).Of(GpuBackend.IsHalf(x), GpuBackend.IsHalf(dy));
            Products.PerWeight(gpu, variant, sizes, first, second, gradient, dw, accumulate);
        }
    }
}

/// <summary>y = transposed conv(x, w) + b.</summary>
internal readonly struct TransposedConvForward(TransposedConvProblem p, Tensor x, Tensor w, Tensor? b) : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor y) =>
        variant != Variant.Bricks || (x.Element == y.Element && TransposedRows.Fit(p, GpuBackend.IsHalf(x)));

    public bool Adds => false;

    public bool NeedsCopies(Variant variant, Tensor y) =>
        Products.NeedWide(variant, GatherSizes.Forward(p, b is not null), x, y);

    public void Run(GpuBackend gpu, Variant variant, Tensor y)
    {
        if (NeedsCopies(variant, y))
        {
            gpu.Wide.Begin(x, y);
            var (wide, to) = (gpu.Wide.Of(x), gpu.Wide.For(y, read: false));
            new TransposedConvForward(p, wide, w, b).Run(gpu, variant, to);
            Products.Finish(gpu, to, y);
            return;
        }

        var (input, weights, bias) = (GpuBackend.View(x), GpuBackend.View(w), GpuBackend.View(b ?? w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchForward(
                gpu.Stream, new TransposedSizes(p), input, weights, bias, b is not null, GpuBackend.View(y));
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = TransposedRows.Forward(p, b is not null, TileWords.Of(gpu.Precision));
            Products.PerRow(gpu, GpuBackend.IsHalf(x), sizes, input, weights, bias, GpuBackend.View(y));
        }
        else
        {
            var sizes = GatherSizes.Forward(p, b is not null).Of(GpuBackend.IsHalf(x), GpuBackend.IsHalf(y));
            Products.PerVoxel(gpu, variant, sizes, input, input, weights, bias, GpuBackend.View(y));
        }
    }
}

/// <summary>dx from dy of the transposed convolution.</summary>
internal readonly struct TransposedConvBackwardData(TransposedConvProblem p, Tensor dy, Tensor w, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor dx) =>
        variant != Variant.Bricks || (dy.Element == dx.Element && TransposedRows.Fit(p, GpuBackend.IsHalf(dy)));

    public bool Adds => accumulate;

    public bool NeedsCopies(Variant variant, Tensor dx) =>
        Products.NeedWide(variant, GatherSizes.BackwardData(p, accumulate), dy, dx);

    public void Run(GpuBackend gpu, Variant variant, Tensor dx)
    {
        if (NeedsCopies(variant, dx))
        {
            gpu.Wide.Begin(dy, dx);
            var (wide, to) = (gpu.Wide.Of(dy), gpu.Wide.For(dx, read: accumulate));
            new TransposedConvBackwardData(p, wide, w, accumulate).Run(gpu, variant, to);
            Products.Finish(gpu, to, dx);
            return;
        }

        var (gradient, weights) = (GpuBackend.View(dy), GpuBackend.View(w));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchBackwardData(
                gpu.Stream, new TransposedSizes(p), gradient, weights, GpuBackend.View(dx), accumulate);
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = TransposedRows.BackwardData(p, accumulate);
            Products.PerRow(gpu, GpuBackend.IsHalf(dy), sizes, gradient, weights, weights, GpuBackend.View(dx));
        }
        else
        {
            var sizes = GatherSizes.BackwardData(p, accumulate).Of(GpuBackend.IsHalf(dy), GpuBackend.IsHalf(dx));
            Products.PerVoxel(gpu, variant, sizes, gradient, gradient, weights, weights, GpuBackend.View(dx));
        }
    }
}

/// <summary>dw from x and dy of the transposed convolution.</summary>
internal readonly struct TransposedConvBackwardWeights(TransposedConvProblem p, Tensor x, Tensor dy, bool accumulate)
    : IConvolutionPass
{
    public bool Has(Variant variant, GpuPrecision precision, Tensor dw) => variant != Variant.Bricks
        || (x.Element == dy.Element && TransposedRows.Fit(p, GpuBackend.IsHalf(x)) && TransposedWeightGradient.Has(precision));

    public bool Adds => accumulate;

    public bool NeedsCopies(Variant variant, Tensor dw) => Products.NeedWide(variant, x, dy);

    public void Run(GpuBackend gpu, Variant variant, Tensor result)
    {
        if (NeedsCopies(variant, result))
        {
            gpu.Wide.Begin(x, dy);
            var (wide, wideDy) = (gpu.Wide.Of(x), gpu.Wide.Of(dy));
            new TransposedConvBackwardWeights(p, wide, wideDy, accumulate).Run(gpu, variant, result);
            return;
        }

        var dw = GpuBackend.View(result);
        var (input, gradient) = (GpuBackend.View(x), GpuBackend.View(dy));
        if (variant == Variant.Plain)
        {
            gpu.Kernels.PlainTransposedConvolution.LaunchBackwardWeights(
                gpu.Stream, new TransposedSizes(p), input, gradient, dw, accumulate);
        }
        else if (variant == Variant.Bricks)
        {
            var sizes = TransposedRows.BackwardWeights(p);
            Products.PerWeight(gpu, GpuBackend.IsHalf(x), sizes, input, gradient, dw, accumulate);
        }
        else
        {
            var sizes = new WeightSizes(p).Of(GpuBackend.IsHalf(dy), GpuBackend.IsHalf(x));
            Products.PerWeight(gpu, variant, sizes, gradient, gradient, input, dw, accumulate);
        }
    }
}

/// <summary>The passes as matrix products, in float32 or on tensor cores.</summary>
internal static class Products
{
    /// <summary>Whether there are bricks for a convolution; see <see cref="BrickSizes.Fit"/>.</summary>
    public static bool Fit(in ConvProblem p, bool halves, params ReadOnlySpan<int> channels) =>
        BrickSizes.Fit(p, halves, channels) || PhaseSizes.Fit(p, halves, channels);

    /// <summary>Whether a pass per voxel has no kernel that reads and writes what these tensors hold.</summary>
    public static bool NeedWide(Variant variant, in GatherSizes s, Tensor source, Tensor to)
    {
        var (sourceHalf, toHalf) = (GpuBackend.IsHalf(source), GpuBackend.IsHalf(to));
        return variant switch
        {
            Variant.Bricks => false,
            Variant.TensorCores => !s.CanBe(sourceHalf, toHalf),
            _ => sourceHalf || toHalf,
        };
    }

    /// <summary>The same of a gradient with respect to weights.</summary>
    public static bool NeedWide(Variant variant, Tensor x, Tensor dy) =>
        variant is not (Variant.Bricks or Variant.TensorCores) && (GpuBackend.IsHalf(x) || GpuBackend.IsHalf(dy));

    /// <summary>Rounds a result that was computed as float32.</summary>
    public static void Finish(GpuBackend gpu, Tensor wide, Tensor to)
    {
        if (GpuBackend.IsHalf(to))
        {
            gpu.Kernels.Halves.LaunchNarrow(gpu.Stream, to.Element, GpuBackend.View(wide), GpuBackend.View(to));
        }
    }

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

    /// <summary>
    /// A pass by bricks; see <see cref="BrickSizes"/>. Returns the bricks' statistics, if they are measured, in scratch memory.
    /// </summary>
    public static ArrayView<float> PerBrick(
        GpuBackend gpu, bool halves, in BrickSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> to)
    {
        var packed = PackedWeights.ScratchLength(gpu.Precision, s);
        var scratch = gpu.Scratch(packed + s.StatisticsLength);
        var statistics = scratch.SubView(s.Measured * packed, s.StatisticsLength);
        gpu.Kernels.BrickConvolution.Launch(
            gpu.Stream, gpu.Precision, halves, s, source, source2, Packed(gpu, s, weights, scratch.SubView(0, packed)), bias, to,
            statistics);
        return statistics;
    }

    /// <summary>A pass by bricks of phases; see <see cref="PhaseSizes"/>.</summary>
    public static void PerPhase(
        GpuBackend gpu, bool halves, in PhaseSizes s, ArrayView<float> source, ArrayView<float> source2,
        ArrayView<float> weights, ArrayView<float> bias, ArrayView<float> to)
    {
        gpu.Kernels.PhaseConvolution.Launch(
            gpu.Stream, gpu.Precision, halves, s, source, source2, Packed(gpu, s.Bricks, weights), bias, to);
    }

    /// <summary>A pass of a transposed convolution by rows; see <see cref="TransposedRows"/>.</summary>
    public static void PerRow(
        GpuBackend gpu, bool halves, in TransposedRows s, ArrayView<float> source, ArrayView<float> weights,
        ArrayView<float> bias, ArrayView<float> to)
    {
        gpu.Kernels.TransposedConvolution.Launch(
            gpu.Stream, gpu.Precision, halves, s, source, Packed(gpu, s.Bricks, weights), bias, to);
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
        GpuBackend gpu, bool halves, in BrickSizes s, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy,
        ArrayView<float> dw, bool accumulate)
    {
        var splits = gpu.Kernels.BrickWeightGradient.Splits(s);
        var partials = gpu.Scratch(splits * dw.Length);
        gpu.Kernels.BrickWeightGradient.Launch(
            gpu.Stream, gpu.Precision, halves, s, source, source2, dy, partials, splits);
        gpu.Kernels.SplitSum.Launch(gpu.Stream, partials, splits, dw, accumulate);
    }

    /// <summary>The same by bricks of phases.</summary>
    public static void PerWeight(
        GpuBackend gpu, bool halves, in PhaseSizes s, ArrayView<float> source, ArrayView<float> source2, ArrayView<float> dy,
        ArrayView<float> dw, bool accumulate)
    {
        var splits = gpu.Kernels.PhaseWeightGradient.Splits(s);
        var partials = gpu.Scratch(splits * dw.Length);
        gpu.Kernels.PhaseWeightGradient.Launch(
            gpu.Stream, gpu.Precision, halves, s, source, source2, dy, partials, splits);
        gpu.Kernels.SplitSum.Launch(gpu.Stream, partials, splits, dw, accumulate);
    }

    /// <summary>The same of a transposed convolution, by rows.</summary>
    public static void PerWeight(
        GpuBackend gpu, bool halves, in TransposedRows s, ArrayView<float> x, ArrayView<float> dy, ArrayView<float> dw,
        bool accumulate)
    {
        var splits = gpu.Kernels.TransposedWeightGradient.Splits(s);
        var partials = gpu.Scratch(splits * dw.Length);
        gpu.Kernels.TransposedWeightGradient.Launch(gpu.Stream, gpu.Precision, halves, s, x, dy, partials, splits);
        gpu.Kernels.SplitSum.Launch(gpu.Stream, partials, splits, dw, accumulate);
    }

    private static ArrayView<TensorFragment> Packed(GpuBackend gpu, in BrickSizes s, ArrayView<float> weights) =>
        Packed(gpu, s, weights, gpu.Scratch(PackedWeights.ScratchLength(gpu.Precision, s)));

    private static ArrayView<TensorFragment> Packed(
        GpuBackend gpu, in BrickSizes s, ArrayView<float> weights, ArrayView<float> scratch)
    {
        var packed = scratch.Cast<TensorFragment>();
        gpu.Kernels.PackedWeights.Launch(gpu.Stream, gpu.Precision, s, weights, packed);
        return packed;
    }
}
