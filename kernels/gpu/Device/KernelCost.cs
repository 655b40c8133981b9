using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// What one launch moves and computes, by its kernel's own account, which stands where the kernel is named
/// (<see cref="GpuKernel{TLaunch}"/>) and follows from sizes alone: <see cref="IdleKernels"/> adds it up without a device.
/// </summary>
/// <param name="Read">Bytes of device memory that must be read: each element once, however many threads need it.</param>
/// <param name="Written">Bytes that are written.</param>
/// <param name="Asked">
/// Bytes that loads ask the caches for, where groups of threads read the same: voxels of a halo, weights. Never less than
/// <see cref="Read"/>; threads of one warp that read one address count once.
/// </param>
/// <param name="Flops">Floating-point operations of products; 0 where memory decides anyway.</param>
internal readonly record struct KernelCost(long Read, long Written, long Asked, long Flops)
{
    /// <summary>Bytes that must pass between device memory and the caches.</summary>
    public long Bytes => Read + Written;

    /// <summary>Of launches, one after the other.</summary>
    public static KernelCost operator +(KernelCost a, KernelCost b) =>
        new(a.Read + b.Read, a.Written + b.Written, a.Asked + b.Asked, a.Flops + b.Flops);

    /// <summary>A kernel that reads and writes every element of some arrays once.</summary>
    /// <param name="read">What it reads.</param>
    /// <param name="written">What it writes.</param>
    public static KernelCost Of(ReadOnlySpan<ArrayView<float>> read, ReadOnlySpan<ArrayView<float>> written) =>
        OfWords(Words(read), Words(written));

    /// <summary>The same in 32-bit words, of which some are asked for several times.</summary>
    public static KernelCost OfWords(long read, long written, long asked = 0, long flops = 0) =>
        new(sizeof(float) * read, sizeof(float) * written, sizeof(float) * Math.Max(read, asked), flops);

    private static long Words(ReadOnlySpan<ArrayView<float>> views)
    {
        var words = 0L;
        foreach (var view in views)
        {
            words += view.Length;
        }

        return words;
    }
}
