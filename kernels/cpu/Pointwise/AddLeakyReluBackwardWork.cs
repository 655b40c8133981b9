using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>d = dy·(y &gt; 0 ? 1 : slope).</summary>
internal readonly unsafe struct AddLeakyReluBackwardWork<TLanes, TVector>(float* dy, float* y, float slope, float* d, long length)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        var lanes = TLanes.Count;
        var vs = TLanes.Broadcast(slope);
        int i;
        for (i = 0; i + lanes <= count; i += lanes)
        {
            TLanes.Store(d + start + i, One(start + i, vs));
        }

        if (i < count)
        {
            TLanes.StoreFirst(d + start + i, One(start + i, vs), count - i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TVector One(long i, TVector vs) =>
        Scale(TLanes.Load(dy + i), TLanes.Load(y + i), vs);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Scale(TVector g, TVector vy, TVector vs) => TLanes.SelectPositive(vy, g, TLanes.Multiply(g, vs));
}
