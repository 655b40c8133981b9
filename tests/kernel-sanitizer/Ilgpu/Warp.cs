using System.Runtime.CompilerServices;
using SharpSeg.KernelSanitizer;

namespace ILGPU;

/// <summary>The running thread's place in its warp of 32 threads, and the exchanges inside a warp.</summary>
public static class Warp
{
    /// <summary>Threads of a warp.</summary>
    public static int WarpSize => GroupRun.WarpSize;

    /// <summary>Position of this thread in its warp.</summary>
    public static int LaneIdx => Lane.Here.Index % GroupRun.WarpSize;

    /// <summary>Waits for every thread of the warp.</summary>
    public static void Barrier([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        Exchange(0f, Lane.Here.Index % GroupRun.WarpSize, new SourceLine(file, line));

    /// <summary>
    /// The value of the thread <paramref name="delta"/> places higher; a thread without such a neighbour gets its own.
    /// </summary>
    public static T ShuffleDown<T>(T variable, int delta, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
        where T : unmanaged =>
        Exchange(variable, LaneIdx + delta, new SourceLine(file, line));

    /// <summary>The value of the thread whose number differs in the bits of <paramref name="mask"/>.</summary>
    public static T ShuffleXor<T>(T variable, int mask, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
        where T : unmanaged =>
        Exchange(variable, LaneIdx ^ mask, new SourceLine(file, line));

    private static T Exchange<T>(T variable, int source, SourceLine site)
        where T : unmanaged
    {
        var lane = Lane.Here;
        var bits = Unsafe.SizeOf<T>() == sizeof(uint)
            ? Unsafe.BitCast<T, uint>(variable)
            : throw new NotSupportedException($"a shuffle of {typeof(T)}: the sanitizer exchanges 32-bit values only");
        var warp = lane.Group.Collective(lane, site, bits);
        var from = source >= 0 && source < GroupRun.WarpSize && source < warp.Count ? source : lane.Index % GroupRun.WarpSize;
        return Unsafe.BitCast<uint, T>(warp[from]);
    }
}
