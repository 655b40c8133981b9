namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Nearest neighbour with half-pixel centres, in integers (docs/method/losses-and-optimisers.md §5).</summary>
internal static class NearestIndex
{
    /// <summary>Source index ⌊(2o + 1)·n/(2m)⌋ of output o: factor 2 picks 1, 3, 5, …</summary>
    /// <param name="output">o, below <paramref name="m"/>.</param>
    /// <param name="n">Input size.</param>
    /// <param name="m">Output size.</param>
    public static int Of(int output, int n, int m) => (int)(((2L * output) + 1) * n / (2L * m));
}
