using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Inference;
using SharpSeg.Kernels.Gpu.Loss;
using SharpSeg.Kernels.Gpu.Normalization;
using SharpSeg.Kernels.Gpu.Optimizer;
using SharpSeg.Kernels.Gpu.Pointwise;
using SharpSeg.Kernels.Gpu.Volumes;


namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Every kernel, for tools that compile or list them all.</summary>
internal static class KernelCatalogue
{
    /// <summary>Kernels that any device can compile.</summary>
    public static IReadOnlyList<Delegate> Portable =>
    [
        .. PlainConvolution.Methods, .. PlainTransposedConvolution.Methods, .. PlainInstanceNorm.Methods, .. PlainChannelSum.Methods,
        .. PlainLossSums.Methods, .. PointwiseKernels.Methods, .. LayoutKernels.Methods, .. InferenceKernels.Methods,
        .. OptimizerKernels.Methods, .. SquareSum.Methods, .. InstanceNormApply.Methods, .. LossGradient.Methods, .. GatherGemm.Methods,
        .. WeightGemm.Methods, .. SplitSum.Methods, .. ChannelSum.Methods, .. InstanceNormSums.Methods, .. VectorNormSums.Methods,
        .. VectorNormApply.Methods, .. LossSums.Methods, .. MultiplyAddPeak.Methods, .. ResamplingKernels.Methods,
        .. SpatialKernels.Methods, .. SplineKernels.Methods, .. ElasticKernels.Methods,
    ];

    /// <summary>Kernels that contain PTX of compute capability 8.0.</summary>
    public static IReadOnlyList<Delegate> TensorCores => [.. TensorGatherGemm.Methods, .. TensorWeightGemm.Methods];

    /// <summary>Name of a kernel: its file's class and its method.</summary>
    public static string NameOf(Delegate kernel) => $"{kernel.Method.DeclaringType!.Name}.{kernel.Method.Name}";
}
