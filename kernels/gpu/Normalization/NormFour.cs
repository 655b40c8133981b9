using ILGPU;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

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
