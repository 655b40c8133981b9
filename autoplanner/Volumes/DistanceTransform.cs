using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Exact Euclidean distance transform with a spacing per axis: one pass per axis, each the lower envelope of parabolas
/// (Felzenszwalb, Huttenlocher 2012, "Distance transforms of sampled functions"). Linear in the number of voxels.
/// </summary>
internal static class DistanceTransform
{
    /// <summary>Squared distance in mm² of every voxel centre to the nearest seed; infinity without any seed.</summary>
    /// <param name="seeds">extent.Voxels entries (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x).</param>
    public static double[] Squared(ReadOnlySpan<bool> seeds, Extent extent, Spacing spacing)
    {
        var distance = new double[extent.Voxels];
        Squared(seeds, extent, spacing, distance);
        return distance;
    }

    /// <summary>The same into an array that is there.</summary>
    /// <param name="seeds">extent.Voxels entries (z, y, x).</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x).</param>
    /// <param name="distance">Receives extent.Voxels squared distances.</param>
    public static void Squared(ReadOnlySpan<bool> seeds, Extent extent, Spacing spacing, double[] distance)
    {
        for (var i = 0; i < distance.Length; i++)
        {
            distance[i] = seeds[i] ? 0 : double.PositiveInfinity;
        }

        int[] strides = [extent.Y * extent.X, extent.X, 1];
        for (var axis = 2; axis >= 0; axis--)
        {
            var length = extent[axis];
            if (length == 1)
            {
                continue;
            }

            var envelope = new Envelope(length, spacing[axis] * spacing[axis]);
            var stride = strides[axis];
            for (var start = 0; start < distance.Length; start++)
            {
                if (start / stride % length == 0)
                {
                    envelope.Transform(distance, start, stride);
                }
            }
        }
    }

    /// <summary>d(q) = min over p of w·(q - p)² + f(p) along one line.</summary>
    private sealed class Envelope(int length, double weight)
    {
        private readonly double[] values = new double[length];
        private readonly int[] vertex = new int[length];
        private readonly double[] from = new double[length];

        public void Transform(double[] volume, int start, int stride)
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
