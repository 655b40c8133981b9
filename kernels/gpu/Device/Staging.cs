using ILGPU.Runtime;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// Page-locked host memory for uploads, so that a batch is copied while kernels run. A ring: what was handed out may be reused
/// only after the stream was waited for, so the ring asks for that whenever it wraps around.
/// </summary>
internal sealed class Staging(Accelerator accelerator) : IDisposable
{
    private const int Capacity = 4 << 20;                 // elements, 16 MiB; larger copies go in pieces
    private PageLockedArray1D<float>? memory;
    private int used;

    /// <summary>Elements that one piece may have.</summary>
    public static int LargestPiece => Capacity / 2;

    /// <summary>Room for one piece that no pending copy reads from.</summary>
    public Span<float> Rent(int length, AcceleratorStream stream)
    {
        memory ??= accelerator.AllocatePageLocked1D<float>(Capacity);
        if (used + length > Capacity)
        {
            stream.Synchronize();
            used = 0;
        }

        var piece = memory.Span.Slice(used, length);
        used += length;
        return piece;
    }

    /// <summary>The stream has been waited for: all of the ring is free.</summary>
    public void Reset() => used = 0;

    /// <inheritdoc/>
    public void Dispose() => memory?.Dispose();
}
