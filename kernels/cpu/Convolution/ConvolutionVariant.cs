namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>Ways to compute a convolution.</summary>
internal enum ConvolutionVariant
{
    /// <summary>The cheaper one by <see cref="ConvolutionCost{TLanes, TVector}"/>.</summary>
    Automatic,

    /// <summary>Direct sums.</summary>
    Direct,

    /// <summary>Winograd tiles wherever the problem has the form.</summary>
    Winograd,
}
