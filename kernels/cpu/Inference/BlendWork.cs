using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Simd;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Inference;

/// <summary>
/// Adds one weighted tile to a volume: sum[origin + i, c] += w[i]·tile[i, c], weightSum[origin + i] += w[i], where origin + i
/// lies in the volume. A chunk is some rows of that part of the tile. Each value is touched once, so that threads share nothing.
/// How a voxel is rounded depends on its place in the tile alone: a volume and windows of it get the same bytes.
/// </summary>
internal readonly unsafe struct BlendWork<TLanes, TVector> : IChunkedWork
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    private readonly float* tile, weights, sum, weightSum;
    private readonly Extent size, origin, volume, first, part;
    private readonly int channels;

    /// <summary>Prepares the work.</summary>
    public BlendWork(
        float* tile, float* weights, Extent size, Extent origin, Extent volume, int channels, float* sum, float* weightSum)
    {
        this.tile = tile;
        this.weights = weights;
        this.sum = sum;
        this.weightSum = weightSum;
        (this.size, this.origin, this.volume, this.channels) = (size, origin, volume, channels);
        first = new Extent(Math.Max(0, -origin.Z), Math.Max(0, -origin.Y), Math.Max(0, -origin.X));
        part = new Extent(
            Math.Min(size.Z, volume.Z - origin.Z) - first.Z,
            Math.Min(size.Y, volume.Y - origin.Y) - first.Y,
            Math.Min(size.X, volume.X - origin.X) - first.X);
    }

    /// <summary>Number of chunks.</summary>
    public int Chunks => RowChunks.Count(part.Z * part.Y, part.X * channels);

    /// <inheritdoc/>
    public void Run(int chunk, int worker)
    {
        var table = stackalloc int[Spread<TLanes, TVector>.TableLength];
        if (channels < TLanes.Count)
        {
            Spread<TLanes, TVector>.Fill(table, channels);
        }

        var (start, end) = RowChunks.Range(chunk, part.Z * part.Y, part.X * channels);
        for (var row = start; row < end; row++)
        {
            Row(first.Z + (row / part.Y), first.Y + (row % part.Y), table);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row(int z, int y, int* table)
    {
        long voxel = ((((long)(origin.Z + z) * volume.Y) + origin.Y + y) * volume.X) + origin.X + first.X;
        long from = ((((long)z * size.Y) + y) * size.X) + first.X;
        float* w = weights + from, values = tile + (from * channels);
        float* target = sum + (voxel * channels), total = weightSum + voxel;
        if (channels < TLanes.Count)
        {
            FewChannels(w, values, target, total, table);
            return;
        }

        for (var x = 0; x < part.X; x++, values += channels, target += channels)
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
        // Whole vectors of the tile's row, counted from the row's own start; the rest one by one.
        int lanes = TLanes.Count, inVectors = Math.Clamp((size.X / lanes * lanes) - first.X, 0, part.X), x = 0;
        for (; x + lanes <= inVectors; x += lanes)
        {
            var weight = TLanes.Load(w + x);
            TLanes.Store(total + x, TLanes.Add(TLanes.Load(total + x), weight));
            for (var j = 0; j < channels; j++, values += lanes, target += lanes)
            {
                var factor = TLanes.Permute(weight, table + (j * lanes));
                TLanes.Store(target, TLanes.MultiplyAdd(factor, TLanes.Load(values), TLanes.Load(target)));
            }
        }

        if (x < inVectors)
        {
            var weight = TLanes.Load(w + x);
            TLanes.StoreFirst(total + x, TLanes.Add(TLanes.Load(total + x), weight), inVectors - x);
            var left = (inVectors - x) * channels;
            for (var j = 0; j * lanes < left; j++)
            {
                var factor = TLanes.Permute(weight, table + (j * lanes));
                var sums = TLanes.MultiplyAdd(factor, TLanes.Load(values + (j * lanes)), TLanes.Load(target + (j * lanes)));
                TLanes.StoreFirst(target + (j * lanes), sums, Math.Min(lanes, left - (j * lanes)));
            }

            values += left;
            target += left;
            x = inVectors;
        }

        for (; x < part.X; x++)
        {
            total[x] += w[x];
            for (var c = 0; c < channels; c++, values++, target++)
            {
                *target += w[x] * *values;
            }
        }
    }
}
