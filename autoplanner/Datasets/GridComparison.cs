using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>Whether two files of a case lie on one grid (docs/method/datasets.md §7 and §9).</summary>
internal static class GridComparison
{
    private const double NoiseInSpacing = 1e-2; // relative; with every corner within a tenth of a voxel, nobody's intention

    /// <summary>Spacings that are not close; of single slices one header may state the thickness and another not.</summary>
    public static bool HasOtherSpacing(ImageGeometry a, ImageGeometry b) =>
        !IsClose(a.Spacing.Y, b.Spacing.Y) || !IsClose(a.Spacing.X, b.Spacing.X)
            || (!IsFlat(a, b) && !IsClose(a.Spacing.Z, b.Spacing.Z));

    /// <summary>The largest difference between two affines; null where all entries are close.</summary>
    public static double? AffineDifference(ImageGeometry a, ImageGeometry b)
    {
        // Of flat images the third column is the axis across.
        var entries = a.Affine.Zip(b.Affine).Where((_, i) => !IsFlat(a, b) || i % 4 != 2).ToArray();
        return entries.All(pair => IsClose(pair.First, pair.Second))
            ? null
            : entries.Max(pair => Math.Abs(pair.First - pair.Second));
    }

    /// <summary>Whether `verify` reports that the second grid is not the first.</summary>
    public static bool Differs(ImageGeometry a, ImageGeometry b) =>
        HasOtherSpacing(a, b) || AffineDifference(a, b) is not null;

    /// <summary>
    /// Whether two headers of one size differ, but by so little that they mean the same: no corner is farther from its twin than
    /// a tenth of the smallest voxel edge, and no spacing differs by more than a hundredth.
    /// </summary>
    public static bool IsNoise(ImageGeometry a, ImageGeometry b) =>
        a.Extent == b.Extent && a.SpacingProblem is null && b.SpacingProblem is null
            && Differs(a, b)
            && Enumerable.Range(IsFlat(a, b) ? 1 : 0, IsFlat(a, b) ? 2 : 3)
                .All(axis => Math.Abs(a.Spacing[axis] - b.Spacing[axis]) <= NoiseInSpacing * b.Spacing[axis])
            && PatientSpace.Displacement(a, b) is null;

    private static bool IsFlat(ImageGeometry a, ImageGeometry b) => a.Extent.Z == 1 && b.Extent.Z == 1
        && (ImageFormat.IsWithoutThickness(a.Extent, a.Spacing) || ImageFormat.IsWithoutThickness(b.Extent, b.Spacing));

    private static bool IsClose(double a, double b) => Math.Abs(a - b) <= 1e-8 + (1e-5 * Math.Abs(b));
}
