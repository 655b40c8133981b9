namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// In which numbers convolutions multiply, and in which activations are kept. Sums, parameters, statistics, images and logits are
/// float32 always.
/// </summary>
public enum GpuPrecision
{
    /// <summary>float32, without tensor cores.</summary>
    Fp32,

    /// <summary>
    /// Tensor cores on float32 rounded to 10 bits of mantissa; the range stays float32's. Compute capability 8.0.
    /// </summary>
    Tf32,

    /// <summary>Tensor cores on bfloat16: 7 bits of mantissa, the range of float32. Compute capability 8.0.</summary>
    Bf16,

    /// <summary>
    /// Tensor cores on float16: 10 bits of mantissa, values from 6·10⁻⁸ to 65504, so the loss must be scaled. Compute capability
    /// 8.0.
    /// </summary>
    Fp16,

    /// <summary>As <see cref="Bf16"/>, and activations and their gradients are kept in bfloat16, in half the memory.</summary>
    Bf16Activations,

    /// <summary>As <see cref="Fp16"/>, and activations and their gradients are kept in float16, in half the memory.</summary>
    Fp16Activations,
}

/// <summary>The names by which people know precisions.</summary>
internal static class GpuPrecisions
{
    /// <summary>"fp32", …, "fp16-activations".</summary>
    public static string Name(this GpuPrecision precision) => precision switch
    {
        GpuPrecision.Bf16Activations => "bf16-activations",
        GpuPrecision.Fp16Activations => "fp16-activations",
        _ => precision.ToString().ToLowerInvariant(),
    };
}
