using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Second pass of instance normalisation: z = gamma·rstd·(x − mean) + beta; y = z &gt; 0 ? z : slope·z. The mean is subtracted
/// first, so that a large mean costs no precision. y may be x. Two vectors of channels are processed at a time: pairs of cache
/// lines, fewer sweeps.
/// </summary>
internal readonly unsafe struct NormApplyWork<TLanes, TVector>(
    float* x, float* mean, float* rstd, float* gamma, float* beta, float slope, float* y, VoxelChunks chunks) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var sample = chunks.Range(chunk, out var first, out var count);
        nint channels = chunks.Channels;
        var lanes = TLanes.Count;
        var leak = TLanes.Broadcast(slope);
        nint c = 0;
        for (; c + (2 * lanes) <= channels; c += 2 * lanes)
        {
            float* source = x + first + c, target = y + first + c;
            var statistics = (sample * channels) + c;
            TVector centre0 = TLanes.Load(mean + statistics), centre1 = TLanes.Load(mean + statistics + lanes);
            var factor0 = TLanes.Multiply(TLanes.Load(gamma + c), TLanes.Load(rstd + statistics));
            var factor1 = TLanes.Multiply(TLanes.Load(gamma + c + lanes), TLanes.Load(rstd + statistics + lanes));
            TVector shift0 = TLanes.Load(beta + c), shift1 = TLanes.Load(beta + c + lanes);
            for (var i = count; i > 0; i--, source += channels, target += channels)
            {
                TLanes.Store(target, One(TLanes.Load(source), centre0, factor0, shift0, leak));
                TLanes.Store(target + lanes, One(TLanes.Load(source + lanes), centre1, factor1, shift1, leak));
            }
        }

        for (; c < channels; c += lanes)
        {
            float* source = x + first + c, target = y + first + c;
            var statistics = (sample * channels) + c;
            var centre = TLanes.Load(mean + statistics);
            var factor = TLanes.Multiply(TLanes.Load(gamma + c), TLanes.Load(rstd + statistics));
            var shift = TLanes.Load(beta + c);
            var width = (int)Math.Min(lanes, channels - c);
            for (var i = count; i > 0; i--, source += channels, target += channels)
            {
                TLanes.StoreFirst(target, One(TLanes.Load(source), centre, factor, shift, leak), width);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector One(TVector x, TVector centre, TVector factor, TVector shift, TVector leak)
    {
        var z = TLanes.MultiplyAdd(factor, TLanes.Subtract(x, centre), shift);
        return TLanes.SelectPositive(z, z, TLanes.Multiply(z, leak));
    }
}
