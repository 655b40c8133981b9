using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.EndToEnd.Tests;

/// <summary>A backend that hands everything on to another one: tests override what they want to see or to spoil.</summary>
internal abstract class ForwardingBackend(Backend inner) : Backend
{
    public override string Name => "test device";

    public override string Description => "test device, for tests only";

    public override long WorkspaceBytes(IReadOnlyCollection<ConvProblem> convolutions, bool isTraining) =>
        inner.WorkspaceBytes(convolutions, isTraining);

    public override void Synchronize() => Inner().Synchronize();

    protected override void Dispose(bool disposing) => inner.Dispose();

    protected override DeviceBuffer AllocateCore(long length) => Inner().Allocate(length);

    protected override void UploadCore(ReadOnlySpan<float> source, Tensor target) => Inner().Upload(source, target);

    protected override void DownloadCore(Tensor source, Span<float> target) => Inner().Download(source, target);

    protected override void CopyCore(Tensor source, Tensor target) => Inner().Copy(source, target);

    protected override void FillCore(Tensor target, float value) => Inner().Fill(target, value);

    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y) =>
        Inner().ConvForward(p, x, x2, w, b, y);

    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2) =>
        Inner().ConvBackwardData(p, dy, w, dx, accumulate, dx2, accumulate2);

    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate) =>
        Inner().ConvBackwardWeights(p, x, x2, dy, dw, db, accumulate);

    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y) =>
        Inner().TransposedConvForward(p, x, w, b, y);

    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate) =>
        Inner().TransposedConvBackwardData(p, dy, w, dx, accumulate);

    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate) =>
        Inner().TransposedConvBackwardWeights(p, x, dy, dw, db, accumulate);

    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd) =>
        Inner().InstanceNormStatistics(p, x, mean, rstd);

    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y) =>
        Inner().InstanceNormApply(p, x, mean, rstd, gamma, beta, y);

    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor dx,
        Tensor dgamma,
        Tensor dbeta, bool accumulateParameters) =>
        Inner().InstanceNormBackward(p, dy, x, mean, rstd, gamma, beta, dx, dgamma, dbeta, accumulateParameters);

    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y) => Inner().Axpby(a, x, b, y);

    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y) =>
        Inner().AddLeakyReluForward(a, b, slope, y);

    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d) =>
        Inner().AddLeakyReluBackward(dy, y, slope, d);

    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Inner().BlockSum(x, block, scale, y, accumulate);

    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate) =>
        Inner().BlockRepeat(x, block, scale, y, accumulate);

    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y) =>
        Inner().Flip(x, alongZ, alongY, alongX, y);

    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums) =>
        Inner().SegmentationLossForward(p, logits, target, sums);

    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits) =>
        Inner().SegmentationLossBackward(p, logits, target, sums, weight, dlogits);

    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged) =>
        Inner().MergeUnlabelled(logits, unlabelled, regions, merged);

    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits) =>
        Inner().MergeUnlabelledBackward(logits, unlabelled, regions, dmerged, dlogits);

    protected override double SumOfSquaresCore(Tensor g) => Inner().SumOfSquares(g);

    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity) =>
        Inner().SgdStep(options, theta, gradient, velocity);

    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax) =>
        Inner().AdamStep(options, theta, gradient, m, v, vmax);

    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum) =>
        Inner().BlendAdd(tile, sample, weights, origin, sum, weightSum);

    protected override void DivideByWeightsCore(Tensor x, Tensor divisor) => Inner().DivideByWeights(x, divisor);

    protected override void ArgMaxCore(Tensor x, Tensor y) => Inner().ArgMax(x, y);

    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y) => Inner().Probabilities(x, sigmoid, y);

    protected override void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume) =>
        Inner().TakeChannel(maps, channel, origin, volume);

    protected override void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target) =>
        Inner().ResampleAxis(p, source, target);

    protected override void ClipToRangeCore(Tensor source, int? axis, Tensor target) => Inner().ClipToRange(source, axis, target);

    protected override void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target) =>
        Inner().ResampleLabels(p, source, target);

    protected override void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels) =>
        Inner().KeepHighest(volume, label, first, best, labels);

    protected override void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels) =>
        Inner().MarkAbove(volume, threshold, label, labels);

    protected override void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch) =>
        Inner().SampleAffine(p, source, patch);

    protected override void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch) =>
        Inner().SampleSpline(p, source, patch);

    /// <summary>Where the next operation goes.</summary>
    protected virtual Backend Inner() => inner;
}
