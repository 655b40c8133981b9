using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// Instance normalisation + leaky ReLU of one element: x̂ = (x − mean)·rstd, z = gamma·x̂ + beta, y = leaky(z).
/// </summary>
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
    public static float Centred(float d, float xhat, float sumD, float sumDXhat, float share) =>
        d - ((sumD + (xhat * sumDXhat)) * share);
}

/// <summary>Statistics and parameters of four neighbouring channels; a thread reads them once.</summary>
internal readonly struct NormFour
{
    public readonly Float4 Mean, Rstd, Gamma, Beta;

    /// <summary>
    /// The channels 4·<paramref name="four"/> … of a sample whose statistics begin at the four <paramref name="first"/>.
    /// </summary>
    public NormFour(
        ArrayView<float> mean, ArrayView<float> rstd, ArrayView<float> gamma, ArrayView<float> beta, int first, int four)
    {
        Mean = ReadOnlyMemory.Read(mean.Cast<Float4>(), first + four);
        Rstd = ReadOnlyMemory.Read(rstd.Cast<Float4>(), first + four);
        Gamma = ReadOnlyMemory.Read(gamma.Cast<Float4>(), four);
        Beta = ReadOnlyMemory.Read(beta.Cast<Float4>(), four);
    }
}

/// <summary>Mean and sum of squared differences from it in one pass over the values (Welford 1962).</summary>
internal static class Welford
{
    /// <summary>Takes in one more value; <paramref name="share"/> is 1/(number of values, this one included).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add(float value, float share, ref float mean, ref float square)
    {
        var difference = value - mean;
        mean += difference * share;
        square += difference * (value - mean);
    }
}
