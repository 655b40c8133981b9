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
        for (var c = 0; c < channels; c += TLanes.Count)
        {
            var p = x + (first * channels) + c;
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

            var lost = TLanes.Add(lostEven, lostOdd);
            TLanes.Store(partial + ((long)chunk * pitch) + c, TLanes.Subtract(TLanes.Add(even, odd), lost));
        }
    }

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
