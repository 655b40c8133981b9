namespace SharpSeg.KernelSanitizer;

/// <summary>What the threads of a warp gave to one exchange.</summary>
/// <param name="lanes">All threads of the group.</param>
/// <param name="start">First thread of the warp.</param>
/// <param name="count">Threads of the warp.</param>
/// <param name="turn">Which of the last two exchanges.</param>
internal readonly struct WarpWords(List<Lane> lanes, int start, int count, int turn)
{
    /// <summary>Threads of the warp.</summary>
    internal int Count => count;

    /// <summary>The word of one thread.</summary>
    internal uint this[int laneInWarp] => lanes[start + laneInWarp].Given[turn];
}
