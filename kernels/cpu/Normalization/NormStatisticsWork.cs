using System.Runtime.CompilerServices;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Normalization;

/// <summary>
/// First pass of instance normalisation: mean and centred sum of squares per chunk and channel, reading x once. Values are
/// shifted by the chunk's first voxel K: mean = K + S1/m, M2 = S2 − S1²/m with S1 = Σ(x − K), S2 = Σ(x − K)². The shift keeps the
/// subtraction harmless however far the mean is from 0. Chunks are merged by <see cref="Merge"/> (Chan, Golub, LeVeque 1979).
/// </summary>
internal readonly unsafe struct NormStatisticsWork<TLanes, TVector>(float* x, VoxelChunks chunks, float* partial, int pitch)
    : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Means of a chunk at 2·chunk·pitch, M2 behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Merge(
        float* partial, VoxelChunks chunks, int pitch, int sample, int c, float epsilon, out float mean, out float rstd)
    {
        double total = 0, average = 0, m2 = 0;
        var first = sample * chunks.PerSample;
        for (var chunk = first; chunk < first + chunks.PerSample; chunk++)
        {
            chunks.Range(chunk, out _, out var count);
            var p = partial + (2L * chunk * pitch) + c;
            var delta = p[0] - average;
            var sum = total + count;
            average += delta * (count / sum);
            m2 += p[pitch] + (delta * delta * (total * count / sum));
            total = sum;
        }

        mean = (float)average;
        rstd = (float)(1 / Math.Sqrt((m2 / total) + epsilon));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        chunks.Range(chunk, out var first, out var count);
        nint channels = chunks.Channels;
        var lanes = TLanes.Count;
        var scale = TLanes.Broadcast(1f / count);
        var target = partial + (2L * chunk * pitch);
        for (var c = 0; c < channels; c += 2 * lanes)
        {
            var p = x + first + c;
            TVector k0 = TLanes.Load(p), k1 = TLanes.Load(p + lanes);
            TVector s0 = TLanes.Zero, s1 = TLanes.Zero, q0 = TLanes.Zero, q1 = TLanes.Zero;
            for (var i = count; i > 0; i--, p += channels)
            {
                TVector d0 = TLanes.Subtract(TLanes.Load(p), k0), d1 = TLanes.Subtract(TLanes.Load(p + lanes), k1);
                s0 = TLanes.Add(s0, d0);
                s1 = TLanes.Add(s1, d1);
                q0 = TLanes.MultiplyAdd(d0, d0, q0);
                q1 = TLanes.MultiplyAdd(d1, d1, q1);
            }

            TVector m0 = TLanes.Multiply(s0, scale), m1 = TLanes.Multiply(s1, scale);
            TLanes.Store(target + c, TLanes.Add(k0, m0));
            TLanes.Store(target + c + lanes, TLanes.Add(k1, m1));
            TLanes.Store(target + pitch + c, TLanes.Max(TLanes.Zero, TLanes.Subtract(q0, TLanes.Multiply(s0, m0))));
            TLanes.Store(target + pitch + c + lanes, TLanes.Max(TLanes.Zero, TLanes.Subtract(q1, TLanes.Multiply(s1, m1))));
        }
    }
}
