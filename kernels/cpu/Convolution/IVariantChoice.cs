using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>Lets tests and benchmarks force a variant.</summary>
internal interface IVariantChoice
{
    /// <summary>The variant to use; automatic at first.</summary>
    ConvolutionVariant Variant { get; set; }

    /// <summary>What a convolution will use: its forward pass (backward data alike, with the channels swapped) or its weight gradient.</summary>
    ConvolutionVariant ChoiceFor(in ConvProblem p, bool weightGradient);
}
