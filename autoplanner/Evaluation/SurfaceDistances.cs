using System.Runtime.InteropServices;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// Distances between the surfaces of a class in reference and prediction (docs/method/evaluation.md §3). A surface voxel has a
/// face neighbour (6, or 4 in a flat image) outside the class, or lies at the border of the array.
/// </summary>
internal sealed class SurfaceDistances
{
    private const int SlabVoxels = 1 << 21;               // whose distances are held at a time

    private readonly KeyValuePair<double, long>[] squaredMm; // each distance and how often it occurs, in order
    private readonly long count;
    private readonly bool isEmptyOnOneSide;

    private SurfaceDistances(KeyValuePair<double, long>[] squaredMm, bool isEmptyOnOneSide) =>
        (this.squaredMm, count, this.isEmptyOnOneSide) = (squaredMm, squaredMm.Sum(item => item.Value), isEmptyOnOneSide);

    /// <summary>
    /// Memory beside the maps (docs/method/memory.md §4): a bit a voxel for either surface, and the distances of a slab.
    /// Distances are counted, not kept: on a grid many are equal.
    /// </summary>
    /// <param name="voxels">Of a map.</param>
    public static long Bytes(long voxels) => (2 * (voxels / 8)) + (sizeof(double) * Math.Min(voxels, SlabVoxels));

    /// <summary>No distances: the class is in one map at most.</summary>
    /// <param name="isInOne">It is in one of them.</param>
    public static SurfaceDistances None(bool isInOne) => new([], isInOne);

    /// <summary>Measures from every surface voxel of either map to the other's surface, of a class that is in both.</summary>
    /// <param name="reference">extent.Voxels labels; those with the ignore label count as background in both maps.</param>
    /// <param name="prediction">extent.Voxels labels.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x).</param>
    /// <param name="labels">The labels that make up the class.</param>
    /// <param name="ignoreLabel">The ignore label, or null.</param>
    /// <param name="box">Holds the class in both maps.</param>
    public static SurfaceDistances Between(
        ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction, Extent extent, Spacing spacing, IReadOnlyList<int> labels,
        int? ignoreLabel, LabelBoxes.Box box)
    {
        var isInClass = new bool[1 << 16]; // by label
        foreach (var label in labels.Where(label => label is >= short.MinValue and <= short.MaxValue))
        {
            isInClass[(ushort)label] = true;
        }

        // Both masks lie in the box, and so do both surfaces and all distances between them.
        var (low, size) = (box.Low, box.Size);
        BitVolume inReference = new(size), inPrediction = new(size);
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                Span<ulong> expected = inReference.Row(z, y), predicted = inPrediction.Row(z, y);
                var from = ((((low.Z + z) * extent.Y) + low.Y + y) * extent.X) + low.X;
                for (var x = 0; x < size.X; x++, from++)
                {
                    if (reference[from] != ignoreLabel)
                    {
                        expected[x >> 6] |= isInClass[(ushort)reference[from]] ? 1UL << (x & 63) : 0;
                        predicted[x >> 6] |= isInClass[(ushort)prediction[from]] ? 1UL << (x & 63) : 0;
                    }
                }
            }
        }

        KeepSurface(inReference, extent);
        KeepSurface(inPrediction, extent);
        var counts = new Dictionary<double, long>();
        var columns = Math.Clamp(SlabVoxels / (size.Z * size.Y), 1, size.X);
        var squared = new double[size.Z * size.Y * columns];
        Count(inReference, inPrediction, spacing, columns, squared, counts);
        Count(inPrediction, inReference, spacing, columns, squared, counts);
        return new SurfaceDistances([.. counts.OrderBy(item => item.Key)], false);
    }

    /// <summary>
    /// HD95: 95th percentile of all distances, both directions pooled, with linear interpolation, mm. NaN unless both surfaces
    /// exist.
    /// </summary>
    public double Percentile95()
    {
        if (squaredMm.Length == 0)
        {
            return double.NaN;
        }

        var position = 0.95 * (count - 1);
        var below = (long)Math.Floor(position);
        var above = Math.Min(below + 1, count - 1);
        double a = Math.Sqrt(AtRank(below)), b = Math.Sqrt(AtRank(above));
        return a + (b - a) * (position - below);
    }

    /// <summary>
    /// NSD: share of all surface voxels within a tolerance of the other surface. NaN if both are empty, 0 if one is.
    /// </summary>
    /// <param name="toleranceMm">Distances up to it count as agreement; a hair more, for equality in exact arithmetic.</param>
    public double WithinTolerance(double toleranceMm)
    {
        if (squaredMm.Length == 0)
        {
            return isEmptyOnOneSide ? 0 : double.NaN;
        }

        var limit = toleranceMm * toleranceMm * (1 + 1e-9);
        return (double)squaredMm.TakeWhile(item => item.Key <= limit).Sum(item => item.Value) / count;
    }

    /// <summary>
    /// Leaves of a mask its surface. Outside the box nothing is in the class; an axis of one voxel is none of the image's: with
    /// it every voxel would lie on the surface.
    /// </summary>
    private static void KeepSurface(BitVolume mask, Extent image)
    {
        var (size, words) = (mask.Size, mask.RowWords);
        bool flatZ = image.Z == 1, flatY = image.Y == 1, flatX = image.X == 1;
        // What was changed is needed by its neighbours: the last plane and this one are kept as they were.
        ulong[] before = new ulong[size.Y * words], plane = new ulong[size.Y * words];
        for (var z = 0; z < size.Z; z++)
        {
            mask.Words.AsSpan(z * plane.Length, plane.Length).CopyTo(plane);
            for (var at = 0; at < plane.Length; at++)
            {
                var (y, word) = (at / words, at % words);
                var (inner, row) = (plane[at], plane[at]);
                if (!flatX)
                {
                    inner &= ((row << 1) | (word > 0 ? plane[at - 1] >> 63 : 0))
                        & ((row >> 1) | (word < words - 1 ? plane[at + 1] << 63 : 0));
                }

                if (!flatY)
                {
                    inner &= y > 0 && y < size.Y - 1 ? plane[at - words] & plane[at + words] : 0;
                }

                if (!flatZ)
                {
                    inner &= z > 0 && z < size.Z - 1 ? before[at] & mask.Words[((z + 1) * plane.Length) + at] : 0;
                }

                mask.Words[(z * plane.Length) + at] = row & ~inner;
            }

            (before, plane) = (plane, before);
        }
    }

    /// <summary>Counts the squared distances of one surface's voxels to the other, slab by slab of columns.</summary>
    private static void Count(
        BitVolume to, BitVolume of, Spacing spacing, int columns, double[] squared, Dictionary<double, long> counts)
    {
        for (var first = 0; first < of.Size.X; first += columns)
        {
            var width = Math.Min(columns, of.Size.X - first);
            var distances = squared.AsSpan(0, of.Size.Z * of.Size.Y * width);
            DistanceTransform.Squared(to, spacing, first, width, distances);
            for (var i = 0; i < distances.Length; i++)
            {
                var (line, x) = (i / width, first + (i % width));
                if ((of.Words[(line * of.RowWords) + (x >> 6)] >> (x & 63) & 1) != 0)
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(counts, distances[i], out _)++;
                }
            }
        }
    }

    private double AtRank(long rank)
    {
        foreach (var (squared, times) in squaredMm)
        {
            if (rank < times)
            {
                return squared;
            }

            rank -= times;
        }

        throw new ArgumentOutOfRangeException(nameof(rank));
    }
}
