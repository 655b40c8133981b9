namespace SharpSeg.KernelSanitizer;

/// <summary>The kinds of mistakes that the sanitizer sees.</summary>
public enum KernelFault
{
    /// <summary>An element outside a view, or a view outside its parent.</summary>
    OutOfBounds,

    /// <summary>A wide element at an address that is not a multiple of its size.</summary>
    Misaligned,

    /// <summary>Shared memory read before anybody in the group has written it.</summary>
    UnwrittenSharedMemory,

    /// <summary>Two threads of a group touch an element between two barriers, and at least one of them writes.</summary>
    Race,

    /// <summary>Two groups of a launch touch an element of global memory, and at least one of them writes.</summary>
    RaceBetweenGroups,

    /// <summary>A barrier, or an exchange inside a warp, that not all threads reach.</summary>
    DivergentBarrier,

    /// <summary>Memory used after it was freed.</summary>
    UseAfterFree,

    /// <summary>A launch that no GPU accepts, or threads that ask for different shared memory.</summary>
    InvalidLaunch,
}
