namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>Distance between voxel centres in mm, in array order (z, y, x).</summary>
public readonly record struct Spacing(double Z, double Y, double X)
{
    /// <summary>
    /// The range of spacings that are believed, mm: from far below an atom to far above any image, even where a slice has been
    /// made the coarsest axis twice. Beyond it a file is damaged, and rules that coarsen axes step by step would hardly end.
    /// </summary>
    internal const double Least = 1e-9, Most = 1e12;

    /// <summary>The spacing of an axis; 0 = z, 1 = y, 2 = x.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The axis is not 0, 1 or 2.</exception>
    public double this[int axis] => axis switch
    {
        0 => Z,
        1 => Y,
        2 => X,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, "an axis is 0 (z), 1 (y) or 2 (x)"),
    };

    /// <summary>Three values in z, y, x order, from any list of three.</summary>
    /// <exception cref="ArgumentException">The list does not have three entries.</exception>
    public static Spacing FromArray(IReadOnlyList<double> zyx) => zyx.Count == 3
        ? new(zyx[0], zyx[1], zyx[2])
        : throw new ArgumentException($"a spacing has three entries (z, y, x), not {zyx.Count}", nameof(zyx));

    /// <summary>Whether a file's number of mm can be a spacing; false for what is not a number.</summary>
    internal static bool IsPlausible(double millimetres) => millimetres is >= Least and <= Most;

    /// <summary>The three values as an array (z, y, x).</summary>
    public double[] ToArray() => [Z, Y, X];

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Z:0.###}×{Y:0.###}×{X:0.###} mm");
}
