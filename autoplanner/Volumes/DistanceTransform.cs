using System.Numerics;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Exact Euclidean distance transform with a spacing per axis: one pass per axis, each the lower envelope of parabolas
/// (Felzenszwalb, Huttenlocher 2012, "Distance transforms of sampled functions"). Linear in the number of voxels.
/// </summary>
internal static class DistanceTransform
{
    /// <summary>
    /// Squared distance in mm² of every voxel centre of some columns to the nearest seed of the whole volume; infinity without
    /// any seed. The passes along y and z of a column need no other, and the one along x is read off the row's bits: a volume's
    /// distances can be had slab by slab.
    /// </summary>
    /// <param name="seeds">The volume.</param>
    /// <param name="spacing">mm (z, y, x).</param>
    /// <param name="first">The first column, along x.</param>
    /// <param name="columns">Their number.</param>
    /// <param name="distance">Receives squared distances (z, y, <paramref name="columns"/>).</param>
    public static void Squared(BitVolume seeds, Spacing spacing, int first, int columns, Span<double> distance)
    {
        var extent = seeds.Size;
        for (int z = 0, to = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++, to += columns)
            {
                AlongRow(seeds.Row(z, y), first, spacing.X * spacing.X, distance.Slice(to, columns));
            }
        }

        if (extent.Y > 1)
        {
            var envelope = new Envelope(extent.Y, spacing.Y * spacing.Y);
            for (var line = 0; line < extent.Z * columns; line++)
            {
                envelope.Transform(distance, (line / columns * extent.Y * columns) + (line % columns), columns);
            }
        }

        if (extent.Z > 1)
        {
            var envelope = new Envelope(extent.Z, spacing.Z * spacing.Z);
            for (var line = 0; line < extent.Y * columns; line++)
            {
                envelope.Transform(distance, line, extent.Y * columns);
            }
        }
    }

    /// <summary>Distances to the nearest set bit of a row, before or behind.</summary>
    private static void AlongRow(ReadOnlySpan<ulong> row, int first, double weight, Span<double> distance)
    {
        var before = LastBit(row, first);
        for (var i = 0; i < distance.Length; i++)
        {
            var x = first + i;
            before = (row[x >> 6] >> (x & 63) & 1) != 0 ? x : before;
            distance[i] = before < 0 ? double.PositiveInfinity : x - before;
        }

        var behind = FirstBit(row, first + distance.Length);
        for (var i = distance.Length - 1; i >= 0; i--)
        {
            var x = first + i;
            behind = (row[x >> 6] >> (x & 63) & 1) != 0 ? x : behind;
            var nearest = behind < 0 ? distance[i] : Math.Min(distance[i], behind - x);
            distance[i] = weight * (nearest * nearest);
        }
    }

    /// <summary>The last set bit before a place; -1 if there is none.</summary>
    private static int LastBit(ReadOnlySpan<ulong> row, int place)
    {
        for (var word = (place - 1) >> 6; word >= 0; word--)
        {
            var bits = word == place >> 6 ? row[word] & ((1UL << (place & 63)) - 1) : row[word];
            if (bits != 0)
            {
                return (word << 6) + BitOperations.Log2(bits);
            }
        }

        return -1;
    }

    /// <summary>The first set bit from a place on; -1 if there is none.</summary>
    private static int FirstBit(ReadOnlySpan<ulong> row, int place)
    {
        for (var word = place >> 6; word < row.Length; word++)
        {
            var bits = word == place >> 6 ? row[word] & (ulong.MaxValue << (place & 63)) : row[word];
            if (bits != 0)
            {
                return (word << 6) + BitOperations.TrailingZeroCount(bits);
            }
        }

        return -1;
    }

    /// <summary>d(q) = min over p of w·(q - p)² + f(p) along one line.</summary>
    private sealed class Envelope(int length, double weight)
    {
        private readonly double[] values = new double[length];
        private readonly int[] vertex = new int[length];
        private readonly double[] from = new double[length];

        public void Transform(Span<double> volume, int start, int stride)
        {
            var count = 0;
            for (int p = 0, at = start; p < values.Length; p++, at += stride)
            {
                values[p] = volume[at];
                if (double.IsPositiveInfinity(values[p]))
                {
                    continue;
                }

                var crossing = double.NegativeInfinity;
                while (count > 0)
                {
                    var v = vertex[count - 1];
                    crossing = ((values[p] - values[v]) / weight + (double)p * p - (double)v * v) / (2.0 * (p - v));
                    if (crossing > from[count - 1])
                    {
                        break;
                    }

                    count--;
                    crossing = double.NegativeInfinity;
                }

                vertex[count] = p;
                from[count] = crossing;
                count++;
            }

            if (count == 0)
            {
                return;
            }

            var k = 0;
            for (int q = 0, at = start; q < values.Length; q++, at += stride)
            {
                while (k + 1 < count && from[k + 1] < q)
                {
                    k++;
                }

                double d = q - vertex[k];
                volume[at] = weight * (d * d) + values[vertex[k]];
            }
        }
    }
}
