using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Cuts tiles from an image, as the network's input; what lies outside of the image is 0, the mean of a normalised one
/// (docs/method/inference.md §2).
/// </summary>
/// <param name="pool">Memory of the network's input.</param>
internal sealed class TileReader(BufferPool pool)
{
    // on the host; kept, because large arrays that are dropped wait long for the collector
    private float[] tiles = [], inside = [];

    /// <summary>Some tiles, in memory that goes back to the pool.</summary>
    /// <param name="image">The image.</param>
    /// <param name="tiling">How it is divided.</param>
    /// <param name="first">Number of the first tile.</param>
    /// <param name="count">How many.</param>
    /// <returns>(count, z, y, x, c).</returns>
    public Tensor Read(ITileSource image, Tiling tiling, int first, int count)
    {
        var values = (int)(tiling.Tile.Voxels * image.Channels);
        if (tiles.Length < count * values)
        {
            tiles = new float[count * values];
        }

        var host = tiles.AsSpan(0, count * values);
        for (var i = 0; i < count; i++)
        {
            var origin = tiling.Tiles[first + i];
            ReadTile(
                image, new Extent(origin.Z - tiling.Below.Z, origin.Y - tiling.Below.Y, origin.X - tiling.Below.X), tiling.Tile,
                host.Slice(i * values, values));
        }

        var input = pool.Rent(Shape.Activation(count, tiling.Tile, image.Channels));
        pool.Backend.Upload(host, input);
        return input;
    }

    private void ReadTile(ITileSource image, Extent origin, Extent tile, Span<float> target)
    {
        var (size, channels) = (image.Size, image.Channels);
        var first = new Extent(Math.Max(0, -origin.Z), Math.Max(0, -origin.Y), Math.Max(0, -origin.X));
        var part = new Extent(
            Math.Min(tile.Z, size.Z - origin.Z) - first.Z, Math.Min(tile.Y, size.Y - origin.Y) - first.Y,
            Math.Min(tile.X, size.X - origin.X) - first.X);
        var from = new Extent(origin.Z + first.Z, origin.Y + first.Y, origin.X + first.X);
        if (part == tile)
        {
            image.Read(from, part, target);
            return;
        }

        target.Clear();
        var length = (int)(part.Voxels * channels);
        if (inside.Length < length)
        {
            inside = new float[tile.Voxels * channels];
        }

        image.Read(from, part, inside.AsSpan(0, length));
        var row = part.X * channels;
        for (var z = 0; z < part.Z; z++)
        {
            for (var y = 0; y < part.Y; y++)
            {
                var to = ((((long)(z + first.Z) * tile.Y) + y + first.Y) * tile.X) + first.X;
                inside.AsSpan(((z * part.Y) + y) * row, row).CopyTo(target[(int)(to * channels)..]);
            }
        }
    }
}
