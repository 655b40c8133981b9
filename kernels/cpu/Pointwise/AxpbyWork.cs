using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Pointwise;

/// <summary>y = a·x + b·y; b = 0 never reads y.</summary>
internal readonly unsafe struct AxpbyWork<TLanes, TVector>(float a, float* x, float b, float* y, long length) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var start = FlatChunks.Range(chunk, length, out var count);
        var lanes = TLanes.Count;
        TVector va = TLanes.Broadcast(a), vb = TLanes.Broadcast(b);
        int i;
        for (i = 0; i + lanes <= count; i += lanes)
        {
            TLanes.Store(y + start + i, One(start + i, va, vb));
        }

        if (i < count)
        {
            TLanes.StoreFirst(y + start + i, One(start + i, va, vb), count - i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TVector One(long i, TVector va, TVector vb) =>
        b == 0
            ? TLanes.Multiply(va, TLanes.Load(x + i))
            : TLanes.MultiplyAdd(va, TLanes.Load(x + i), TLanes.Multiply(vb, TLanes.Load(y + i)));
}
