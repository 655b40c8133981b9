using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Where the tiles of a volume lie (docs/method/inference.md §2, §3): evenly spread, at most a step apart, the first at 0, the
/// last at the end.
/// </summary>
internal static class SlidingWindow
{
    /// <summary>First voxels of the tiles along one axis.</summary>
    /// <param name="image">Voxels of the image along the axis; at least the tile.</param>
    /// <param name="tile">Voxels of the tile.</param>
    /// <param name="step">Largest distance between neighbours, as a fraction of the tile, 0 &lt; step ≤ 1.</param>
    /// <exception cref="ArgumentException">The image is smaller than the tile, or the step is out of range.</exception>
    public static int[] Positions(int image, int tile, double step)
    {
        var count = Count(image, tile, step);
        if (count == 1)
        {
            return [0];
        }

        var distance = (image - tile) / (double)(count - 1);
        var positions = new int[count];
        for (var i = 0; i < count; i++)
        {
            positions[i] = (int)Math.Round(distance * i, MidpointRounding.ToEven);
        }

        return positions;
    }

    /// <summary>How many tiles there are along one axis.</summary>
    /// <exception cref="ArgumentException">The image is smaller than the tile, or the step is out of range.</exception>
    public static int Count(int image, int tile, double step) => image >= tile && tile >= 1 && step is > 0 and <= 1
        ? (int)Math.Ceiling((image - tile) / (tile * step)) + 1
        : throw new ArgumentException($"no tiles of {tile} with step {step} on {image} voxels");

    /// <summary>
    /// The image padded up to the tile: per axis the padded size, and how many of the added voxels lie below (diff / 2). Axes
    /// that are large enough are left alone.
    /// </summary>
    public static (Extent Padded, Extent Below) Padding(Extent image, Extent tile)
    {
        var padded = new Extent(Math.Max(image.Z, tile.Z), Math.Max(image.Y, tile.Y), Math.Max(image.X, tile.X));
        return (padded, new Extent((padded.Z - image.Z) / 2, (padded.Y - image.Y) / 2, (padded.X - image.X) / 2));
    }
}
