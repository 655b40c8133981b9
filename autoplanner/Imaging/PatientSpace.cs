namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Formats name their axes of the patient differently; NIfTI's are right, anterior, superior. Turning left into right or posterior into
/// anterior changes the sign of a row of the affine.
/// </summary>
internal static class PatientSpace
{
    /// <summary>An affine in NIfTI's directions from axis vectors (mm a voxel) and origin of another space; 2D gets a third axis of 1 mm.</summary>
    public static double[] Affine(double[][] columns, double[] origin, string space)
    {
        var affine = new double[12];
        affine[10] = columns.Length == 2 ? 1 : 0;
        for (var row = 0; row < columns.Length; row++)
        {
            var sign = Sign(space, row);
            for (var column = 0; column < columns.Length; column++)
            {
                affine[(4 * row) + column] = sign * columns[column][row];
            }

            affine[(4 * row) + 3] = sign * origin[row];
        }

        return affine;
    }

    /// <summary>The way back: unit direction of each axis and the origin, in another space.</summary>
    public static (double[][] Columns, double[] Origin) Columns(double[] affine, Spacing spacing, string space)
    {
        double[] scale = [spacing.X, spacing.Y, spacing.Z];
        var columns = new double[3][];
        for (var column = 0; column < 3; column++)
        {
            columns[column] = [.. Enumerable.Range(0, 3).Select(row => Clean(Sign(space, row) * affine[(4 * row) + column] / scale[column]))];
            if (columns[column].All(value => value == 0) || columns[column].Any(value => !double.IsFinite(value)))
            {
                columns[column] = [.. Enumerable.Range(0, 3).Select(row => row == column ? 1.0 : 0)];
            }
        }

        return (columns, [.. Enumerable.Range(0, 3).Select(row => Clean(Sign(space, row) * affine[(4 * row) + 3]))]);
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
