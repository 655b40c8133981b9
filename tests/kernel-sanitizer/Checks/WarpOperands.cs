namespace SharpSeg.KernelSanitizer;

/// <summary>The operands that the threads of a warp gave to one product.</summary>
/// <param name="words">Words of many products.</param>
/// <param name="first">Where those of this one begin.</param>
internal readonly struct WarpOperands(uint[] words, int first)
{
    /// <summary>A word of a thread: 0 to 3 of a, 4 and 5 of b.</summary>
    internal uint this[int laneInWarp, int word] => words[first + (laneInWarp * WarpProducts.WordsPerLane) + word];
}
