using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Sums over voxels per channel (the bias gradient): partial sums of 1024 voxels or fewer in float32, added by the caller in float64 in order.
/// </summary>
internal readonly unsafe struct ChannelSumWork<TLanes, TVector>(float* x, long voxels, int channels, int voxelsPerChunk, float* partial, int pitch)
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
            TVector even = TLanes.Zero, odd = TLanes.Zero;
            var i = 0;
            for (; i + 2 <= count; i += 2, p += 2 * (nint)channels)
            {
                even = TLanes.Add(even, TLanes.Load(p));
                odd = TLanes.Add(odd, TLanes.Load(p + channels));
            }

            if (i < count)
            {
                even = TLanes.Add(even, TLanes.Load(p));
            }

            TLanes.Store(partial + ((long)chunk * pitch) + c, TLanes.Add(even, odd));
        }
    }
}
