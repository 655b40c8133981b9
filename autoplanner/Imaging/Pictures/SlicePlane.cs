using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging.Pictures;

/// <summary>
/// A slice across one axis of the array, turned as radiologists hang it: front or head at the top, the patient's right (in
/// sagittal slices the front) on the left. Where the file says nothing about the patient it stays as it lies in the array.
/// </summary>
internal sealed class SlicePlane
{
    private readonly Extent extent;
    private readonly int rowAxis, columnAxis;
    private readonly bool flipRows, flipColumns;

    private SlicePlane(ImageGeometry geometry, int axis, int position)
    {
        (extent, Axis, Position) = (geometry.Extent, axis, position);
        (rowAxis, columnAxis) = (axis == 0 ? 1 : 0, axis == 2 ? 1 : 2);
        var codes = PatientSpace.AxisCodes(geometry.Affine);
        char Code(int arrayAxis) => codes[2 - arrayAxis]; // codes are of (x, y, z)
        Name = Code(axis) switch { 'S' or 'I' => "axial", 'A' or 'P' => "coronal", 'R' or 'L' => "sagittal", _ => "" };
        var isPicture = ImageFormat.IsWithoutThickness(extent, geometry.Spacing);
        if (isPicture || codes.Contains('?', StringComparison.Ordinal))
        {
            Name = isPicture ? "image" : $"across {"zyx"[axis]}";
            Left = Right = Top = Bottom = "";
        }
        else
        {
            if (Code(rowAxis) is 'R' or 'L' || (Name == "sagittal" && Code(rowAxis) is 'A' or 'P'))
            {
                (rowAxis, columnAxis) = (columnAxis, rowAxis);
            }

            // A code names the side to which the index grows.
            flipRows = Code(rowAxis) is 'A' or 'S';
            flipColumns = Code(columnAxis) is 'R' or 'A';
            (Top, Bottom) = Code(rowAxis) is 'A' or 'P' ? ("A", "P") : ("S", "I");
            (Left, Right) = Code(columnAxis) is 'R' or 'L' ? ("R", "L") : ("A", "P");
        }

        (Rows, Columns) = (extent[rowAxis], extent[columnAxis]);
        (HeightMm, WidthMm) = (Rows * geometry.Spacing[rowAxis], Columns * geometry.Spacing[columnAxis]);
    }

    /// <summary>The array axis (0 = z) that it lies across.</summary>
    public int Axis { get; }

    /// <summary>Index on that axis.</summary>
    public int Position { get; }

    /// <summary>How many slices there are.</summary>
    public int Slices => extent[Axis];

    /// <summary>axial, coronal or sagittal; the array's axis where the file does not say.</summary>
    public string Name { get; }

    /// <summary>Letter of the patient's side at that edge: R, L, A, P, S or I; empty where the file does not say.</summary>
    public string Left { get; }

    /// <inheritdoc cref="Left"/>
    public string Right { get; }

    /// <inheritdoc cref="Left"/>
    public string Top { get; }

    /// <inheritdoc cref="Left"/>
    public string Bottom { get; }

    /// <summary>Voxels from top to bottom.</summary>
    public int Rows { get; }

    /// <summary>Voxels from left to right.</summary>
    public int Columns { get; }

    /// <summary>Height in mm.</summary>
    public double HeightMm { get; }

    /// <summary>Width in mm.</summary>
    public double WidthMm { get; }

    /// <summary>
    /// Three slices through a case, or the one of a 2D image: where there is something to see and most to learn.
    /// </summary>
    /// <param name="geometry">The case's.</param>
    /// <param name="shown">1 for a voxel that should be seen, else 0. Slices with less than half of the most are passed
    /// over.</param>
    /// <param name="interest">Of the other slices the one with the largest sum is taken; where all are 0, the one that shows
    /// most.</param>
    public static IReadOnlyList<SlicePlane> Through(ImageGeometry geometry, Func<long, int> shown, Func<long, int> interest)
    {
        var extent = geometry.Extent;
        long[][] Zeros() => [.. Enumerable.Range(0, 3).Select(axis => new long[extent[axis]])];
        var (seen, interests) = (Zeros(), Zeros());
        long i = 0;
        for (var z = 0; z < extent.Z; z++)
        {
            for (var y = 0; y < extent.Y; y++)
            {
                for (var x = 0; x < extent.X; x++, i++)
                {
                    var (amount, more) = (shown(i), interest(i));
                    (seen[0][z], seen[1][y], seen[2][x]) = (seen[0][z] + amount, seen[1][y] + amount, seen[2][x] + amount);
                    (interests[0][z], interests[1][y], interests[2][x]) =
                        (interests[0][z] + more, interests[1][y] + more, interests[2][x] + more);
                }
            }
        }

        // Of equals the one in the middle.
        int Choose(int axis)
        {
            var (visible, most) = (seen[axis], seen[axis].Max());
            return Enumerable.Range(0, extent[axis]).Where(p => 2 * visible[p] >= most)
                .OrderByDescending(p => interests[axis][p]).ThenByDescending(p => visible[p])
                .ThenBy(p => Math.Abs(p - (extent[axis] / 2))).First();
        }

        var planes = Enumerable.Range(0, 3).Where(axis => extent.Z > 1 || axis == 0)
            .Select(axis => new SlicePlane(geometry, axis, Choose(axis)));
        return InOrder(planes);
    }

    /// <summary>The three slices through a voxel, or the one of a 2D image.</summary>
    /// <param name="geometry">The volume's.</param>
    /// <param name="voxel">(z, y, x).</param>
    public static IReadOnlyList<SlicePlane> At(ImageGeometry geometry, Extent voxel) => InOrder(
        Enumerable.Range(0, 3).Where(axis => geometry.Extent.Z > 1 || axis == 0)
            .Select(axis => new SlicePlane(geometry, axis, Math.Clamp(voxel[axis], 0, geometry.Extent[axis] - 1))));

    private static SlicePlane[] InOrder(IEnumerable<SlicePlane> planes) =>
        [.. planes.OrderBy(plane => Array.IndexOf(["axial", "coronal", "sagittal"], plane.Name))];

    /// <summary>Index in the array (z, y, x) of a voxel of the slice, counted from its top left.</summary>
    public long Index(int row, int column)
    {
        var p = default(Extent).With(Axis, Position)
            .With(rowAxis, flipRows ? Rows - 1 - row : row).With(columnAxis, flipColumns ? Columns - 1 - column : column);
        return (((long)p.Z * extent.Y) + p.Y) * extent.X + p.X;
    }

    /// <inheritdoc/>
    public override string ToString() => Slices == 1 ? Name : $"{Name}, slice {Position + 1} of {Slices}";
}
