using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>
/// Adds one weighted tile to a volume: sum[origin + i, c] += w[i]·tile[i, c], weightSum[origin + i] += w[i]. A chunk is one row of the
/// tile. Each value is touched once, so that threads share nothing.
/// </summary>
internal readonly unsafe struct BlendWork<TLanes, TVector>(
    float* tile, float* weights, Extent size, Extent origin, Extent volume, int channels, float* sum, float* weightSum) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        int y = chunk % size.Y, z = chunk / size.Y;
        var voxel = ((((long)(origin.Z + z) * volume.Y) + origin.Y + y) * volume.X) + origin.X;
        float* w = weights + ((long)chunk * size.X), values = tile + ((long)chunk * size.X * channels);
        float* target = sum + (voxel * channels), total = weightSum + voxel;
        for (var x = 0; x < size.X; x++, values += channels, target += channels)
        {
            total[x] += w[x];
            if (channels < TLanes.Count)
            {
                for (var c = 0; c < channels; c++)
                {
                    target[c] += w[x] * values[c];
                }

                continue;
            }

            var factor = TLanes.Broadcast(w[x]);
            for (var c = 0; c < channels; c += TLanes.Count)
            {
                TLanes.StoreFirst(
                    target + c,
                    TLanes.MultiplyAdd(factor, TLanes.Load(values + c), TLanes.Load(target + c)),
                    Math.Min(TLanes.Count, channels - c));
            }
        }
    }
}
