using SharpSeg.KernelSanitizer;

namespace ILGPU;

/// <summary>Memory that the threads of a group share.</summary>
public static class SharedMemory
{
    /// <summary>
    /// The group's next block of <paramref name="extent"/> elements. All threads call this in the same order with the same
    /// extents and see the same memory, which holds nothing yet: reading an element that nobody has written is reported.
    /// </summary>
    public static ArrayView<T> Allocate<T>(int extent)
        where T : unmanaged =>
        Lane.Here.Group.AllocateShared<T>(Lane.Here, extent);
}
