using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Sums over voxels per channel (the bias gradient): partial sums of 1024 voxels or fewer in compensated float32 (Kahan 1965:
/// gradients nearly cancel), added by the caller in float64 in order.
/// </summary>
internal readonly unsafe struct ChannelSumWork<TLanes, TVector>(
    float* x, long voxels, int channels, int voxelsPerChunk, float* partial, int pitch)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var first = (long)chunk * voxelsPerChunk;
        var count = (int)Math.Min(voxelsPerChunk, voxels - first);
        var c = 0;
        for (; c + (2 * TLanes.Count) <= channels; c += 2 * TLanes.Count)
        {
            Two(x + (first * channels) + c, count, partial + ((long)chunk * pitch) + c);
        }

        for (; c < channels; c += TLanes.Count)
        {
            One(x + (first * channels) + c, count, partial + ((long)chunk * pitch) + c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void One(float* p, int count, float* sum)
    {
        TVector even = TLanes.Zero, odd = TLanes.Zero, lostEven = TLanes.Zero, lostOdd = TLanes.Zero;
        var i = 0;
        for (; i + 2 <= count; i += 2, p += 2 * (nint)channels)
        {
            Add(ref even, ref lostEven, TLanes.Load(p));
            Add(ref odd, ref lostOdd, TLanes.Load(p + channels));
        }

        if (i < count)
        {
            Add(ref even, ref lostEven, TLanes.Load(p));
        }

        Put(sum, even, odd, lostEven, lostOdd);
    }

    /// <summary>
    /// Two vectors of channels, in the same order as one: four chains of dependent additions hide their latency.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Two(float* p, int count, float* sum)
    {
        var lanes = TLanes.Count;
        TVector even = TLanes.Zero, odd = TLanes.Zero, lostEven = TLanes.Zero, lostOdd = TLanes.Zero;
        TVector even2 = TLanes.Zero, odd2 = TLanes.Zero, lostEven2 = TLanes.Zero, lostOdd2 = TLanes.Zero;
        var i = 0;
        for (; i + 2 <= count; i += 2, p += 2 * (nint)channels)
        {
            Add(ref even, ref lostEven, TLanes.Load(p));
            Add(ref even2, ref lostEven2, TLanes.Load(p + lanes));
            Add(ref odd, ref lostOdd, TLanes.Load(p + channels));
            Add(ref odd2, ref lostOdd2, TLanes.Load(p + channels + lanes));
        }

        if (i < count)
        {
            Add(ref even, ref lostEven, TLanes.Load(p));
            Add(ref even2, ref lostEven2, TLanes.Load(p + lanes));
        }

        Put(sum, even, odd, lostEven, lostOdd);
        Put(sum + lanes, even2, odd2, lostEven2, lostOdd2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* sum, TVector even, TVector odd, TVector lostEven, TVector lostOdd) =>
        TLanes.Store(sum, TLanes.Subtract(TLanes.Add(even, odd), TLanes.Add(lostEven, lostOdd)));

    /// <summary>sum += value, where <paramref name="lost"/> carries the accumulated rounding error.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref TVector sum, ref TVector lost, TVector value)
    {
        value = TLanes.Subtract(value, lost);
        var next = TLanes.Add(sum, value);
        lost = TLanes.Subtract(TLanes.Subtract(next, sum), value);
        sum = next;
    }
}
