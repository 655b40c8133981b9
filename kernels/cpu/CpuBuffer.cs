using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Cpu;

/// <summary>
/// Native memory, 64-byte aligned. Kernels may read (never write) up to <see cref="Slack"/> bytes behind the end, so that a last
/// partial vector needs no special load.
/// </summary>
internal sealed unsafe partial class CpuBuffer : DeviceBuffer
{
    /// <summary>Readable bytes behind the last element.</summary>
    public const int Slack = 4096;

    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    private float* pointer;

    public CpuBuffer(long length)
        : base(length)
    {
        var bytes = checked((nuint)length * sizeof(float)) + Slack;
        var large = bytes >= 2 * HugePage;
        pointer = (float*)NativeMemory.AlignedAlloc(bytes, large ? HugePage : 64);
        if (large && OperatingSystem.IsLinux())
        {
            // Advice only: fewer TLB misses where the kernel grants it.
            _ = Advise(pointer, bytes, AdviseHugePages);
        }

        // The slack takes part in arithmetic whose results are dropped; denormals or NaNs there would only cost time.
        NativeMemory.Clear((byte*)pointer + (bytes - Slack), Slack);
    }

    /// <summary>First element.</summary>
    /// <exception cref="ObjectDisposedException">The memory was freed.</exception>
    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(pointer is null, this);
            return pointer;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        NativeMemory.AlignedFree(pointer);
        pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
