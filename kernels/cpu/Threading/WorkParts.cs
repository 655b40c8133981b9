namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>How work is cut into parts of nearly the same size.</summary>
internal static class WorkParts
{
    /// <summary>The quotient, rounded up: how many parts of <paramref name="b"/> hold <paramref name="a"/> things.</summary>
    public static int Up(int a, int b) => (a + b - 1) / b;

    /// <inheritdoc cref="Up(int, int)"/>
    public static long Up(long a, long b) => (a + b - 1) / b;

    /// <summary>Cuts some things into at most as many parts as wanted; how many, and things per part.</summary>
    public static (int Parts, int PerPart) Cut(int things, int wanted)
    {
        var perPart = Up(things, Math.Clamp(wanted, 1, things));
        return (Up(things, perPart), perPart);
    }
}
