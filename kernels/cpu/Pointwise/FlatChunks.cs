namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>
/// Cuts a flat run of elements into chunks of 64 Ki elements (256 KiB: a share of a core's second-level cache).
/// </summary>
internal static class FlatChunks
{
    /// <summary>Elements per chunk.</summary>
    public const int Size = 1 << 16;

    /// <summary>Number of chunks.</summary>
    public static int Count(long length) => checked((int)((length + Size - 1) / Size));

    /// <summary>First element of a chunk, and how many follow.</summary>
    public static long Range(int chunk, long length, out int count)
    {
        var start = (long)chunk * Size;
        count = (int)Math.Min(Size, length - start);
        return start;
    }
}
