namespace SharpSeg.Kernels.Cpu.Threading;

/// <summary>
/// Work cut into numbered chunks that may run in any order, on any thread, each exactly once. The cut depends on sizes (and the
/// thread count) alone, so results do not depend on which thread ran which chunk.
/// </summary>
internal interface IChunkedWork
{
    /// <summary>Does one chunk.</summary>
    /// <param name="chunk">0 ≤ chunk &lt; number of chunks.</param>
    /// <param name="worker">0 ≤ worker &lt; number of threads; owns the scratch memory of that number meanwhile.</param>
    void Run(int chunk, int worker);
}
