namespace SharpSeg.Kernels.Cpu.Convolution;

/// <summary>Ways to compute a convolution.</summary>
internal enum ConvolutionVariant
{
    /// <summary>The cheapest one by <see cref="ConvolutionCost{TLanes, TVector}"/>.</summary>
    Automatic,

    /// <summary>Direct sums.</summary>
    Direct,

    /// <summary>Direct sums over gathered voxels.</summary>
    Gather,

    /// <summary>
    /// 1×1×1 to a few outputs: the lanes hold input channels and are added up, wherever the problem has the form.
    /// </summary>
    FewOutputs,

    /// <summary>Winograd tiles F(4, 3) along one axis, wherever the problem has the form and few voxels.</summary>
    WinogradLine,

    /// <summary>Two outputs at a time along y and x, by F(2, 2) on every second input, wherever the stride is 2.</summary>
    WinogradStride,

    /// <summary>Winograd tiles F(2, 3), wherever the problem has the form.</summary>
    Winograd,

    /// <summary>Winograd tiles with F(4, 3) along y and x, wherever the problem has the form.</summary>
    WinogradWide,
}
