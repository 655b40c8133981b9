using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Second pass of the backward normalisation: dx = gamma·rstd·(d − A/V − x̂·B/V), everything is recomputed from x, so that
/// neither x̂ nor y needs to be kept. dx may be dy. <c>averages</c> holds A/V per (n, c) and, <c>averagesPitch</c> floats on,
/// B/V.
/// </summary>
internal readonly unsafe struct NormGradientWork<TLanes, TVector>(
    float* dy, float* x, float* mean, float* rstd, float* gamma, float* beta, float slope,
    float* averages, long averagesPitch, float* dx, VoxelChunks chunks) : IChunkedWork
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
            float* px = x + first + c, pg = dy + first + c, pd = dx + first + c;
            var at = (sample * channels) + c;
            TVector centre0 = TLanes.Load(mean + at), centre1 = TLanes.Load(mean + at + lanes);
            TVector scale0 = TLanes.Load(rstd + at), scale1 = TLanes.Load(rstd + at + lanes);
            TVector factor0 = TLanes.Load(gamma + c), factor1 = TLanes.Load(gamma + c + lanes);
            TVector shift0 = TLanes.Load(beta + c), shift1 = TLanes.Load(beta + c + lanes);
            TVector a0 = TLanes.Load(averages + at), a1 = TLanes.Load(averages + at + lanes);
            TVector b0 = TLanes.Load(averages + averagesPitch + at), b1 = TLanes.Load(averages + averagesPitch + at + lanes);
            TVector outer0 = TLanes.Multiply(factor0, scale0), outer1 = TLanes.Multiply(factor1, scale1);
            for (var i = count; i > 0; i--, px += channels, pg += channels, pd += channels)
            {
                var d0 = One(TLanes.Load(px), TLanes.Load(pg), centre0, scale0, factor0, shift0, a0, b0, outer0, leak);
                var d1 = One(
                    TLanes.Load(px + lanes), TLanes.Load(pg + lanes), centre1, scale1, factor1, shift1, a1, b1, outer1, leak);
                TLanes.Store(pd, d0);
                TLanes.Store(pd + lanes, d1);
            }
        }

        for (; c < channels; c += lanes)
        {
            float* px = x + first + c, pg = dy + first + c, pd = dx + first + c;
            var at = (sample * channels) + c;
            TVector centre = TLanes.Load(mean + at), scale = TLanes.Load(rstd + at);
            TVector factor = TLanes.Load(gamma + c), shift = TLanes.Load(beta + c);
            TVector a = TLanes.Load(averages + at), b = TLanes.Load(averages + averagesPitch + at);
            var outer = TLanes.Multiply(factor, scale);
            var width = (int)Math.Min(lanes, channels - c);
            for (var i = count; i > 0; i--, px += channels, pg += channels, pd += channels)
            {
                TLanes.StoreFirst(
                    pd, One(TLanes.Load(px), TLanes.Load(pg), centre, scale, factor, shift, a, b, outer, leak), width);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector One(
        TVector x, TVector g, TVector centre, TVector scale, TVector factor, TVector shift, TVector a, TVector b, TVector outer,
        TVector leak)
    {
        var hat = TLanes.Multiply(TLanes.Subtract(x, centre), scale);
        var d = TLanes.SelectPositive(TLanes.MultiplyAdd(factor, hat, shift), g, TLanes.Multiply(g, leak));
        return TLanes.Multiply(outer, TLanes.Subtract(TLanes.Subtract(d, a), TLanes.Multiply(hat, b)));
    }
}
