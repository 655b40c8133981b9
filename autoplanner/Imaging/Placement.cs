using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Where the voxels lie in space, from what a header says of it more than once: affine and spacing contradict one another, a
/// matrix is no place at all. As in nnU-Net's readers the spacing counts, and the affine gives directions and origin only
/// (docs/method/datasets.md §6.5).
/// </summary>
internal static class Placement
{
    private const double LengthTolerance = 1e-3; // relative; headers store float32 and rounded numbers
    private const double LeastVolume = 1e-4; // of three unit vectors; below it they lie in a plane
    private const string NoOrigin = "its origin holds NaN or infinity; 0 is assumed there";

    /// <summary>The geometry of a file.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="extent">Voxels.</param>
    /// <param name="spacing">As <see cref="ImageFormat.SpacingOf"/> gives it, with what is wrong with it.</param>
    /// <param name="spacingName">The header's word for it.</param>
    /// <param name="stated">
    /// Affines in the order in which they count, each with the header's word for it; the last one, of the spacing alone, can
    /// always be used.
    /// </param>
    /// <param name="format">Name of the format.</param>
    /// <param name="header">The header's bytes.</param>
    public static ImageGeometry Of(
        string path, Extent extent, (Spacing Spacing, string? Problem) spacing, string spacingName,
        IReadOnlyList<(string Name, double[] Affine)> stated, string format, byte[] header)
    {
        var problems = new List<string>();
        foreach (var (i, (name, affine)) in stated.Index())
        {
            var own = (double[])affine.Clone();
            if (extent.Z == 1)
            {
                GiveNormal(own, ImageFormat.IsWithoutThickness(extent, spacing.Spacing) ? null : spacing.Spacing.Z);
            }

            var last = i == stated.Count - 1;
            if (!last && Fault(own) is { } fault)
            {
                problems.Add($"its {name} {fault} and is not used");
                continue;
            }

            if (problems.Count > 0)
            {
                problems.Add(last ? "only the spacing says how the voxels lie" : $"its {name} is");
            }

            Fit(own, extent, spacing.Spacing, spacing.Problem is null, name, spacingName, problems);
            return new(extent, spacing.Spacing, own, format, header, spacing.Problem)
            {
                AffineProblem = problems.Count == 0 ? null : $"`{Path.GetFileName(path)}`: {string.Join("; ", problems)}",
            };
        }

        throw new ArgumentException("no affine", nameof(stated));
    }

    /// <summary>Makes the columns as long as the spacing, where they are not, and says what was odd.</summary>
    private static void Fit(
        double[] affine, Extent extent, Spacing spacing, bool isSpacingStated, string name, string spacingName,
        List<string> problems)
    {
        for (var row = 0; row < 3; row++)
        {
            ref var origin = ref affine[(4 * row) + 3];
            if (!double.IsFinite(origin))
            {
                origin = 0;
                if (!problems.Contains(NoOrigin))
                {
                    problems.Add(NoOrigin);
                }
            }
        }

        var axes = ImageFormat.IsWithoutThickness(extent, spacing) ? 2 : 3; // what lies across an image has no length
        double[] lengths = [.. Enumerable.Range(0, axes).Select(axis => Length(affine, axis))];
        double[] stated = [.. Enumerable.Range(0, axes).Select(axis => spacing[2 - axis])];
        if (lengths.Zip(stated).Any(pair => Math.Abs(pair.First - pair.Second) > LengthTolerance * pair.Second))
        {
            if (isSpacingStated)
            {
                string Text(IEnumerable<double> xyz) =>
                    string.Join('×', xyz.Reverse().Select(value => FormattableString.Invariant($"{value:g6}")));
                problems.Add(
                    $"its {name} makes voxels of {Text(lengths)} mm ({"zyx"[^axes..]}), its {spacingName} of "
                        + $"{Text(stated)} mm, which counts");
            }

            for (var axis = 0; axis < axes; axis++)
            {
                Scale(affine, axis, stated[axis] / lengths[axis]);
            }
        }
    }

    /// <summary>Why a matrix is no place in space; null if it is one.</summary>
    private static string? Fault(double[] affine) =>
        !Enumerable.Range(0, 3).All(axis => double.IsFinite(Length(affine, axis))) ? "holds NaN or infinity"
        : Volume(affine) >= LeastVolume ? null
        : "is singular";

    /// <summary>
    /// The axis across a single slice may be missing: then it is the normal of the two others. Without a thickness it is 1 mm
    /// long.
    /// </summary>
    private static void GiveNormal(double[] affine, double? thickness)
    {
        if (Volume(affine) >= LeastVolume)
        {
            Scale(affine, 2, thickness is null ? 1 / Length(affine, 2) : 1);
            return;
        }

        double[] normal =
        [
            .. Enumerable.Range(0, 3).Select(row => (Row: 4 * ((row + 1) % 3), Next: 4 * ((row + 2) % 3)))
                .Select(at => (affine[at.Row] * affine[at.Next + 1]) - (affine[at.Next] * affine[at.Row + 1])),
        ];
        var size = Math.Sqrt(normal.Sum(value => value * value));
        for (var row = 0; row < 3 && size > 0; row++)
        {
            affine[(4 * row) + 2] = normal[row] / size * (thickness ?? 1);
        }
    }

    /// <summary>Of the three unit vectors along the axes; 0 where one is none.</summary>
    private static double Volume(double[] affine)
    {
        var determinant = 0.0;
        for (var row = 0; row < 3; row++)
        {
            var (next, other) = (4 * ((row + 1) % 3), 4 * ((row + 2) % 3));
            determinant += affine[4 * row]
                * ((affine[next + 1] * affine[other + 2]) - (affine[next + 2] * affine[other + 1]));
        }

        var volume = Math.Abs(determinant) / (Length(affine, 0) * Length(affine, 1) * Length(affine, 2));
        return double.IsFinite(volume) ? volume : 0;
    }

    private static double Length(double[] affine, int axis) => Math.Sqrt(
        (affine[axis] * affine[axis]) + (affine[4 + axis] * affine[4 + axis]) + (affine[8 + axis] * affine[8 + axis]));

    private static void Scale(double[] affine, int axis, double factor)
    {
        for (var row = 0; row < 3; row++)
        {
            affine[(4 * row) + axis] *= factor;
        }
    }
}
