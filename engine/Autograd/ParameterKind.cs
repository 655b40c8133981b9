namespace SharpSeg.Engine.Autograd;

/// <summary>What a parameter is, which decides its start value and how other programs lay it out.</summary>
public enum ParameterKind
{
    /// <summary>Convolution weight (kz, ky, kx, cin, cout); nnU-Net: [cout, cin, kz, ky, kx].</summary>
    ConvolutionWeight,

    /// <summary>Transposed-convolution weight (sz, sy, sx, cin, cout); nnU-Net: [cin, cout, sz, sy, sx].</summary>
    TransposedConvolutionWeight,

    /// <summary>Bias (c).</summary>
    Bias,

    /// <summary>γ of a normalisation (c).</summary>
    NormScale,

    /// <summary>β of a normalisation (c).</summary>
    NormShift,
}
