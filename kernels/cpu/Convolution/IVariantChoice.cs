namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>Lets tests and benchmarks force a variant.</summary>
internal interface IVariantChoice
{
    /// <summary>The variant to use; automatic at first.</summary>
    ConvolutionVariant Variant { get; set; }
}
