using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Scratch memory that is kept between samples and grows to the largest request. It never moves, and begins with a cache line.
/// </summary>
internal sealed unsafe class GrowingBuffer<T>
    where T : unmanaged
{
    private const int Line = 64; // bytes

    private T[] array = [];

    /// <summary>At least so many elements, with arbitrary contents; invalidates what was handed out before.</summary>
    public T* Take(int length)
    {
        var wanted = checked(length + (Line / sizeof(T)));
        if (array.Length < wanted)
        {
            array = GC.AllocateUninitializedArray<T>(wanted, pinned: true);
        }

        var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
        return (T*)((start + Line - 1) / Line * Line);
    }
}
