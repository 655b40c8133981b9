using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Convolution;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Normalization;

/// <summary>
/// The parts of a sample of which mean and Σ(x − mean)² are known separately: boxes of voxels in the order z, y, x, the last of
/// each axis smaller where sizes do not divide. A chunk of voxels is a box of a volume that is one row.
/// </summary>
internal readonly struct NormParts
{
    private readonly int sizeZ, sizeY, sizeX, boxZ, boxY, boxX, areWhole;

    /// <summary>The chunks of <see cref="ChannelGroups"/>.</summary>
    public NormParts(int voxels)
        : this(Extent.One with { X = voxels }, Extent.One with { X = ChannelGroups.ChunkLength(voxels) })
    {
    }

    /// <summary>The bricks of a convolution's result.</summary>
    public NormParts(in BrickSizes s)
        : this(new(s.Z, s.Y, s.X), new(s.BrickZ, s.BrickY, BrickSizes.Edge))
    {
    }

    private NormParts(Extent size, Extent box)
    {
        (sizeZ, sizeY, sizeX) = (size.Z, size.Y, size.X);
        (boxZ, boxY, boxX) = (box.Z, box.Y, box.X);
        areWhole = size.Z % box.Z == 0 && size.Y % box.Y == 0 && size.X % box.X == 0 ? 1 : 0;
    }

    /// <summary>Parts of a sample.</summary>
    public int Count => Along(sizeZ, boxZ) * Along(sizeY, boxY) * Along(sizeX, boxX);

    /// <summary>Voxels of a part.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Voxels(int part)
    {
        if (areWhole != 0)
        {
            return boxZ * boxY * boxX;                    // the same for all: no divisions
        }

        var (partsY, partsX) = (Along(sizeY, boxY), Along(sizeX, boxX));
        var row = part / partsX;
        var plane = row / partsY;
        var x = sizeX - ((part - (row * partsX)) * boxX);
        var y = sizeY - ((row - (plane * partsY)) * boxY);
        var z = sizeZ - (plane * boxZ);
        return (z < boxZ ? z : boxZ) * (y < boxY ? y : boxY) * (x < boxX ? x : boxX);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Along(int size, int box) => (size + box - 1) / box;
}
