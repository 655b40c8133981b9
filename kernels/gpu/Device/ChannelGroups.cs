using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Device;

/// <summary>
/// How per-channel work on channels-last voxels is distributed: a group is lanes × rows of threads; lanes walk along channels (or
/// along fours of channels), so that loads are in one piece, rows stride over the voxels of a chunk. What belongs to a channel is
/// read once per thread, and nothing is divided. Grid: x channels, y chunks of voxels, z samples.
/// </summary>
internal static class ChannelGroups
{
    /// <summary>Threads of a group.</summary>
    public const int Threads = 256;

    private const int MostChunks = 512;                   // partial results per channel that the second kernel adds
    private const int SmallestChunk = 64;                 // voxels
    private const int MostLeaders = 16;                   // rows whose threads add the others' values
    private const int FewestLanes = 8, MostLanes = 32;    // eight lanes of sixteen bytes are a cache line

    /// <summary>Voxels of a chunk.</summary>
    public static int ChunkLength(int voxels) => Math.Max(SmallestChunk, (voxels + MostChunks - 1) / MostChunks);

    /// <summary>Chunks of a sample.</summary>
    public static int Chunks(int voxels) => (voxels + ChunkLength(voxels) - 1) / ChunkLength(voxels);

    /// <summary>The launch for given numbers of channels (or fours of them), voxels and samples.</summary>
    public static KernelConfig Over(int channels, int voxels, int samples)
    {
        var lanes = Lanes(channels);
        return new KernelConfig(
            new Index3D((channels + lanes - 1) / lanes, Chunks(voxels), samples), new Index3D(lanes, Threads / lanes, 1));
    }

    /// <summary>
    /// The launch that joins the parts of each sample: a group per eight channels, whose rows stride over the parts. It is over
    /// when the longest chain of reads is, so rows are many and lanes few.
    /// </summary>
    public static KernelConfig OverParts(int channels, int samples) => new(
        new Index3D((channels + FewestLanes - 1) / FewestLanes, 1, samples), new Index3D(FewestLanes, Threads / FewestLanes, 1));

    /// <summary>
    /// Lanes: 8, 16 or 32, whichever leaves the fewest without a channel, the most of several equal ones; or the lowest power of
    /// two that holds fewer channels than 8.
    /// </summary>
    internal static int Lanes(int channels)
    {
        var lanes = FewestLanes;
        while (lanes / 2 >= channels)
        {
            lanes /= 2;
        }

        for (var wider = 2 * FewestLanes; wider <= MostLanes; wider *= 2)
        {
            lanes = RoundUp(channels, wider) <= RoundUp(channels, lanes) ? wider : lanes;
        }

        return lanes;
    }

    /// <summary>
    /// Σ over the rows of a group, the same for all threads of a lane, in a fixed order. All threads must call this;
    /// <paramref name="shared"/> has <see cref="Threads"/> elements.
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

        Group.Barrier(); // no thread may write the next values before all have read these
        return sum;
    }

    private static int RoundUp(int channels, int lanes) => (channels + lanes - 1) / lanes * lanes;
}
