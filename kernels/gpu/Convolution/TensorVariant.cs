namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>The twelve variants of a tensor-core kernel: three precisions, vector or scalar loads, wide or narrow tiles, in this order.</summary>
internal static class TensorVariant
{
    /// <summary>Place of a variant in the order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The precision is float32.</exception>
    public static int IndexOf(GpuPrecision precision, bool vector, bool narrow)
    {
        var first = precision switch
        {
            GpuPrecision.Tf32 => 0,
            GpuPrecision.Bf16 => 4,
            GpuPrecision.Fp16 => 8,
            _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "tensor cores do not multiply float32"),
        };
        return first + (vector ? 0 : 2) + (narrow ? 1 : 0);
    }
}
