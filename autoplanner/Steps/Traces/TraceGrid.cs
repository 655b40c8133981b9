using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>
/// Where the voxels of a stage lie in the patient, so that every file of a trace opens over the scan. Resampled voxels are
/// centred as docs/method/preprocessing.md §4.3 says; a patch is turned, scaled and mirrored as it was drawn.
/// </summary>
/// <param name="scan">The scan's geometry, as its file stores it.</param>
/// <param name="properties">What preprocessing did to the case.</param>
/// <param name="transposeForward">Axis order of the plans.</param>
internal sealed class TraceGrid(ImageGeometry scan, CaseProperties properties, IReadOnlyList<int> transposeForward)
{
    /// <summary>The geometry of the cropped case at any resolution: one grid over the whole box.</summary>
    /// <param name="shape">Voxels (z, y, x), transposed.</param>
    public ImageGeometry OfCase(Extent shape) => Through(shape, voxel => ToScan(shape, voxel));

    /// <summary>The geometry of a patch cut from the preprocessed case.</summary>
    /// <param name="patch">Voxels of the patch.</param>
    /// <param name="start">First voxel of the initial patch in the case.</param>
    /// <param name="initial">Voxels of the initial patch.</param>
    /// <param name="cropStart">First voxel of the patch in the initial one, where nothing is turned or scaled.</param>
    /// <param name="drawn">What was drawn. An elastic deformation cannot be written into a header and is left out.</param>
    public ImageGeometry OfPatch(Extent patch, Extent start, Extent initial, Extent cropStart, AugmentationRecord drawn) =>
        Through(patch, voxel =>
        {
            double Unmirrored(int axis) => drawn.MirroredAxes.Contains(axis) ? patch[axis] - 1 - voxel[axis] : voxel[axis];
            var (z, y, x) = (Unmirrored(0), Unmirrored(1), Unmirrored(2));
            var inside = drawn.Transform.IsIdentity
                ? new Vector3D(z + cropStart.Z, y + cropStart.Y, x + cropStart.X)
                : drawn.Transform.Matrix.Apply(
                    z - ((patch.Z - 1) * 0.5), y - ((patch.Y - 1) * 0.5), x - ((patch.X - 1) * 0.5)) is var q
                ? new Vector3D(
                    q.Z + ((initial.Z - 1) * 0.5), q.Y + ((initial.Y - 1) * 0.5), q.X + ((initial.X - 1) * 0.5))
                : default;
            return ToScan(properties.Shape, new Vector3D(inside.Z + start.Z, inside.Y + start.Y, inside.X + start.X));
        });

    /// <summary>The voxel of a volume that is nearest to a point.</summary>
    /// <param name="geometry">The volume's.</param>
    /// <param name="point">mm (x, y, z).</param>
    public static Extent VoxelAt(ImageGeometry geometry, double[] point)
    {
        // Cramer's rule on the affine's 3×3 part.
        var a = geometry.Affine;
        double[] d = [point[0] - a[3], point[1] - a[7], point[2] - a[11]];
        double Determinant(Func<int, int, double> m) =>
            (m(0, 0) * ((m(1, 1) * m(2, 2)) - (m(1, 2) * m(2, 1)))) - (m(0, 1) * ((m(1, 0) * m(2, 2)) - (m(1, 2) * m(2, 0))))
                + (m(0, 2) * ((m(1, 0) * m(2, 1)) - (m(1, 1) * m(2, 0))));
        var whole = Determinant((row, column) => a[(4 * row) + column]);
        int At(int replaced)
        {
            var position = Determinant((row, column) => column == replaced ? d[row] : a[(4 * row) + column]) / whole;
            return (int)Math.Clamp(Math.Round(position), 0, int.MaxValue);
        }

        return new Extent(At(2), At(1), At(0));
    }

    /// <summary>The point of a voxel (z, y, x), mm (x, y, z).</summary>
    public static double[] PointAt(ImageGeometry geometry, Vector3D voxel) => PointAt(geometry.Affine, voxel);

    private static double[] PointAt(double[] affine, Vector3D voxel) =>
    [
        .. Enumerable.Range(0, 3).Select(row => (affine[4 * row] * voxel.X) + (affine[(4 * row) + 1] * voxel.Y)
            + (affine[(4 * row) + 2] * voxel.Z) + affine[(4 * row) + 3]),
    ];

    /// <summary>A voxel of the box at some resolution as a voxel of the scan's file.</summary>
    private Vector3D ToScan(Extent shape, Vector3D voxel)
    {
        Span<double> turned = stackalloc double[3], stored = stackalloc double[3];
        for (var axis = 0; axis < 3; axis++)
        {
            var scale = properties.ShapeAfterCropping[axis] / (double)shape[axis];
            turned[transposeForward[axis]] = properties.BboxOrigin[axis] + ((voxel[axis] + 0.5) * scale) - 0.5;
        }

        var signed = properties.Orientation.ToSigned();
        for (var axis = 0; axis < 3; axis++)
        {
            var of = Math.Abs(signed[axis]) - 1;
            stored[of] = signed[axis] < 0 ? scan.Extent[of] - 1 - turned[axis] : turned[axis];
        }

        return new Vector3D(stored[0], stored[1], stored[2]);
    }

    /// <summary>The affine of a grid from where four of its voxels lie in the scan.</summary>
    private ImageGeometry Through(Extent extent, Func<Vector3D, Vector3D> toScan)
    {
        var spacing = scan.Spacing;
        var affine = PatientSpace.AxisCodes(scan.Affine).Contains('?', StringComparison.Ordinal)
            ? [spacing.X, 0, 0, 0, 0, spacing.Y, 0, 0, 0, 0, spacing.Z, 0] // the file does not say: in its own axes
            : scan.Affine;
        double[] Point(double z, double y, double x) => PointAt(affine, toScan(new Vector3D(z, y, x)));
        var origin = Point(0, 0, 0);
        double[][] steps =
        [
            .. new[] { Point(0, 0, 1), Point(0, 1, 0), Point(1, 0, 0) }
                .Select(next => next.Zip(origin, (to, from) => to - from).ToArray()),
        ];
        double Length(double[] step) => Math.Sqrt(step.Sum(value => value * value));
        var (y, x) = (Length(steps[1]), Length(steps[0]));
        var isPicture = extent.Z == 1 && ImageFormat.IsWithoutThickness(scan.Extent, spacing);
        return new ImageGeometry(
            extent, isPicture ? ImageFormat.SliceSpacing(y, x) : new Spacing(Length(steps[2]), y, x),
            [.. Enumerable.Range(0, 3).SelectMany(row => new[] { steps[0][row], steps[1][row], steps[2][row], origin[row] })],
            "", []);
    }
}
