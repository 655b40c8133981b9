using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// What pictures show of an image: the values of a few planes, and which values are black and white. The rest of a scan need
/// not be in memory.
/// </summary>
internal sealed class ShownImage
{
    private const double LowPercentile = 0.005, HighPercentile = 0.995; // of the image's values: black and white
    private const int MostSamples = 100_000; // of those values

    private readonly Extent extent;
    private readonly long step;
    private readonly List<float> samples = [];
    private readonly List<(int Axis, int Position, float[] Values)> kept;

    /// <summary>Begins an image whose values follow.</summary>
    /// <param name="extent">Its voxels (z, y, x).</param>
    /// <param name="planes">What is shown of it.</param>
    public ShownImage(Extent extent, IEnumerable<SlicePlane> planes)
    {
        (this.extent, step) = (extent, Math.Max(1, extent.Voxels / MostSamples));
        kept = [.. planes.Select(plane => (plane.Axis, plane.Position, new float[extent.Voxels / extent[plane.Axis]]))];
    }

    /// <summary>The first channel of a file.</summary>
    /// <param name="file">The image.</param>
    /// <param name="extent">Voxels (z, y, x) that it must have.</param>
    /// <param name="planes">What is shown of it.</param>
    /// <exception cref="SharpSegException">The file is missing or damaged, or has another size.</exception>
    public static ShownImage Read(string file, Extent extent, IEnumerable<SlicePlane> planes)
    {
        var image = new ShownImage(extent, planes);
        ImageFile.Stream(file, (header, _) =>
        {
            if (header.Geometry.Extent != extent)
            {
                throw new SharpSegException(
                    $"its image has {header.Geometry.Extent} voxels (z, y, x), its reference {extent}");
            }

            return (channel, first, values) =>
            {
                if (channel == 0)
                {
                    image.Take(first, values);
                }
            };
        });
        return image;
    }

    /// <summary>What is shown of a channel that is in memory.</summary>
    public static ShownImage Of(float[] channel, Extent extent, IEnumerable<SlicePlane> planes)
    {
        var image = new ShownImage(extent, planes);
        image.Take(0, channel);
        return image;
    }

    /// <summary>The value of a voxel that lies in one of the planes.</summary>
    /// <param name="index">In the array (z, y, x).</param>
    public float this[long index]
    {
        get
        {
            var (line, x) = Math.DivRem(index, extent.X);
            var (z, y) = Math.DivRem(line, extent.Y);
            foreach (var (axis, position, values) in kept)
            {
                if (position == (axis == 0 ? z : axis == 1 ? y : x))
                {
                    return values[axis == 0 ? (y * extent.X) + x : axis == 1 ? (z * extent.X) + x : line];
                }
            }

            throw new ArgumentOutOfRangeException(nameof(index));
        }
    }

    /// <summary>Takes a piece of the image; all pieces must come, in any order.</summary>
    /// <param name="first">Index of its first value.</param>
    /// <param name="values">Its values.</param>
    public void Take(long first, ReadOnlySpan<float> values)
    {
        var end = first + values.Length;
        for (var i = (first + step - 1) / step * step; i < end; i += step)
        {
            if (float.IsFinite(values[(int)(i - first)]))
            {
                samples.Add(values[(int)(i - first)]);
            }
        }

        foreach (var (axis, position, plane) in kept)
        {
            if (axis == 0)
            {
                Copy(values, first, (long)position * plane.Length, plane);
                continue;
            }

            for (var line = first / extent.X; line * extent.X < end; line++)
            {
                if (axis == 1 && line % extent.Y == position)
                {
                    Copy(values, first, line * extent.X, plane.AsSpan((int)(line / extent.Y) * extent.X, extent.X));
                }
                else if (axis == 2)
                {
                    Copy(values, first, (line * extent.X) + position, plane.AsSpan((int)line, 1));
                }
            }
        }
    }

    /// <summary>The values that are shown black and white.</summary>
    public (float Low, float High) Window()
    {
        samples.Sort();
        var low = samples.Count == 0 ? 0 : samples[(int)(LowPercentile * (samples.Count - 1))];
        var high = samples.Count == 0 ? 1 : samples[(int)(HighPercentile * (samples.Count - 1))];
        return (low, high > low ? high : low + 1);
    }

    /// <summary>Copies what a piece has of a range of the image that begins at another place.</summary>
    private static void Copy(ReadOnlySpan<float> values, long first, long start, Span<float> target)
    {
        var (from, to) = (Math.Max(first, start), Math.Min(first + values.Length, start + target.Length));
        if (from < to)
        {
            values.Slice((int)(from - first), (int)(to - from)).CopyTo(target[(int)(from - start)..]);
        }
    }
}
