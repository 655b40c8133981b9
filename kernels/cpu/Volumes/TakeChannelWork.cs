using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Cpu.Threading;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>volume[i] = maps[origin + i, channel]; a chunk is some rows of the volume.</summary>
internal readonly unsafe struct TakeChannelWork(
    float* maps, Extent all, int channels, int channel, Extent origin, float* volume, Extent size) : IChunkedWork
{
    /// <summary>Number of chunks.</summary>
    public int Chunks => RowChunks.Count(size.Z * size.Y, size.X);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int chunk, int worker)
    {
        var (first, end) = RowChunks.Range(chunk, size.Z * size.Y, size.X);
        for (var row = first; row < end; row++)
        {
            var voxel = ((((long)(origin.Z + (row / size.Y)) * all.Y) + origin.Y + (row % size.Y)) * all.X) + origin.X;
            float* from = maps + (voxel * channels) + channel, to = volume + ((long)row * size.X);
            for (var x = 0; x < size.X; x++, from += channels)
            {
                to[x] = *from;
            }
        }
    }
}
