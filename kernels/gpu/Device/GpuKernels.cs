using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Inference;
using SharpSeg.Kernels.Gpu.Loss;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Optimizer;
using SharpSeg.Kernels.Gpu.Pointwise;
using SharpSeg.Kernels.Gpu.Volumes;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Every kernel of the backend, by the file that holds it. None is compiled before its first launch.</summary>
internal sealed class GpuKernels(KernelList list)
{
    public PlainConvolution PlainConvolution { get; } = new(list);

    public PlainTransposedConvolution PlainTransposedConvolution { get; } = new(list);

    public PlainChannelSum PlainChannelSum { get; } = new(list);

    public GatherGemm GatherGemm { get; } = new(list);

    public WeightGemm WeightGemm { get; } = new(list);

    public TensorGatherGemm TensorGatherGemm { get; } = new(list);

    public TensorWeightGemm TensorWeightGemm { get; } = new(list);

    public PackedWeights PackedWeights { get; } = new(list);

    public BrickConvolution BrickConvolution { get; } = new(list);

    public BrickWeightGradient BrickWeightGradient { get; } = new(list);

    public PhaseConvolution PhaseConvolution { get; } = new(list);

    public PhaseWeightGradient PhaseWeightGradient { get; } = new(list);

    public TransposedConvolution TransposedConvolution { get; } = new(list);

    public TransposedWeightGradient TransposedWeightGradient { get; } = new(list);

    public SplitSum SplitSum { get; } = new(list);

    public ChannelSum ChannelSum { get; } = new(list);

    public PlainInstanceNorm PlainInstanceNorm { get; } = new(list);

    public InstanceNormSums InstanceNormSums { get; } = new(list);

    public InstanceNormApply InstanceNormApply { get; } = new(list);

    public VectorNormApply VectorNormApply { get; } = new(list);

    public PlainLossSums PlainLossSums { get; } = new(list);

    public LossSums LossSums { get; } = new(list);

    public LossGradient LossGradient { get; } = new(list);

    public MergeUnlabelled MergeUnlabelled { get; } = new(list);

    public OptimizerKernels Optimizers { get; } = new(list);

    public SquareSum SquareSum { get; } = new(list);

    public PartSum PartSum { get; } = new(list);

    public PointwiseKernels Pointwise { get; } = new(list);

    public HalfKernels Halves { get; } = new(list);

    public LayoutKernels Layout { get; } = new(list);

    public InferenceKernels Inference { get; } = new(list);

    public ResamplingKernels Resampling { get; } = new(list);

    public SpatialKernels Spatial { get; } = new(list);

    public SplineKernels Splines { get; } = new(list);

    public ElasticKernels Elastic { get; } = new(list);

    public MultiplyAddPeak MultiplyAddPeak { get; } = new(list);

    public TensorPeak TensorPeak { get; } = new(list);
}
