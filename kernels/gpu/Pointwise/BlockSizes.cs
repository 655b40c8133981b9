using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Pointwise;

/// <summary>A coarse volume, the block that each of its voxels stands for, and channels, as a kernel parameter.</summary>
internal readonly struct BlockSizes
{
    public readonly int Z, Y, X, C, BlockZ, BlockY, BlockX;

    public BlockSizes(Extent coarse, Extent block, int channels)
    {
        (Z, Y, X, C) = (coarse.Z, coarse.Y, coarse.X, channels);
        (BlockZ, BlockY, BlockX) = (block.Z, block.Y, block.X);
    }
}
