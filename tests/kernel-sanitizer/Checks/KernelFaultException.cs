namespace SharpSeg.KernelSanitizer;

/// <summary>
/// A kernel is wrong. The message names the kernel, the group and the thread, and what it did; the stack trace ends at the line.
/// </summary>
public sealed class KernelFaultException : Exception
{
    private KernelFaultException(KernelFault fault, string message)
        : base(message) => Fault = fault;

    /// <summary>What kind of mistake it is.</summary>
    public KernelFault Fault { get; }

    internal static KernelFaultException OutOfBounds(string what, long length, CheckedMemory? memory) =>
        new(KernelFault.OutOfBounds, $"{Where()}{what} of a view of {length} elements ({memory?.Name ?? "an empty view"})");

    internal static KernelFaultException Misaligned(Type type, long offset, CheckedMemory? memory) =>
        new(
            KernelFault.Misaligned,
            $"{Where()}{type.Name} at byte {offset} of {memory?.Name}, which is not a multiple of its size");

    internal static KernelFaultException Unwritten(CheckedMemory memory, long cell) =>
        new(KernelFault.UnwrittenSharedMemory, $"{Where()}reads 32-bit word {cell} of {memory.Name}, which nobody has written");

    internal static KernelFaultException Race(CheckedMemory memory, long cell, string what, int other) =>
        new(
            KernelFault.Race,
            $"{Where()}{what} 32-bit word {cell} of {memory.Name}, touched by {Who(other)} since the last barrier");

    internal static KernelFaultException RaceBetweenGroups(CheckedMemory memory, long cell, string what) =>
        new(
            KernelFault.RaceBetweenGroups,
            $"{Where()}{what} 32-bit word {cell} of {memory.Name}, touched by another group of the same launch");

    internal static KernelFaultException Divergent(string message) => new(KernelFault.DivergentBarrier, $"{Where()}{message}");

    internal static KernelFaultException UseAfterFree(string name) =>
        new(KernelFault.UseAfterFree, $"{Where()}{name} is used after it was freed");

    internal static KernelFaultException InvalidLaunch(string message) => new(KernelFault.InvalidLaunch, $"{Where()}{message}");

    private static string Where() => Lane.Current is { } lane
        ? $"kernel {lane.Group.Kernel}, group {Show(lane.Group.GridIndex)}, thread {Show(lane.ThreadIndex)}: "
        : string.Empty;

    private static string Show(ILGPU.Index3D index) => $"({index.X}, {index.Y}, {index.Z})";

    private static string Who(int lane) => lane == CheckedMemory.SeveralLanes ? "several threads" : $"thread number {lane}";
}

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
