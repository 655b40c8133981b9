namespace ILGPU.Runtime;

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
