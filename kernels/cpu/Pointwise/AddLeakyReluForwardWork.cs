using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = leaky(a + b).</summary>
internal readonly unsafe struct AddLeakyReluForwardWork<TLanes, TVector>(float* a, float* b, float slope, float* y, long length)
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
            TLanes.Store(y + start + i, One(start + i, vs));
        }

        if (i < count)
        {
            TLanes.StoreFirst(y + start + i, One(start + i, vs), count - i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TVector One(long i, TVector vs) =>
        Leaky(TLanes.Add(TLanes.Load(a + i), TLanes.Load(b + i)), vs);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Leaky(TVector z, TVector vs) => TLanes.SelectPositive(z, z, TLanes.Multiply(z, vs));
}
