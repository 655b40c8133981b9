namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>Rows of values, cut into chunks that are long enough to make up for claiming them.</summary>
internal static class RowChunks
{
    private const int Values = 1 << 14;

    /// <summary>Number of chunks.</summary>
    public static int Count(int rows, int valuesPerRow) => (rows + Each(valuesPerRow) - 1) / Each(valuesPerRow);

    /// <summary>The rows (first, end) of a chunk.</summary>
    public static (int First, int End) Range(int chunk, int rows, int valuesPerRow) =>
        (chunk * Each(valuesPerRow), Math.Min((chunk + 1) * Each(valuesPerRow), rows));

    private static int Each(int valuesPerRow) => Math.Max(1, Values / valuesPerRow);
}
