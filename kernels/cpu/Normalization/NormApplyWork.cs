using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// Second pass of instance normalisation: z = gamma·rstd·(x − mean) + beta; y = z &gt; 0 ? z : slope·z. The mean is subtracted first, so
/// that a large mean costs no precision. y may be x.
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
        for (var c = 0; c < channels; c += lanes)
        {
            float* source = x + first + c, target = y + first + c;
            var statistics = (sample * channels) + c;
            var centre = TLanes.Load(mean + statistics);
            var factor = TLanes.Multiply(TLanes.Load(gamma + c), TLanes.Load(rstd + statistics));
            var shift = TLanes.Load(beta + c);
            var width = (int)Math.Min(lanes, channels - c);
            for (var i = count; i > 0; i--, source += channels, target += channels)
            {
                var z = TLanes.MultiplyAdd(factor, TLanes.Subtract(TLanes.Load(source), centre), shift);
                z = TLanes.SelectPositive(z, z, TLanes.Multiply(z, leak));
                if (width == lanes)
                {
                    TLanes.Store(target, z);
                }
                else
                {
                    TLanes.StoreFirst(target, z, width);
                }
            }
        }
    }
}
