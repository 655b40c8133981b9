using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y) =>
        plainConvolution.Value.LaunchForward(
            stream, new ConvSizes(p), View(x), ViewOr(x2, View(x)), View(w), ViewOr(b, View(w)), b is not null, View(y));

    /// <inheritdoc/>
    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
        var sizes = new ConvSizes(p);
        if (dx is not null)
        {
            plainConvolution.Value.LaunchBackwardData(stream, sizes, View(dy), View(w), View(dx), 0, p.Cin, accumulate);
        }

        if (dx2 is not null)
        {
            plainConvolution.Value.LaunchBackwardData(stream, sizes, View(dy), View(w), View(dx2), p.Cin, p.Cin2, accumulate2);
        }
    }

    /// <inheritdoc/>
    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        plainConvolution.Value.LaunchBackwardWeights(
            stream, new ConvSizes(p), View(x), ViewOr(x2, View(x)), View(dy), View(dw), accumulate);
        BiasGradient(dy, db, accumulate);
    }

    /// <inheritdoc/>
    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y) =>
        plainTransposed.Value.LaunchForward(
            stream, new TransposedSizes(p), View(x), View(w), ViewOr(b, View(w)), b is not null, View(y));

    /// <inheritdoc/>
    protected override void TransposedConvBackwardDataCore(in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate) =>
        plainTransposed.Value.LaunchBackwardData(stream, new TransposedSizes(p), View(dy), View(w), View(dx), accumulate);

    /// <inheritdoc/>
    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
        plainTransposed.Value.LaunchBackwardWeights(stream, new TransposedSizes(p), View(x), View(dy), View(dw), accumulate);
        BiasGradient(dy, db, accumulate);
    }

    private void BiasGradient(Tensor dy, Tensor? db, bool accumulate)
    {
        if (db is not null)
        {
            plainChannelSum.Value.Launch(stream, View(dy), View(db), accumulate);
        }
    }
}
