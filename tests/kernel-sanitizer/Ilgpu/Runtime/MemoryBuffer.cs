using SharpSeg.KernelSanitizer;

namespace ILGPU.Runtime;

/// <summary>How the elements of a one-dimensional view follow each other.</summary>
public static class Stride1D
{
    /// <summary>One after the other.</summary>
    public readonly struct Dense;
}

/// <summary>Device memory, freed by <see cref="Dispose"/>.</summary>
public abstract class MemoryBuffer : IDisposable
{
    /// <summary>Whether the memory was freed.</summary>
    public bool IsDisposed { get; private protected set; }

    /// <summary>Frees the memory.</summary>
    public abstract void Dispose();
}

/// <summary>A one-dimensional run of device memory.</summary>
/// <typeparam name="T">Element type.</typeparam>
/// <typeparam name="TStride">Always <see cref="Stride1D.Dense"/> here.</typeparam>
public sealed class MemoryBuffer1D<T, TStride> : MemoryBuffer
    where T : unmanaged
    where TStride : struct
{
    private readonly CheckedMemory memory;

    internal MemoryBuffer1D(CheckedMemory memory, long length)
    {
        this.memory = memory;
        Length = length;
    }

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>All elements.</summary>
    public ArrayView<T> AsContiguous() => new(memory, 0, Length);

    /// <inheritdoc/>
    public override void Dispose()
    {
        IsDisposed = true;
        memory.Free();
    }
}

/// <summary>Host memory that a device may copy from while the program goes on; here ordinary pinned memory.</summary>
/// <typeparam name="T">Element type.</typeparam>
public sealed class PageLockedArray1D<T> : IDisposable
    where T : unmanaged
{
    private readonly T[] array;

    internal PageLockedArray1D(long length) => array = GC.AllocateArray<T>(checked((int)length), pinned: true);

    /// <summary>The elements.</summary>
    public Span<T> Span => array;

    /// <summary>Number of elements.</summary>
    public long Length => array.Length;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

/// <summary>Allocation of page-locked memory.</summary>
public static class PageLockedArrayExtensions
{
    /// <summary>New page-locked memory.</summary>
    public static PageLockedArray1D<T> AllocatePageLocked1D<T>(this Accelerator accelerator, LongIndex1D extent)
        where T : unmanaged => new(extent.X);
}
