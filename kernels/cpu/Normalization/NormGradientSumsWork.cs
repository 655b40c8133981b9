using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// First pass of the backward normalisation: A = Σd and B = Σd·x̂ per chunk and channel, with x̂ = (x − mean)·rstd, z = gamma·x̂ + beta
/// and d = dy·(z &gt; 0 ? 1 : slope). Sums of a chunk at 2·chunk·pitch (A) and behind them (B).
/// </summary>
internal readonly unsafe struct NormGradientSumsWork<TLanes, TVector>(
    float* dy, float* x, float* mean, float* rstd, float* gamma, float* beta, float slope, float* partial, int pitch, VoxelChunks chunks)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var sample = chunks.Range(chunk, out var first, out var count);
        nint channels = chunks.Channels;
        var leak = TLanes.Broadcast(slope);
        var target = partial + (2L * chunk * pitch);
        for (var c = 0; c < channels; c += TLanes.Count)
        {
            float* px = x + first + c, pg = dy + first + c;
            var statistics = (sample * channels) + c;
            TVector centre = TLanes.Load(mean + statistics), scale = TLanes.Load(rstd + statistics);
            TVector factor = TLanes.Load(gamma + c), shift = TLanes.Load(beta + c);
            TVector a = TLanes.Zero, b = TLanes.Zero;
            for (var i = count; i > 0; i--, px += channels, pg += channels)
            {
                var hat = TLanes.Multiply(TLanes.Subtract(TLanes.Load(px), centre), scale);
                var z = TLanes.MultiplyAdd(factor, hat, shift);
                var g = TLanes.Load(pg);
                var d = TLanes.SelectPositive(z, g, TLanes.Multiply(g, leak));
                a = TLanes.Add(a, d);
                b = TLanes.MultiplyAdd(d, hat, b);
            }

            TLanes.Store(target + c, a);
            TLanes.Store(target + pitch + c, b);
        }
    }
}
