namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Formats name their axes of the patient differently; NIfTI's are right, anterior, superior. Turning left into right or
/// posterior into anterior changes the sign of a row of the affine.
/// </summary>
internal static class PatientSpace
{
    private const double Tolerance = 0.1; // of a voxel's edge; headers store float32

    /// <summary>
    /// An affine in NIfTI's directions from axis vectors (mm a voxel) and origin of another space. Of two axes in a plane the
    /// third is the unit z; of two in a volume it is their normal, 1 mm long.
    /// </summary>
    /// <param name="columns">2 or 3 vectors, each with 2 or 3 numbers, all alike.</param>
    /// <param name="origin">As many numbers.</param>
    /// <param name="space">The other space, e.g. left-posterior-superior.</param>
    public static double[] Affine(double[][] columns, double[] origin, string space)
    {
        var affine = new double[12];
        for (var row = 0; row < origin.Length; row++)
        {
            var sign = Sign(space, row);
            for (var column = 0; column < columns.Length; column++)
            {
                affine[(4 * row) + column] = sign * columns[column][row];
            }

            affine[(4 * row) + 3] = sign * origin[row];
        }

        if (columns.Length == 2)
        {
            double Normal(int row)
            {
                var (a, b) = ((row + 1) % 3, (row + 2) % 3);
                return (affine[4 * a] * affine[(4 * b) + 1]) - (affine[4 * b] * affine[(4 * a) + 1]);
            }

            double[] normal = [Normal(0), Normal(1), Normal(2)];
            var length = Math.Sqrt(normal.Sum(value => value * value));
            for (var row = 0; row < 3; row++)
            {
                affine[(4 * row) + 2] = origin.Length == 2 || !(length > 0) ? (row == 2 ? 1 : 0) : normal[row] / length;
            }
        }

        return affine;
    }

    /// <summary>The way back: unit direction of each axis (x, y, z) and the origin, in another space.</summary>
    public static (double[][] Directions, double[] Origin) Directions(ImageGeometry image, string space)
    {
        var affine = image.Affine;
        var directions = new double[3][];
        for (var axis = 0; axis < 3; axis++)
        {
            double[] column = [affine[axis], affine[4 + axis], affine[8 + axis]];
            var length = Math.Sqrt(column.Sum(value => value * value));
            directions[axis] = length > 0 && double.IsFinite(length)
                ? [.. column.Select((value, row) => Clean(Sign(space, row) * value / length))]
                : [.. Enumerable.Range(0, 3).Select(row => row == axis ? 1.0 : 0)];
        }

        return (directions, [.. Enumerable.Range(0, 3).Select(row => Clean(Sign(space, row) * affine[(4 * row) + 3]))]);
    }

    /// <summary>
    /// Letters of the patient direction nearest to each voxel axis: R/L, A/P, S/I; `?` where the affine says nothing.
    /// </summary>
    public static string AxisCodes(double[] affine)
    {
        var codes = "???".ToCharArray();
        var taken = new bool[3];
        foreach (var (row, column) in Enumerable.Range(0, 9).Select(i => (Row: i / 3, Column: i % 3))
            .OrderByDescending(at => Math.Abs(affine[(4 * at.Row) + at.Column])))
        {
            var value = affine[(4 * row) + column];
            if (!taken[row] && codes[column] == '?' && Math.Abs(value) > 0)
            {
                taken[row] = true;
                codes[column] = (value > 0 ? "RAS" : "LPI")[row];
            }
        }

        return new(codes);
    }

    /// <summary>
    /// Axis of the arrays (0 = z) along which the patient's left and right lie; x where the affine says nothing, as in
    /// photographs.
    /// </summary>
    public static int LeftRightAxis(double[] affine) => AxisCodes(affine).AsSpan().IndexOfAny('L', 'R') is var column and >= 0
        ? 2 - column
        : 2;

    /// <summary>
    /// How two grids of one size lie to each other in space: null where no corner is farther from its twin than a tenth of the
    /// smallest voxel edge, else the distance in words, with the axes' directions where they differ.
    /// </summary>
    public static string? Displacement(ImageGeometry a, ImageGeometry b)
    {
        var farthest = 0.0;
        for (var corner = 0; corner < 8; corner++)
        {
            double[] voxel =
            [
                (corner & 1) * (a.Extent.X - 1), ((corner >> 1) & 1) * (a.Extent.Y - 1), (corner >> 2) * (a.Extent.Z - 1), 1,
            ];
            var square = 0.0;
            for (var row = 0; row < 3; row++)
            {
                var difference = Enumerable.Range(0, 4).Sum(i => (a.Affine[(4 * row) + i] - b.Affine[(4 * row) + i]) * voxel[i]);
                square += difference * difference;
            }

            farthest = Math.Max(farthest, Math.Sqrt(square));
        }

        var edge = Math.Min(b.Spacing.Z, Math.Min(b.Spacing.Y, b.Spacing.X));
        if (farthest <= Tolerance * edge)
        {
            return null;
        }

        var (axesA, axesB) = (AxisCodes(a.Affine), AxisCodes(b.Affine));
        return FormattableString.Invariant($"by up to {farthest:0.##} mm")
            + (axesA == axesB ? "" : $", axes {axesA} and {axesB}");
    }

    // No "-0" in text headers.
    private static double Clean(double value) => value == 0 ? 0 : value;

    private static double Sign(string space, int row) => row switch
    {
        0 => space.StartsWith("left", StringComparison.Ordinal) ? -1 : 1,
        1 => space.Contains("posterior", StringComparison.Ordinal) ? -1 : 1,
        _ => 1,
    };
}
