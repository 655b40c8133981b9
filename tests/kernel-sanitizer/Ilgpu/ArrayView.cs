using System.Runtime.CompilerServices;
using ILGPU.Runtime;
using SharpSeg.KernelSanitizer;

namespace ILGPU;

/// <summary>
/// A window on device or shared memory. ILGPU's indexer returns a reference; here reading and writing are apart, so that the
/// sanitizer can tell them from each other. Whatever compiles here compiles there.
/// </summary>
/// <typeparam name="T">Element type; its size is a multiple of four bytes.</typeparam>
public readonly struct ArrayView<T> : IContiguousArrayView<T>
    where T : unmanaged
{
    private readonly CheckedMemory? memory;
    private readonly long offset;

    internal ArrayView(CheckedMemory memory, long offsetInBytes, long length)
    {
        this.memory = memory;
        offset = offsetInBytes;
        Length = length;
    }

    /// <summary>A view of nothing.</summary>
    public static ArrayView<T> Empty => default;

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>Length in bytes.</summary>
    public long LengthInBytes => Length * Unsafe.SizeOf<T>();

    /// <summary>Whether there is memory behind the view.</summary>
    public bool IsValid => memory is not null && Length > 0;

    /// <inheritdoc/>
    CheckedMemory? IContiguousArrayView<T>.Memory => memory;

    /// <inheritdoc/>
    long IContiguousArrayView<T>.OffsetInBytes => offset;

    /// <summary>Element access from a kernel.</summary>
    public T this[int index]
    {
        get => this[(long)index];
        set => this[(long)index] = value;
    }

    /// <summary>Element access from a kernel.</summary>
    public T this[long index]
    {
        get => InBounds(index).Read<T>(offset + (index * Unsafe.SizeOf<T>()));
        set => InBounds(index).Write(offset + (index * Unsafe.SizeOf<T>()), value);
    }

    /// <summary>The elements from <paramref name="index"/> on.</summary>
    public ArrayView<T> SubView(long index) => SubView(index, Length - index);

    /// <summary>A part of this view.</summary>
    public ArrayView<T> SubView(long index, long length)
    {
        if (index < 0 || length < 0 || index + length > Length)
        {
            throw KernelFaultException.OutOfBounds($"a sub-view of {length} elements at {index}", Length, memory);
        }

        return new ArrayView<T>(memory!, offset + (index * Unsafe.SizeOf<T>()), length);
    }

    /// <summary>
    /// The same memory as elements of another type. Sixteen-byte elements must start on a multiple of sixteen bytes.
    /// </summary>
    public ArrayView<TOther> Cast<TOther>()
        where TOther : unmanaged
    {
        if (offset % Unsafe.SizeOf<TOther>() != 0)
        {
            throw KernelFaultException.Misaligned(typeof(TOther), offset, memory);
        }

        return new ArrayView<TOther>(memory!, offset, LengthInBytes / Unsafe.SizeOf<TOther>());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private CheckedMemory InBounds(long index) => (ulong)index < (ulong)Length
        ? memory!
        : throw KernelFaultException.OutOfBounds($"element {index}", Length, memory);
}
