using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// First pass of the backward normalisation: A = Σd and B = Σd·x̂ per chunk and channel, with x̂ = (x − mean)·rstd, z = gamma·x̂
/// + beta and d = dy·(z &gt; 0 ? 1 : slope). Sums of a chunk at 2·chunk·pitch (A) and behind them (B).
/// </summary>
internal readonly unsafe struct NormGradientSumsWork<TLanes, TVector>(
    float* dy, float* x, float* mean, float* rstd, float* gamma, float* beta, float slope, float* partial, int pitch,
    VoxelChunks chunks)
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
        var lanes = TLanes.Count;
        for (var c = 0; c < channels; c += 2 * lanes)
        {
            // Lanes behind the last channel sum values of the next voxel; those sums are never read.
            float* px = x + first + c, pg = dy + first + c;
            var statistics = (sample * channels) + c;
            TVector centre0 = TLanes.Load(mean + statistics), centre1 = TLanes.Load(mean + statistics + lanes);
            TVector scale0 = TLanes.Load(rstd + statistics), scale1 = TLanes.Load(rstd + statistics + lanes);
            TVector factor0 = TLanes.Load(gamma + c), factor1 = TLanes.Load(gamma + c + lanes);
            TVector shift0 = TLanes.Load(beta + c), shift1 = TLanes.Load(beta + c + lanes);
            TVector a0 = TLanes.Zero, a1 = TLanes.Zero, b0 = TLanes.Zero, b1 = TLanes.Zero;
            for (var i = count; i > 0; i--, px += channels, pg += channels)
            {
                var hat0 = TLanes.Multiply(TLanes.Subtract(TLanes.Load(px), centre0), scale0);
                var hat1 = TLanes.Multiply(TLanes.Subtract(TLanes.Load(px + lanes), centre1), scale1);
                TVector g0 = TLanes.Load(pg), g1 = TLanes.Load(pg + lanes);
                var d0 = TLanes.SelectPositive(TLanes.MultiplyAdd(factor0, hat0, shift0), g0, TLanes.Multiply(g0, leak));
                var d1 = TLanes.SelectPositive(TLanes.MultiplyAdd(factor1, hat1, shift1), g1, TLanes.Multiply(g1, leak));
                a0 = TLanes.Add(a0, d0);
                a1 = TLanes.Add(a1, d1);
                b0 = TLanes.MultiplyAdd(d0, hat0, b0);
                b1 = TLanes.MultiplyAdd(d1, hat1, b1);
            }

            TLanes.Store(target + c, a0);
            TLanes.Store(target + c + lanes, a1);
            TLanes.Store(target + pitch + c, b0);
            TLanes.Store(target + pitch + c + lanes, b1);
        }
    }
}
