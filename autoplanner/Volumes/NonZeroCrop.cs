using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>The box around a case's non-zero voxels.</summary>
/// <param name="Origin">First voxel of the box (z, y, x) in the uncropped array.</param>
/// <param name="Size">Voxels of the box (z, y, x).</param>
/// <param name="Mask">Size.Voxels entries in array order: true where any channel is not zero, or inside a hole of such
/// voxels.</param>
internal sealed record CropResult(Extent Origin, Extent Size, bool[] Mask);

/// <summary>
/// Crops a case to the voxels that carry signal (docs/method/preprocessing.md §2). A voxel is inside the mask if any channel
/// differs from 0, or if it cannot reach the outside of the array by steps over faces through voxels that are 0 in every channel.
/// </summary>
internal static class NonZeroCrop
{
    /// <summary>
    /// The label of a voxel outside the mask: known to be empty, never shown to the loss as anything but background.
    /// </summary>
    public const short OutsideLabel = -1;

    private const byte Empty = 0, Inside = 1, Outside = 2;

    /// <summary>
    /// Finds the box and the mask. Without any non-zero voxel the box is the whole array and the mask is false everywhere.
    /// </summary>
    /// <param name="channels">One array of extent.Voxels values per channel, in array order (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <exception cref="ArgumentException">A channel has the wrong length.</exception>
    public static CropResult Find(IReadOnlyList<float[]> channels, Extent extent)
    {
        Check(channels, extent);
        if (!TryBoundingBox(channels, extent, out var origin, out var size))
        {
            return new CropResult(default, extent, new bool[extent.Voxels]);
        }

        // Filling holes inside the box equals filling them in the padded array: everything outside the box is zero and connected.
        var mask = new bool[size.Voxels];
        MarkNonZero(channels, extent, origin, size, MemoryMarshal.AsBytes(mask.AsSpan()));
        FillHoles(mask, size);
        return new CropResult(origin, size, mask);
    }

    /// <summary>Adds what cannot reach the outside of the box by steps over faces through voxels not in the mask.</summary>
    /// <param name="mask">size.Voxels entries, true where any channel is not 0.</param>
    /// <param name="size">Voxels (z, y, x) of the box.</param>
    public static void FillHoles(bool[] mask, Extent size)
    {
        var state = MemoryMarshal.AsBytes(mask.AsSpan()); // a byte a voxel, for the states and then for the mask
        FloodFromOutside(state, size);
        foreach (ref var voxel in state)
        {
            voxel = voxel != Outside ? (byte)1 : (byte)0;
        }
    }

    /// <summary>The box alone, without a mask.</summary>
    /// <param name="channels">As for <see cref="Find"/>.</param>
    /// <param name="extent">As for <see cref="Find"/>.</param>
    public static (Extent Origin, Extent Size) FindBox(IReadOnlyList<float[]> channels, Extent extent)
    {
        Check(channels, extent);
        return TryBoundingBox(channels, extent, out var origin, out var size) ? (origin, size) : (default, extent);
    }

    /// <summary>
    /// The labels inside the box, as a new array: 0 outside the mask becomes -1; a labelled voxel outside the mask keeps its
    /// label. Without labels: 0 inside the mask and -1 outside.
    /// </summary>
    /// <param name="labels">extent.Voxels labels in array order, or null.</param>
    /// <param name="extent">Voxels (z, y, x) before cropping.</param>
    /// <param name="crop">What <see cref="Find"/> returned for the images of the same case.</param>
    /// <param name="inPlace">The box lies at the front of the labels' own array, which nobody needs any more.</param>
    public static short[] CropLabels(short[]? labels, Extent extent, CropResult crop, bool inPlace = false)
    {
        var size = crop.Size;
        var cropped = labels is not null && inPlace ? labels : new short[crop.Mask.Length];
        if (labels is not null)
        {
            CopyBox(labels, extent, crop.Origin, size, cropped);
        }

        for (var i = 0; i < crop.Mask.Length; i++)
        {
            if (cropped[i] == 0 && !crop.Mask[i])
            {
                cropped[i] = OutsideLabel;
            }
        }

        return cropped;
    }

