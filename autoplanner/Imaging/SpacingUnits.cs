using System.Globalization;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Finds spacings that are probably not in mm (docs/method/datasets.md §7): a scan in cm, m or µm is resampled to a grid on which
/// a network sees nothing that it knows, without any error.
/// </summary>
internal static class SpacingUnits
{
    // Along every axis finer or coarser by so much. Protocols differ by less, or along one axis; between mm and cm lie ten.
    private const double Least = 5;

    /// <summary>What is doubtful about a scan's spacing; null for nothing.</summary>
    /// <param name="extent">Voxels; axes of one voxel do not count.</param>
    /// <param name="own">The scan's spacing.</param>
    /// <param name="median">The usual one, axes in the same order.</param>
    /// <param name="of">What the median is of, for the line.</param>
    public static string? Doubt(Extent extent, Spacing own, Spacing median, string of)
    {
        double[] ratios = [.. Enumerable.Range(0, 3).Where(axis => extent[axis] > 1).Select(axis => own[axis] / median[axis])];
        return ratios.Length > 0 && (ratios.All(ratio => ratio >= Least) || ratios.All(ratio => ratio <= 1 / Least))
            ? $"its voxels are {Text(own)}, the median of {of} is {Text(median)} (z, y, x): is the spacing in its header in mm?"
            : null;
    }

    /// <summary>The doubtful ones among the cases of a dataset.</summary>
    /// <param name="grids">Of every case voxels and spacing.</param>
    /// <returns>Index and doubt.</returns>
    public static IEnumerable<(int Index, string Doubt)> Among(IReadOnlyList<(Extent Extent, Spacing Spacing)> grids)
    {
        if (grids.Count == 0)
        {
            yield break;
        }

        double Median(int axis) => grids.Select(grid => grid.Spacing[axis]).Order().ElementAt(grids.Count / 2);
        var median = new Spacing(Median(0), Median(1), Median(2));
        foreach (var (i, grid) in grids.Index())
        {
            if (Doubt(grid.Extent, grid.Spacing, median, "all cases") is { } doubt)
            {
                yield return (i, doubt);
            }
        }
    }

    private static string Text(Spacing spacing) =>
        string.Join('×', spacing.ToArray().Select(value => value.ToString("g4", CultureInfo.InvariantCulture))) + " mm";
}
