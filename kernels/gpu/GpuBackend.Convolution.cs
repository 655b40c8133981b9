using ILGPU;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// Convolutions. Variants per pass: plain (one thread per result), fast (implicit matrix product in float32), and, at a lower precision
/// than float32, the same product on tensor cores.
/// </summary>
internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        var problem = p;
        var (first, second, weights, bias) = (View(x), ViewOr(x2, View(x)), View(w), ViewOr(b, View(w)));
        var (sizes, gather) = (new ConvSizes(p), GatherSizes.Forward(p, b is not null));
        Run(
            new VariantKey("conv forward", problem.ToString()), gather, View(y), first, second, weights, bias,
            to => plainConvolution.Value.LaunchForward(stream, sizes, first, second, weights, bias, b is not null, to));
    }

    /// <inheritdoc/>
    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        if (dx is not null)
        {
            ConvBackwardData(p, View(dy), View(w), View(dx), 0, p.Cin, accumulate);
        }

        if (dx2 is not null)
        {
            ConvBackwardData(p, View(dy), View(w), View(dx2), p.Cin, p.Cin2, accumulate2);
        }
    }

    /// <inheritdoc/>
    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var (first, second, gradient) = (View(x), ViewOr(x2, View(x)), View(dy));
        var sizes = new ConvSizes(p);
        Run(
            new VariantKey("conv backward weights", p.ToString()), new WeightSizes(p), View(dw), first, second, gradient, accumulate,
            (to, add) => plainConvolution.Value.LaunchBackwardWeights(stream, sizes, first, second, gradient, to, add));
        BiasGradient(dy, db, accumulate);
    }

    /// <inheritdoc/>
    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        var (input, weights, bias) = (View(x), View(w), ViewOr(b, View(w)));
        var sizes = new TransposedSizes(p);
        Run(
            new VariantKey("transposed conv forward", p.ToString()), GatherSizes.Forward(p, b is not null), View(y), input, input, weights, bias,
            to => plainTransposed.Value.LaunchForward(stream, sizes, input, weights, bias, b is not null, to));
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardDataCore(in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
        var (gradient, weights) = (View(dy), View(w));
        var sizes = new TransposedSizes(p);
        Run(
            new VariantKey("transposed conv backward data", p.ToString()), GatherSizes.BackwardData(p, accumulate), View(dx), gradient, gradient,
            weights, weights, to => plainTransposed.Value.LaunchBackwardData(stream, sizes, gradient, weights, to, accumulate));
    }

    /// <inheritdoc/>
    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        var (input, gradient) = (View(x), View(dy));
        var sizes = new TransposedSizes(p);
        Run(
            new VariantKey("transposed conv backward weights", p.ToString()), new WeightSizes(p), View(dw), gradient, gradient, input, accumulate,
            (to, add) => plainTransposed.Value.LaunchBackwardWeights(stream, sizes, input, gradient, to, add));
        BiasGradient(dy, db, accumulate);
    }

    private void ConvBackwardData(
        in ConvProblem p, ArrayView<float> dy, ArrayView<float> w, ArrayView<float> dx, int firstChannel, int channels, bool accumulate)
    {
        var sizes = new ConvSizes(p);
        Run(
            new VariantKey("conv backward data", $"{p} {firstChannel}+{channels}"),
            GatherSizes.BackwardData(p, firstChannel, channels, accumulate), dx, dy, dy, w, w,
            to => plainConvolution.Value.LaunchBackwardData(stream, sizes, dy, w, to, firstChannel, channels, accumulate));
    }

    private void BiasGradient(Tensor dy, Tensor? db, bool accumulate)
    {
        if (db is null)
        {
            return;
        }

        if (!UsesFast("bias gradient"))
        {
            plainChannelSum.Value.Launch(stream, View(dy), View(db), accumulate);
        }
        else
        {
            var channels = dy.Shape.C;
            var chunks = ChannelGroups.Chunks(checked((int)(dy.Length / channels)));
            var partials = Scratch((long)chunks * channels);
            channelSum.Value.Launch(stream, View(dy), channels, partials);
            splitSum.Value.Launch(stream, partials, chunks, View(db), accumulate);
        }
    }
}
