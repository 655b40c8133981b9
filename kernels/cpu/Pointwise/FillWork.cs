using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = value.</summary>
internal readonly unsafe struct FillWork(float* y, float value, long length) : IChunkedWork
{
    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        new Span<float>(y + start, count).Fill(value);
    }
}
