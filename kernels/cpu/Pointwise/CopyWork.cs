using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = x.</summary>
internal readonly unsafe struct CopyWork(float* x, float* y, long length) : IChunkedWork
{
    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        Buffer.MemoryCopy(x + start, y + start, count * sizeof(float), count * sizeof(float));
    }
}
