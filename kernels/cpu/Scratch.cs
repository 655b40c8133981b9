using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu;

/// <summary>
/// Working memory of the kernels that outlives a call: it grows to the largest need seen and is then reused, so that a training
/// step allocates nothing. Counted in the backend's bytes.
/// </summary>
/// <param name="backend">Gives the memory; null gives none, and counts what would be taken.</param>
internal sealed unsafe class Scratch(Backend? backend)
{
    /// <summary>4 MiB: large enough for huge pages, so that packed weights and slabs do not exhaust the TLB.</summary>
    private const long Granularity = 1 << 20;

    /// <summary>The same in bytes: the least that is taken.</summary>
    public const long GranularityBytes = Granularity * sizeof(float);

    private CpuBuffer? buffer;
    private long length;

    /// <summary>Taken so far, or what would be.</summary>
    public long Bytes => length * sizeof(float);

    /// <summary>
    /// At least <paramref name="wanted"/> floats, contents undefined; invalidates what was handed out before. Null where memory
    /// is only counted.
    /// </summary>
    public float* Reserve(long wanted)
    {
        if (length < wanted)
        {
            Release();
            var whole = (wanted + Granularity - 1) / Granularity * Granularity;
            buffer = (CpuBuffer?)backend?.Allocate(whole);
            length = whole;
        }

        return buffer is null ? null : buffer.Pointer;
    }

    /// <summary>Frees the memory.</summary>
    public void Release()
    {
        if (buffer is not null)
        {
            backend!.Free(buffer);
            (buffer, length) = (null, 0);
        }
    }
}
