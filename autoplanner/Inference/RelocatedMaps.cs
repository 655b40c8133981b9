using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Probabilities on another grid of the same patient (docs/method/inference.md §9): each voxel's centre is looked up in space,
/// between eight voxels by trilinear interpolation. What lies beyond the voxels that were predicted is background.
/// </summary>
internal sealed class RelocatedMaps : IProbabilityMaps
{
    // Voxels; headers store float32. Nearer to a centre, its value is taken: turned and cropped grids give exactly the same.
    private const double Snap = 1e-3;

    private readonly IProbabilityMaps maps;
    private readonly Extent to;
    private readonly bool hasRegions;
    private readonly double[] transform; // voxel (x, y, z) of the new grid to one of the old: 3 rows of 4
    private float[] source = [];         // kept: a large array that is dropped waits long for the collector

    /// <summary>Relates the grids.</summary>
    /// <param name="maps">What was predicted.</param>
    /// <param name="from">Where it lies; the maps' extent.</param>
    /// <param name="to">Where it is wanted.</param>
    /// <param name="hasRegions">Outside, all maps are 0; else the first is 1.</param>
    /// <exception cref="SharpSegException">The old grid's header does not say where it lies.</exception>
    public RelocatedMaps(IProbabilityMaps maps, ImageGeometry from, ImageGeometry to, bool hasRegions)
    {
        (this.maps, this.to, this.hasRegions) = (maps, to.Extent, hasRegions);
        transform = Between(from.Affine, to.Affine);
    }

    /// <summary>Memory beside what a map is read into (docs/method/memory.md §4): a map of the old grid.</summary>
    /// <param name="from">Voxels of the old grid.</param>
    public static long Bytes(long from) => sizeof(float) * from;

    /// <inheritdoc/>
    public Extent Extent => to;

    /// <inheritdoc/>
    public int Heads => maps.Heads;

    /// <summary>All: a plane of the new grid may lie across many of the old one.</summary>
    public int PlanesAtOnce => to.Z;

    /// <summary>Voxels of the new grid whose centres lie in no voxel of the old one.</summary>
    public long VoxelsOutside()
    {
        var outside = 0L;
        for (var index = 0L; index < to.Voxels; index++)
        {
            outside += Place(index) is null ? 1 : 0;
        }

        return outside;
    }

    /// <inheritdoc/>
    public void Read(int head, int first, Span<float> target)
    {
        var extent = maps.Extent;
        source = source.Length == 0 ? new float[extent.Voxels] : source;
        var area = extent.Y * extent.X;
        for (var plane = 0; plane < extent.Z; plane += maps.PlanesAtOnce)
        {
            maps.Read(head, plane, source.AsSpan(plane * area, Math.Min(maps.PlanesAtOnce, extent.Z - plane) * area));
        }

        var (outside, begin) = (head == 0 && !hasRegions ? 1f : 0f, (long)first * to.Y * to.X);
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = Place(begin + i) is { } at ? Interpolate(source, extent, at) : outside;
        }
    }

    private static float Interpolate(float[] source, Extent extent, (double Z, double Y, double X) at)
    {
        var (z, dz) = Split(at.Z, extent.Z);
        var (y, dy) = Split(at.Y, extent.Y);
        var (x, dx) = Split(at.X, extent.X);
        var sum = 0.0;
        for (var corner = 0; corner < 8; corner++)
        {
            var (cz, cy, cx) = (corner >> 2, (corner >> 1) & 1, corner & 1);
            var weight = (cz == 1 ? dz : 1 - dz) * (cy == 1 ? dy : 1 - dy) * (cx == 1 ? dx : 1 - dx);
            if (weight > 0)
            {
                sum += weight * source[((((long)(z + cz) * extent.Y) + y + cy) * extent.X) + x + cx];
            }
        }

        return (float)sum;
    }

    /// <summary>The voxel below, and how far beyond its centre; half a voxel at the border repeats the outermost.</summary>
    private static (int Below, double Beyond) Split(double at, int voxels)
    {
        var inside = Math.Clamp(at, 0, voxels - 1);
        var below = Math.Min((int)inside, Math.Max(0, voxels - 2));
        return (below, inside - below);
    }

    /// <summary>Where a voxel of the new grid lies in the old one; null: outside.</summary>
    private (double Z, double Y, double X)? Place(long index)
    {
        var (rest, x) = Math.DivRem(index, to.X);
        var (z, y) = ((int)(rest / to.Y), (int)(rest % to.Y));
        var (atX, atY, atZ) = (Along(0, (int)x, y, z), Along(1, (int)x, y, z), Along(2, (int)x, y, z));
        var extent = maps.Extent;
        return IsInside(atX, extent.X) && IsInside(atY, extent.Y) && IsInside(atZ, extent.Z) ? (atZ, atY, atX) : null;
    }

    private double Along(int row, int x, int y, int z)
    {
        var at = (transform[4 * row] * x) + (transform[(4 * row) + 1] * y) + (transform[(4 * row) + 2] * z)
            + transform[(4 * row) + 3];
        var nearest = Math.Round(at);
        return Math.Abs(at - nearest) < Snap ? nearest : at;
    }

    private static bool IsInside(double at, int voxels) => at >= -0.5 - Snap && at <= voxels - 0.5 + Snap;

    /// <summary>from⁻¹·to, of affines with 3 rows of 4.</summary>
    private static double[] Between(double[] from, double[] to)
    {
        double Minor(int row, int column)
        {
            var (a, b, c, d) = ((row + 1) % 3, (row + 2) % 3, (column + 1) % 3, (column + 2) % 3);
            return (from[(4 * a) + c] * from[(4 * b) + d]) - (from[(4 * a) + d] * from[(4 * b) + c]);
        }

        var determinant = Enumerable.Range(0, 3).Sum(column => from[column] * Minor(0, column));
        if (!(Math.Abs(determinant) > 0) || !double.IsFinite(determinant))
        {
            throw new SharpSegException(
                "the predicted scan's header does not say where its voxels lie in space", "correct its affine (sform, qform)");
        }

        var result = new double[12];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 4; column++)
            {
                for (var k = 0; k < 3; k++)
                {
                    var difference = to[(4 * k) + column] - (column == 3 ? from[(4 * k) + 3] : 0);
                    result[(4 * row) + column] += Minor(k, row) / determinant * difference;
                }
            }
        }

        return result;
    }
}
