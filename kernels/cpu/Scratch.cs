using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu;

/// <summary>
/// Working memory of the kernels that outlives a call: it grows to the largest need seen and is then reused, so that a training
/// step allocates nothing. Counted in the backend's bytes.
/// </summary>
internal sealed unsafe class Scratch(Backend backend)
{
    /// <summary>4 MiB: large enough for huge pages, so that packed weights and slabs do not exhaust the TLB.</summary>
    private const long Granularity = 1 << 20;

    /// <summary>Bytes that memory is taken in multiples of.</summary>
    public const long GranularityBytes = Granularity * sizeof(float);

    private CpuBuffer? buffer;

    /// <summary>At least <paramref name="length"/> floats, contents undefined; invalidates what was handed out before.</summary>
    public float* Reserve(long length)
    {
        if (buffer is null || buffer.Length < length)
        {
            Release();
            buffer = (CpuBuffer)backend.Allocate((length + Granularity - 1) / Granularity * Granularity);
        }

        return buffer.Pointer;
    }

    /// <summary>Frees the memory.</summary>
    public void Release()
    {
        if (buffer is not null)
        {
            backend.Free(buffer);
            buffer = null;
        }
    }
}
