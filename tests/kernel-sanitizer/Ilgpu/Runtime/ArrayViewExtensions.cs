using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpSeg.KernelSanitizer;

namespace ILGPU.Runtime;

/// <summary>Copies between host and device, and from view to view. Here they are done when the call returns.</summary>
public static class ArrayViewExtensions
{
    /// <summary>Host to device.</summary>
    public static void CopyFromCPUUnsafeAsync<T, TView>(this TView target, AcceleratorStream stream, ref T cpuData, long length)
        where TView : IContiguousArrayView<T>
        where T : unmanaged
    {
        RequireLength(length, target.Length);
        MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref cpuData, checked((int)length)))
            .CopyTo(Bytes<T, TView>(target));
    }

    /// <summary>Device to host.</summary>
    public static void CopyToCPU<T, TView>(this TView source, AcceleratorStream stream, ref T cpuData, long length)
        where TView : IContiguousArrayView<T>
        where T : unmanaged
    {
        RequireLength(length, source.Length);
        Bytes<T, TView>(source)[..checked((int)length * Unsafe.SizeOf<T>())]
            .CopyTo(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref cpuData, (int)length)));
    }

    /// <summary>
    /// Promises a compiler that the view starts on a multiple of sixteen bytes, so that it may move sixteen at once.
    /// </summary>
    public static ArrayView<T> AsAligned16<T>(this ArrayView<T> view)
        where T : unmanaged =>
        Offset<T, ArrayView<T>>(view) % 16 == 0
            ? view
            : throw KernelFaultException.Misaligned(typeof(T), Offset<T, ArrayView<T>>(view), Memory<T, ArrayView<T>>(view));

    /// <summary>Device to device.</summary>
    public static void CopyTo<T>(this ArrayView<T> source, AcceleratorStream stream, in ArrayView<T> target)
        where T : unmanaged
    {
        RequireLength(source.Length, target.Length);
        Bytes<T, ArrayView<T>>(source).CopyTo(Bytes<T, ArrayView<T>>(target));
    }

    private static Span<byte> Bytes<T, TView>(TView view)
        where TView : IContiguousArrayView<T>
        where T : unmanaged =>
        view.Memory is { } memory ? memory.HostBytes(view.OffsetInBytes, view.Length * Unsafe.SizeOf<T>()) : default;

    private static long Offset<T, TView>(TView view)
        where TView : IContiguousArrayView<T>
        where T : unmanaged => view.OffsetInBytes;

    private static CheckedMemory? Memory<T, TView>(TView view)
        where TView : IContiguousArrayView<T>
        where T : unmanaged => view.Memory;

    private static void RequireLength(long length, long capacity)
    {
        if (length < 0 || length > capacity)
        {
            throw new ArgumentOutOfRangeException(
                nameof(length), length, $"a copy of {length} elements over a view of {capacity}");
        }
    }
}
