using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>Lets tests and benchmarks force a variant.</summary>
internal interface IVariantChoice
{
    /// <summary>The variant to use; automatic by default.</summary>
    ConvolutionVariant Variant { get; set; }

    /// <summary>
    /// The variant that a convolution will use for its forward pass (with stride 1 likewise for backward data, with the channels
    /// swapped) or its weight gradient.
    /// </summary>
    ConvolutionVariant ChoiceFor(in ConvProblem p, bool weightGradient);
}
