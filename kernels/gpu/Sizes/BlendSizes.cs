using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Sizes;

/// <summary>A tile, where it lies in a volume, and channels, as a kernel parameter. Voxels.</summary>
internal readonly struct BlendSizes
{
    public readonly int TileY, TileX, Y, X, OriginZ, OriginY, OriginX, C;

    public BlendSizes(Extent tile, Extent volume, Extent origin, int channels)
    {
        (TileY, TileX, Y, X, C) = (tile.Y, tile.X, volume.Y, volume.X, channels);
        (OriginZ, OriginY, OriginX) = (origin.Z, origin.Y, origin.X);
    }
}
