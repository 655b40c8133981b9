using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu;

public static partial class Gpu
{
    /// <summary>Runs every self-check on an open GPU: each fast variant of each operation beside the plain kernel.</summary>
    /// <param name="backend">What <see cref="Open"/> returned.</param>
    /// <exception cref="ArgumentException">The backend is not a GPU's.</exception>
    public static IReadOnlyList<GpuCheckResult> Check(Backend backend)
    {
        var gpu = backend as GpuBackend ?? throw new ArgumentException($"{backend.Name} is not a GPU opened here", nameof(backend));
        var tensorCores = gpu.Precision != GpuPrecision.Fp32;
        return
        [
            .. VariantSelfCheck.Operations.Select(o => new GpuCheckResult(
                o, GpuBackend.FastVariant, VariantSelfCheck.Agrees(gpu, o, GpuBackend.FastVariant))),
            .. VariantSelfCheck.TensorOperations.Where(_ => tensorCores).Select(o => new GpuCheckResult(
                o, GpuBackend.TensorVariant, VariantSelfCheck.Agrees(gpu, o, GpuBackend.TensorVariant))),
        ];
    }
}
