using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>
/// How sums over voxels, one per channel, are spread: a group is lanes × rows of threads; lanes walk along channels, so that loads are
/// in one piece, rows stride over the voxels of a chunk. Grid: x channels, y chunks of voxels, z samples.
/// </summary>
internal static class ChannelGroups
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = 256;

    private const int MostChunks = 512;                   // partial results per channel that the second kernel adds
    private const int SmallestChunk = 64;                 // voxels
    private const int MostLeaders = 16;                   // rows whose threads add the others' values

    /// <summary>Voxels of a chunk.</summary>
    public static int ChunkLength(int voxels) => Math.Max(SmallestChunk, (voxels + MostChunks - 1) / MostChunks);

    /// <summary>Chunks of a sample.</summary>
    public static int Chunks(int voxels) => (voxels + ChunkLength(voxels) - 1) / ChunkLength(voxels);

    /// <summary>The launch for so many channels, voxels and samples. Lanes: the lowest power of two that holds the channels, at most 32.</summary>
    public static KernelConfig Over(int channels, int voxels, int samples)
    {
        var lanes = 1;
        while (lanes < channels && lanes < 32)
        {
            lanes *= 2;
        }

        return new KernelConfig(
            new Index3D((channels + lanes - 1) / lanes, Chunks(voxels), samples), new Index3D(lanes, Threads / lanes, 1));
    }

    /// <summary>
    /// Σ over the rows of a group, the same for all threads of a lane, in a fixed order. All threads must come here; <paramref name="shared"/>
    /// has <see cref="Threads"/> elements.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumOverRows(ArrayView<float> shared, float value)
    {
        var at = (Group.IdxY * Group.DimX) + Group.IdxX;
        shared[at] = value;
        Group.Barrier();
        var leaders = Group.DimY < MostLeaders ? Group.DimY : MostLeaders;
        if (Group.IdxY < leaders)
        {
            for (var row = Group.IdxY + leaders; row < Group.DimY; row += leaders)
            {
                value += shared[(row * Group.DimX) + Group.IdxX];
            }

            shared[at] = value;
        }

        Group.Barrier();
        var sum = 0f;
        for (var row = 0; row < leaders; row++)
        {
            sum += shared[(row * Group.DimX) + Group.IdxX];
        }

        Group.Barrier(); // nobody may write the next values before all have read these
        return sum;
    }
}
