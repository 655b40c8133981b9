using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>
/// Adds one weighted tile to a volume: sum[origin + i, c] += w[i]·tile[i, c], weightSum[origin + i] += w[i]. A chunk is some rows of
/// the tile. Each value is touched once, so that threads share nothing.
/// </summary>
internal readonly unsafe struct BlendWork<TLanes, TVector>(
    float* tile, float* weights, Extent size, Extent origin, Extent volume, int channels, float* sum, float* weightSum) : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Number of chunks.</summary>
    public int Chunks => RowChunks.Count(size.Z * size.Y, size.X * channels);

    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        var table = stackalloc int[Spread<TLanes, TVector>.TableLength];
        if (channels < TLanes.Count)
        {
            Spread<TLanes, TVector>.Fill(table, channels);
        }

        var (first, end) = RowChunks.Range(chunk, size.Z * size.Y, size.X * channels);
        for (var row = first; row < end; row++)
        {
            Row(row, table);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row(int row, int* table)
    {
        int y = row % size.Y, z = row / size.Y;
        var voxel = ((((long)(origin.Z + z) * volume.Y) + origin.Y + y) * volume.X) + origin.X;
        float* w = weights + ((long)row * size.X), values = tile + ((long)row * size.X * channels);
        float* target = sum + (voxel * channels), total = weightSum + voxel;
        if (channels < TLanes.Count)
        {
            FewChannels(w, values, target, total, table);
            return;
        }

        for (var x = 0; x < size.X; x++, values += channels, target += channels)
        {
            total[x] += w[x];
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FewChannels(float* w, float* values, float* target, float* total, int* table)
    {
        var lanes = TLanes.Count;
        var x = 0;
        for (; x + lanes <= size.X; x += lanes)
        {
            var weight = TLanes.Load(w + x);
            TLanes.Store(total + x, TLanes.Add(TLanes.Load(total + x), weight));
            for (var j = 0; j < channels; j++, values += lanes, target += lanes)
            {
                var factor = TLanes.Permute(weight, table + (j * lanes));
                TLanes.Store(target, TLanes.MultiplyAdd(factor, TLanes.Load(values), TLanes.Load(target)));
            }
        }

        for (; x < size.X; x++)
        {
            total[x] += w[x];
            for (var c = 0; c < channels; c++, values++, target++)
            {
                *target += w[x] * *values;
            }
        }
    }
}
