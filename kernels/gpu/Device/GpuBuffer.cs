using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Device memory as the engine sees it.</summary>
/// <param name="memory">ILGPU's memory.</param>
/// <param name="length">Elements.</param>
/// <param name="releases">Where a failure to give it back is kept.</param>
internal sealed class GpuBuffer(MemoryBuffer1D<float, Stride1D.Dense> memory, long length, DeviceReleases releases)
    : DeviceBuffer(length)
{
    /// <summary>A part of the memory, as kernels see it.</summary>
    public ArrayView<float> View(long offset, long length) => memory.AsContiguous().SubView(offset, length);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            releases.Release(memory);
        }
    }
}
