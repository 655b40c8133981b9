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
        bool anyReference = false, anyPrediction = false;
        Extent low = extent, high = new(-1, -1, -1);
        var i = 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                for (var x = 0; x < extent.X; x++, i++)
                {
                    var (isReference, isPrediction) = Membership(reference[i], prediction[i], labels, ignoreLabel);
                    if (isReference || isPrediction)
                    {
                        anyReference |= isReference;
                        anyPrediction |= isPrediction;
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

        // Both masks lie in the joint box, and so do both surfaces and all distances between them.
        var size = new Extent(high.Z - low.Z + 1, high.Y - low.Y + 1, high.X - low.X + 1);
        bool[] inReference = new bool[size.Voxels], inPrediction = new bool[size.Voxels];
        var to = 0;
        for (var z = low.Z; z <= high.Z; z++)
        {
            for (var y = low.Y; y <= high.Y; y++)
            {
                var from = (((z * extent.Y) + y) * extent.X) + low.X;
                for (var x = 0; x < size.X; x++, to++, from++)
                {
                    (inReference[to], inPrediction[to]) = Membership(reference[from], prediction[from], labels, ignoreLabel);
                }
            }
        }

        KeepSurface(inReference, size, extent);
        KeepSurface(inPrediction, size, extent);
        var all = new double[inReference.Count(isOn => isOn) + inPrediction.Count(isOn => isOn)];
        var squared = new double[size.Voxels];            // for one direction after the other
        DistanceTransform.Squared(inReference, size, spacing, squared);
        var collected = Collect(inPrediction, squared, all, 0);
        DistanceTransform.Squared(inPrediction, size, spacing, squared);
        Collect(inReference, squared, all, collected);
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

    private static (bool Reference, bool Prediction) Membership(
        short reference, short prediction, IReadOnlyList<int> labels, int? ignoreLabel)
    {
        if (reference == ignoreLabel)
        {
            return default;
        }

        var isReference = labels.Contains(reference);
        return (isReference, reference == prediction ? isReference : labels.Contains(prediction));
    }

    /// <summary>
    /// Leaves of a mask its surface. Outside the box nothing is in the class; an axis of one voxel is none of the image's: with
    /// it every voxel would lie on the surface.
    /// </summary>
    private static void KeepSurface(bool[] mask, Extent size, Extent image)
    {
        int slice = size.Y * size.X, row = size.X;
        bool flatZ = image.Z == 1, flatY = image.Y == 1, flatX = image.X == 1;
        // What was changed is needed by its neighbours: the last plane and row are kept as they were.
        var before = new bool[slice];
        var plane = new bool[slice];
        for (var z = 0; z < size.Z; z++)
        {
            mask.AsSpan(z * slice, slice).CopyTo(plane);
            for (int y = 0, at = 0; y < size.Y; y++)
            {
                for (var x = 0; x < size.X; x++, at++)
                {
                    if (!plane[at])
                    {
                        continue;
                    }

                    var isInner = (flatX || (x > 0 && x < size.X - 1 && plane[at - 1] && plane[at + 1]))
                        && (flatY || (y > 0 && y < size.Y - 1 && plane[at - row] && plane[at + row]))
                        && (flatZ || (z > 0 && z < size.Z - 1 && before[at] && mask[((z + 1) * slice) + at]));
                    mask[(z * slice) + at] = !isInner;
                }
            }

            (before, plane) = (plane, before);
        }
    }

    private static int Collect(bool[] at, double[] squared, double[] distances, int count)
    {
        for (var i = 0; i < at.Length; i++)
        {
            if (at[i])
            {
                distances[count++] = squared[i];
            }
        }

        return count;
    }
}
