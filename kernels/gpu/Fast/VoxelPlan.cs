using System.Runtime.CompilerServices;
using ILGPU;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu.Fast;

/// <summary>
/// Where the sixteen voxels of a tile of <see cref="WeightGemm"/> lie: sixteen threads work it out for everybody, one tile ahead. Sample
/// (−1 behind the last voxel) and the position z, y, x that tap −pad = 0 looks at in the gathered volume.
/// </summary>
internal static class VoxelPlan
{
    /// <summary>Integers of a plan: four of each of the sixteen voxels.</summary>
    public const int Length = 4 * GemmTile.Depth;

    /// <summary>Writes the plan of the tile that starts at voxel <paramref name="first"/> of the dense volume.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(int thread, ArrayView<int> voxels, int offset, int first, int end, WeightSizes s)
    {
        if (thread < GemmTile.Depth)
        {
            var v = first + thread;
            var inSample = v % s.DenseVoxels;
            var at = offset + thread;
            voxels[at] = v < end ? v / s.DenseVoxels : -1;
            voxels[at + GemmTile.Depth] = ((inSample / s.DenseX / s.DenseY) * s.StrideZ) - s.PadZ;
            voxels[at + (2 * GemmTile.Depth)] = ((inSample / s.DenseX % s.DenseY) * s.StrideY) - s.PadY;
            voxels[at + (3 * GemmTile.Depth)] = ((inSample % s.DenseX) * s.StrideX) - s.PadX;
        }
    }
}
