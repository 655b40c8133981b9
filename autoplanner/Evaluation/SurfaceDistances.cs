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
    private readonly double[] squaredMm;
    private readonly bool isEmptyOnOneSide;

    private SurfaceDistances(double[] squaredMm, bool isEmptyOnOneSide)
    {
        this.squaredMm = squaredMm;
        this.isEmptyOnOneSide = isEmptyOnOneSide;
    }

    /// <summary>Measures from every surface voxel of either map to the other's surface.</summary>
    /// <param name="reference">extent.Voxels labels; those with the ignore label count as background in both maps.</param>
    /// <param name="prediction">extent.Voxels labels.</param>
    /// <param name="extent">Voxels (z, y, x).</param>
    /// <param name="spacing">mm (z, y, x).</param>
    /// <param name="labels">The labels that make up the class.</param>
    /// <param name="ignoreLabel">The ignore label, or null.</param>
    public static SurfaceDistances Between(
        ReadOnlySpan<short> reference, ReadOnlySpan<short> prediction, Extent extent, Spacing spacing, IReadOnlyList<int> labels,
        int? ignoreLabel)
    {
        var inReference = new bool[reference.Length];
        var inPrediction = new bool[reference.Length];
        bool anyReference = false, anyPrediction = false;
        Extent low = extent, high = new(-1, -1, -1);
        var i = 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                for (var x = 0; x < extent.X; x++, i++)
                {
                    if (reference[i] == ignoreLabel)
                    {
                        continue;
                    }

                    inReference[i] = labels.Contains(reference[i]);
                    inPrediction[i] = reference[i] == prediction[i] ? inReference[i] : labels.Contains(prediction[i]);
                    if (inReference[i] || inPrediction[i])
                    {
                        anyReference |= inReference[i];
                        anyPrediction |= inPrediction[i];
                        low = new Extent(Math.Min(low.Z, z), Math.Min(low.Y, y), Math.Min(low.X, x));
                        high = new Extent(Math.Max(high.Z, z), Math.Max(high.Y, y), Math.Max(high.X, x));
                    }
                }
            }
        }

        if (!anyReference || !anyPrediction)
        {
            return new SurfaceDistances([], anyReference != anyPrediction);
        }

        // Both surfaces lie in the joint box, and so do all distances between them.
        var size = new Extent(high.Z - low.Z + 1, high.Y - low.Y + 1, high.X - low.X + 1);
        var surfaceOfReference = Surface(inReference, extent, low, size);
        var surfaceOfPrediction = Surface(inPrediction, extent, low, size);
        var distances = new List<double>();
        Collect(surfaceOfPrediction, DistanceTransform.Squared(surfaceOfReference, size, spacing), distances);
        Collect(surfaceOfReference, DistanceTransform.Squared(surfaceOfPrediction, size, spacing), distances);
        var all = distances.ToArray();
        Array.Sort(all);
        return new SurfaceDistances(all, false);
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

        var position = 0.95 * (squaredMm.Length - 1);
        var below = (int)Math.Floor(position);
        var above = Math.Min(below + 1, squaredMm.Length - 1);
        double a = Math.Sqrt(squaredMm[below]), b = Math.Sqrt(squaredMm[above]);
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
        return (double)squaredMm.Count(squared => squared <= limit) / squaredMm.Length;
    }

    private static bool[] Surface(bool[] mask, Extent extent, Extent origin, Extent size)
    {
        int slice = extent.Y * extent.X, row = extent.X;
        // An axis of one voxel is none of the image's: with it every voxel would lie on the surface.
        bool flatZ = extent.Z == 1, flatY = extent.Y == 1, flatX = extent.X == 1;
        var surface = new bool[size.Voxels];
        var to = 0;
        for (var z = origin.Z; z < origin.Z + size.Z; z++)
        {
            for (var y = origin.Y; y < origin.Y + size.Y; y++)
            {
                for (var x = origin.X; x < origin.X + size.X; x++, to++)
                {
                    var i = z * slice + y * row + x;
                    if (!mask[i])
                    {
                        continue;
                    }

                    var isInner = (flatX || (x > 0 && x < extent.X - 1 && mask[i - 1] && mask[i + 1]))
                        && (flatY || (y > 0 && y < extent.Y - 1 && mask[i - row] && mask[i + row]))
                        && (flatZ || (z > 0 && z < extent.Z - 1 && mask[i - slice] && mask[i + slice]));
                    surface[to] = !isInner;
                }
            }
        }

        return surface;
    }

    private static void Collect(bool[] at, double[] squared, List<double> distances)
    {
        for (var i = 0; i < at.Length; i++)
        {
            if (at[i])
            {
                distances.Add(squared[i]);
            }
        }
    }
}
