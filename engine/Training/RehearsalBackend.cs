using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// A backend that checks shapes and counts bytes and operations but has no memory and computes nothing: a training step on it is
/// a rehearsal that shows what the real one will need.
/// </summary>
/// <param name="activations">In what the device that is stood in for keeps activations.</param>
internal sealed class RehearsalBackend(ElementType activations = ElementType.Fp32) : Backend
{
    private readonly HashSet<ConvProblem> convolutions = [];
    private readonly List<NetworkLayer> layers = [];

    /// <summary>All that were rehearsed.</summary>
    public IReadOnlyCollection<ConvProblem> Convolutions => convolutions;

    /// <summary>All forward operations that cost time, in their order.</summary>
    public IReadOnlyList<NetworkLayer> Layers => layers;

    /// <summary>Floating-point operations of all forward convolutions so far.</summary>
    public long ConvolutionFlops { get; private set; }

    public override string Name => "rehearsal";

    public override ElementType Activations => activations;

    public override string Description => "counts bytes, computes nothing";

    public override void Synchronize()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }

    protected override DeviceBuffer AllocateCore(long length) => new NoMemory(length);

    protected override void UploadCore(ReadOnlySpan<float> source, Tensor target)
    {
    }

    protected override void DownloadCore(Tensor source, Span<float> target) => target.Clear();

    protected override void CopyCore(Tensor source, Tensor target)
    {
    }

    protected override void FillCore(Tensor target, float value)
    {
    }

    protected override void ConvForwardCore(in ConvProblem p, Tensor x, Tensor? x2, Tensor w, Tensor? b, Tensor y)
    {
        convolutions.Add(p);
        layers.Add(new(Convolution: p));
        ConvolutionFlops += p.MinimumWork.Flops;
    }

    protected override void ConvBackwardDataCore(
        in ConvProblem p, Tensor dy, Tensor w, Tensor? dx, bool accumulate, Tensor? dx2, bool accumulate2)
    {
    }

    protected override void ConvBackwardWeightsCore(
        in ConvProblem p, Tensor x, Tensor? x2, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
    }

    protected override void TransposedConvForwardCore(in TransposedConvProblem p, Tensor x, Tensor w, Tensor? b, Tensor y)
    {
        layers.Add(new(Transposed: p));
        ConvolutionFlops += p.MinimumWork.Flops;
    }

    protected override void TransposedConvBackwardDataCore(
        in TransposedConvProblem p, Tensor dy, Tensor w, Tensor dx, bool accumulate)
    {
    }

    protected override void TransposedConvBackwardWeightsCore(
        in TransposedConvProblem p, Tensor x, Tensor dy, Tensor dw, Tensor? db, bool accumulate)
    {
    }

    protected override void InstanceNormStatisticsCore(in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd)
    {
    }

    protected override void InstanceNormApplyCore(
        in InstanceNormProblem p, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta, Tensor y) =>
        layers.Add(new(Norm: p));

    protected override void InstanceNormBackwardCore(
        in InstanceNormProblem p, Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gamma, Tensor beta,
        Tensor dx, Tensor dgamma, Tensor dbeta, bool accumulateParameters)
    {
    }

    protected override void AxpbyCore(float a, Tensor x, float b, Tensor y)
    {
    }

    protected override void AddLeakyReluForwardCore(Tensor a, Tensor b, float slope, Tensor y)
    {
    }

    protected override void AddLeakyReluBackwardCore(Tensor dy, Tensor y, float slope, Tensor d)
    {
    }

    protected override void BlockSumCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
    }

    protected override void BlockRepeatCore(Tensor x, Extent block, float scale, Tensor y, bool accumulate)
    {
    }

    protected override void FlipCore(Tensor x, bool alongZ, bool alongY, bool alongX, Tensor y)
    {
    }

    protected override void SegmentationLossForwardCore(in LossProblem p, Tensor logits, Tensor target, Tensor sums)
    {
    }

    protected override void SegmentationLossBackwardCore(
        in LossProblem p, Tensor logits, Tensor target, Tensor sums, float weight, Tensor dlogits)
    {
    }

    protected override void MergeUnlabelledCore(Tensor logits, Tensor unlabelled, bool regions, Tensor merged)
    {
    }

    protected override void MergeUnlabelledBackwardCore(
        Tensor logits, Tensor unlabelled, bool regions, Tensor dmerged, Tensor dlogits)
    {
    }

    protected override double SumOfSquaresCore(Tensor g) => 0.0;

    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
    {
    }

    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
    {
    }

    protected override void BlendAddCore(Tensor tile, int sample, Tensor weights, Extent origin, Tensor sum, Tensor weightSum)
    {
    }

    protected override void DivideByWeightsCore(Tensor x, Tensor divisor)
    {
    }

    protected override void ArgMaxCore(Tensor x, Tensor y)
    {
    }

    protected override void ProbabilitiesCore(Tensor x, bool sigmoid, Tensor y)
    {
    }

    protected override void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume)
    {
    }

    protected override void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target)
    {
    }

    protected override void ClipToRangeCore(Tensor source, int? axis, Tensor target)
    {
    }

    protected override void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target)
    {
    }

    protected override void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels)
    {
    }

    protected override void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels)
    {
    }

    protected override void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
    }

    protected override void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
    }

    private sealed class NoMemory(long length) : DeviceBuffer(length)
    {
        protected override void Dispose(bool disposing)
        {
        }
    }
}
