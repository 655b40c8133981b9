using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Variants;

namespace SharpSeg.Kernels.Gpu;

/// <content>Convolutions: every pass runs by the variant that is chosen for its sizes (<see cref="IConvolutionPass"/>).</content>
internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y) =>
        Run(new VariantKey(Operation.ConvForward, p, x, y), new ConvForward(p, x, x2, w, b), y);

    /// <inheritdoc/>
    protected override void ConvForwardMeasuredCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y, in InstanceNormProblem norm, Tensor mean,
        Tensor rstd)
    {
        var (pass, measured) = (new ConvForward(p, x, x2, w, b), new MeasuredConvForward(p, x, x2, w, b));
        var variant = variants.For(new VariantKey(Operation.ConvForward, p, x, y), pass, y);
        if (measured.Has(variant) && variants.TrustsBrickStatistics)
        {
            measured.Run(this, norm, y, mean, rstd);
        }
        else
        {
            pass.Run(this, variant, y);
            InstanceNormStatisticsCore(norm, y, mean, rstd);
        }
    }

    /// <inheritdoc/>
    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        if (dx is not null && dx2 is not null && ConvBackwardBothData.CanJoin(p, dx, dx2))
        {
            Run(
                new VariantKey(Operation.ConvBackwardData, p, default, 0, p.CinTotal, dy.Element, dx.Element),
                new ConvBackwardBothData(p, dy, w, accumulate, dx2, accumulate2), dx);
            return;
        }

        if (dx is not null)
        {
            ConvBackwardData(p, dy, w, dx, 0, p.Cin, accumulate);
        }

        if (dx2 is not null)
        {
            ConvBackwardData(p, dy, w, dx2, p.Cin, p.Cin2, accumulate2);
        }
    }

    /// <inheritdoc/>
    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        Run(new VariantKey(Operation.ConvBackwardWeights, p, x, dy), new ConvBackwardWeights(p, x, x2, dy, accumulate), dw);
        BiasGradient(dy, db, accumulate);
    }

    /// <inheritdoc/>
    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y) =>
        Run(new VariantKey(Operation.TransposedConvForward, p, x, y), new TransposedConvForward(p, x, w, b), y);

    /// <inheritdoc/>
    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate) =>
        Run(
            new VariantKey(Operation.TransposedConvBackwardData, p, dy, dx),
            new TransposedConvBackwardData(p, dy, w, accumulate), dx);

    /// <inheritdoc/>
    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        Run(
            new VariantKey(Operation.TransposedConvBackwardWeights, p, x, dy),
            new TransposedConvBackwardWeights(p, x, dy, accumulate), dw);
        BiasGradient(dy, db, accumulate);
    }

    /// <summary>db = Σ dy over all voxels.</summary>
    internal void BiasGradient(Variant variant, Tensor dy, Tensor db, bool accumulate)
    {
        if (variant == Variant.Plain && IsHalf(dy))
        {
            Wide.Begin(dy);
            BiasGradient(variant, Wide.Of(dy), db, accumulate);
        }
        else if (variant == Variant.Plain)
        {
            Kernels.PlainChannelSum.Launch(Stream, View(dy), View(db), accumulate);
        }
        else
        {
            var channels = dy.Shape.C;
            var chunks = ChannelGroups.Chunks(checked((int)(dy.Length / channels)));
            var partials = Scratch((long)chunks * channels);
            Kernels.ChannelSum.Launch(Stream, dy, partials);
            Kernels.PartSum.Launch(Stream, partials, chunks, channels, View(db), accumulate);
        }
    }

    private void BiasGradient(Tensor dy, Tensor? db, bool accumulate)
    {
        if (db is not null)
        {
            BiasGradient(variants.For(Operation.BiasGradient), dy, db, accumulate);
        }
    }

    private void ConvBackwardData(
        in ConvProblem p, Tensor dy, Tensor w, Tensor dx, int firstChannel, int channels, bool accumulate) => Run(
        new VariantKey(Operation.ConvBackwardData, p, default, firstChannel, channels, dy.Element, dx.Element),
        new ConvBackwardData(p, dy, w, firstChannel, channels, accumulate), dx);

    private void Run<TPass>(in VariantKey key, in TPass pass, Tensor result)
        where TPass : struct, IConvolutionPass =>
        pass.Run(this, variants.For(key, pass, result), result);
}
