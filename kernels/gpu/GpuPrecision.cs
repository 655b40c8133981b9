namespace SharpSeg.Kernels.Gpu;

/// <summary>In which numbers convolutions multiply. Sums, and everything else, are float32 always.</summary>
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
}
