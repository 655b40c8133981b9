using System.Runtime.CompilerServices;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>Instance normalisation + leaky ReLU of one element: x̂ = (x − mean)·rstd, z = gamma·x̂ + beta, y = leaky(z).</summary>
internal static class NormElement
{
    /// <summary>y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Output(float x, float mean, float rstd, float gamma, float beta, float slope)
    {
        var z = (gamma * ((x - mean) * rstd)) + beta;
        return z > 0f ? z : slope * z;
    }

    /// <summary>d = dy·∂y/∂z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Slope(float dy, float xhat, float gamma, float beta, float slope) =>
        dy * ((gamma * xhat) + beta > 0f ? 1f : slope);

    /// <summary>dx/(gamma·rstd) = d − (A + x̂·B)/V, given 1/V.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Centred(float d, float xhat, float sumD, float sumDXhat, float share) => d - ((sumD + (xhat * sumDXhat)) * share);
}
