using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>One thread per element, one-dimensional: the grid for it, and the element of a thread.</summary>
internal static class ElementIndex
{
    private const int GroupSize = 256; // threads; eight warps, of which every multiprocessor can hold several groups

    /// <summary>The element of the running thread; may lie beyond the last one.</summary>
    public static long Current => ((long)Grid.IdxX * Group.DimX) + Group.IdxX;

    /// <summary>
    /// <see cref="Current"/> of a launch by <see cref="OverSmall"/>, for kernels that divide it: 64-bit divisions are slow.
    /// </summary>
    public static int Small => (Grid.IdxX * Group.DimX) + Group.IdxX;

    /// <summary>A launch with at least one thread per element, of which there are fewer than 2³¹ − 256.</summary>
    public static KernelConfig OverSmall(long elements) => Over(checked((int)(elements + GroupSize)) - GroupSize);

    /// <summary>A launch with at least one thread per element.</summary>
    public static KernelConfig Over(long elements) =>
        new((Index1D)checked((int)((elements + GroupSize - 1) / GroupSize)), (Index1D)GroupSize);
}
