using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Second pass of the backward normalisation: dx = gamma·rstd·(d − A/V − x̂·B/V), everything from x again, so that neither x̂ nor y
/// needs to be kept. dx may be dy. <c>averages</c> holds A/V per (n, c) and, <c>averagesPitch</c> floats on, B/V.
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
        for (var c = 0; c < channels; c += lanes)
        {
            float* px = x + first + c, pg = dy + first + c, pd = dx + first + c;
            var statistics = (sample * channels) + c;
            TVector centre = TLanes.Load(mean + statistics), scale = TLanes.Load(rstd + statistics);
            TVector factor = TLanes.Load(gamma + c), shift = TLanes.Load(beta + c);
            TVector a = TLanes.Load(averages + statistics), b = TLanes.Load(averages + averagesPitch + statistics);
            var outer = TLanes.Multiply(factor, scale);
            var width = (int)Math.Min(lanes, channels - c);
            for (var i = count; i > 0; i--, px += channels, pg += channels, pd += channels)
            {
                var hat = TLanes.Multiply(TLanes.Subtract(TLanes.Load(px), centre), scale);
                var z = TLanes.MultiplyAdd(factor, hat, shift);
                var g = TLanes.Load(pg);
                var d = TLanes.SelectPositive(z, g, TLanes.Multiply(g, leak));
                d = TLanes.Multiply(outer, TLanes.Subtract(TLanes.Subtract(d, a), TLanes.Multiply(hat, b)));
                if (width == lanes)
                {
                    TLanes.Store(pd, d);
                }
                else
                {
                    TLanes.StoreFirst(pd, d, width);
                }
            }
        }
    }
}
