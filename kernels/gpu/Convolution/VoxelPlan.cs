using System.Runtime.CompilerServices;
using ILGPU;

namespace SharpSeg.Kernels.Gpu.Convolution;

/// <summary>
/// Where the voxels of a tile of <see cref="WeightGemm"/>, 16 or 32, lie: as many threads compute it for the whole group, one
/// tile ahead. Sample (−1 beyond the last voxel) and the position z, y, x that tap −pad = 0 reads in the gathered volume.
/// </summary>
internal static class VoxelPlan
{
    /// <summary>Integers of a plan: four of each voxel.</summary>
    public const int Length = 4 * GemmTile.MostDepths;

    /// <summary>Where the positions z, y, x begin in a plan; the samples are the first.</summary>
    public const int PositionZ = GemmTile.MostDepths, PositionY = 2 * GemmTile.MostDepths, PositionX = 3 * GemmTile.MostDepths;

    /// <summary>Writes the plan of the tile that starts at voxel <paramref name="first"/> of the dense volume.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(int thread, ArrayView<int> voxels, int offset, int first, int end, WeightSizes s, int precision)
    {
        if (thread < TileWords.DepthOf(precision))
        {
            var v = first + thread;
            var inSample = v % s.DenseVoxels;
            var at = offset + thread;
            voxels[at] = v < end ? v / s.DenseVoxels : -1;
            voxels[at + PositionZ] = ((inSample / s.DenseX / s.DenseY) * s.StrideZ) - s.PadZ;
            voxels[at + PositionY] = ((inSample / s.DenseX % s.DenseY) * s.StrideY) - s.PadY;
            voxels[at + PositionX] = ((inSample % s.DenseX) * s.StrideX) - s.PadX;
        }
    }
}
