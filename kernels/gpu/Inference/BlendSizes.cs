using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Inference;

/// <summary>A tile, where it lies in a volume, and channels, as a kernel parameter. Voxels.</summary>
internal readonly struct BlendSizes
{
    public readonly int TileZ, TileY, TileX, Z, Y, X, OriginZ, OriginY, OriginX, C;

    public BlendSizes(Extent tile, Extent volume, Extent origin, int channels)
    {
        (TileZ, TileY, TileX) = (tile.Z, tile.Y, tile.X);
        (Z, Y, X, C) = (volume.Z, volume.Y, volume.X, channels);
        (OriginZ, OriginY, OriginX) = (origin.Z, origin.Y, origin.X);
    }
}