    /// <summary>
    /// Copies a box out of a volume, both in array order (z, y, x). The box may begin where the volume does, in its own memory.
    /// </summary>
    /// <typeparam name="T">Voxel type.</typeparam>
    /// <param name="source">extent.Voxels values.</param>
    /// <param name="extent">Voxels (z, y, x) of the source.</param>
    /// <param name="origin">First voxel of the box.</param>
    /// <param name="size">Voxels of the box; it lies inside the source.</param>
    /// <param name="box">size.Voxels values, overwritten.</param>
    public static void CopyBox<T>(ReadOnlySpan<T> source, Extent extent, Extent origin, Extent size, Span<T> box)
    {
        // No row is written before it has been read: rows follow each other closer in the box than in the volume.
        var to = 0;
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var from = ((z + origin.Z) * extent.Y + y + origin.Y) * extent.X + origin.X;
                source.Slice(from, size.X).CopyTo(box.Slice(to, size.X));
                to += size.X;
            }
        }
    }

    private static void Check(IReadOnlyList<float[]> channels, Extent extent)
    {
        foreach (var channel in channels)
        {
            if (channel.LongLength != extent.Voxels)
            {
                throw new ArgumentException(
                    $"a channel has {channel.LongLength} voxels, the extent {extent} has {extent.Voxels}");
            }
        }
    }

    private static bool TryBoundingBox(IReadOnlyList<float[]> channels, Extent extent, out Extent origin, out Extent size)
    {
        int zLow = extent.Z, yLow = extent.Y, xLow = extent.X;
        int zHigh = -1, yHigh = -1, xHigh = -1;
        foreach (var channel in channels)
        {
            for (var z = 0; z < extent.Z; z++)
            {
                for (var y = 0; y < extent.Y; y++)
                {
                    var line = channel.AsSpan((z * extent.Y + y) * extent.X, extent.X);
                    var first = 0;
                    while (first < line.Length && line[first] == 0f)
                    {
                        first++;
                    }

                    if (first == line.Length)
                    {
                        continue;
                    }

                    var last = line.Length - 1;
                    while (line[last] == 0f)
                    {
                        last--;
                    }

                    (zLow, zHigh) = (Math.Min(zLow, z), Math.Max(zHigh, z));
                    (yLow, yHigh) = (Math.Min(yLow, y), Math.Max(yHigh, y));
                    (xLow, xHigh) = (Math.Min(xLow, first), Math.Max(xHigh, last));
                }
            }
        }

        origin = new Extent(zLow, yLow, xLow);
        size = new Extent(zHigh - zLow + 1, yHigh - yLow + 1, xHigh - xLow + 1);
        return zHigh >= 0;
    }

    private static void MarkNonZero(IReadOnlyList<float[]> channels, Extent extent, Extent origin, Extent size, Span<byte> state)
    {
        foreach (var channel in channels)
        {
            var to = 0;
            for (var z = 0; z < size.Z; z++)
            {
                for (var y = 0; y < size.Y; y++)
                {
                    var line = channel.AsSpan(((z + origin.Z) * extent.Y + y + origin.Y) * extent.X + origin.X, size.X);
                    var marks = state.Slice(to, size.X);
                    for (var x = 0; x < line.Length; x++)
                    {
                        if (line[x] != 0f)
                        {
                            marks[x] = Inside;
                        }
                    }

                    to += size.X;
                }
            }
        }
    }

    /// <summary>Marks as outside every empty voxel that reaches the border of the box through empty voxels, run by run.</summary>
    private static void FloodFromOutside(Span<byte> state, Extent size)
    {
        var seeds = new Stack<int>();
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var start = (z * size.Y + y) * size.X;
                if (z == 0 || y == 0 || z == size.Z - 1 || y == size.Y - 1)
                {
                    PushRuns(state, start, start + size.X - 1, seeds);
                    Drain(state, size, seeds);
                    continue;
                }

                if (state[start] == Empty)
                {
                    seeds.Push(start);
                }

                if (state[start + size.X - 1] == Empty)
                {
                    seeds.Push(start + size.X - 1);
                }

                Drain(state, size, seeds);
            }
        }
    }

    private static void Drain(Span<byte> state, Extent size, Stack<int> seeds)
    {
        var slice = size.Y * size.X;
        while (seeds.TryPop(out var seed))
        {
            if (state[seed] != Empty)
            {
                continue;
            }

            var lineStart = seed / size.X * size.X;
            int low = seed, high = seed;
            while (low > lineStart && state[low - 1] == Empty)
            {
                low--;
            }

            while (high < lineStart + size.X - 1 && state[high + 1] == Empty)
            {
                high++;
            }

            state.Slice(low, high - low + 1).Fill(Outside);
            var y = lineStart / size.X % size.Y;
            var z = lineStart / slice;
            if (y > 0)
            {
                PushRuns(state, low - size.X, high - size.X, seeds);
            }

            if (y < size.Y - 1)
            {
                PushRuns(state, low + size.X, high + size.X, seeds);
            }

            if (z > 0)
            {
                PushRuns(state, low - slice, high - slice, seeds);
            }

            if (z < size.Z - 1)
            {
                PushRuns(state, low + slice, high + slice, seeds);
            }
        }
    }

    private static void PushRuns(Span<byte> state, int low, int high, Stack<int> seeds)
    {
        for (var i = low; i <= high; i++)
        {
            if (state[i] == Empty && (i == low || state[i - 1] != Empty))
            {
                seeds.Push(i);
            }
        }
    }
}
