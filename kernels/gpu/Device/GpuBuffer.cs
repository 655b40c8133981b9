using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>Device memory as the engine sees it.</summary>
internal sealed class GpuBuffer(MemoryBuffer1D<float, Stride1D.Dense> memory, long length) : DeviceBuffer(length)
{
    /// <summary>A part of the memory, as kernels see it.</summary>
    public ArrayView<float> View(long offset, long length) => memory.AsContiguous().SubView(offset, length);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                memory.Dispose();
            }
            catch (AcceleratorException)
            {
                // The device is lost and its memory with it; the failure that reported it is on its way to the user.
            }
        }
    }
}
