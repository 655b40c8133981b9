using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>The full-resolution target spacing, mm, in the files' axis order (docs/method/planning.md §3.1 and §4.1).</summary>
internal static class TargetSpacing
{
    // nnU-Net v2: coarse axis at least so many times the others, and so much shorter
    private const double AnisotropyRatio = 3;
    private const double AnisotropicPercentile = 10;    // nnU-Net v2: percentile of the coarse axis's spacings

    /// <summary>
    /// Median per axis; for clearly anisotropic data a finer value on the coarse axis, never finer than the other axes.
    /// </summary>
    public static Spacing Modern(Fingerprint fingerprint, DecisionLog log)
    {
        var median = Median(fingerprint);
        var size = MedianSize(fingerprint);
        var coarse = Transposition.CoarsestAxis(median);
        var others = Enumerable.Range(0, 3).Where(axis => axis != coarse).ToArray();
        var coarsestOther = others.Max(axis => median[axis]);
        var smallestOther = others.Min(axis => size[axis]);
        var isAnisotropic = median[coarse] > AnisotropyRatio * coarsestOther && size[coarse] * AnisotropyRatio < smallestOther;
        var target = median.ToArray();
        if (isAnisotropic)
        {
            var fine = OrderStatistics.Percentile(fingerprint.Spacings.Select(spacing => spacing[coarse]), AnisotropicPercentile);

            // The axis must stay the coarsest one, or the transposition would change.
            target[coarse] = fine < coarsestOther ? coarsestOther + 1e-5 : fine;
        }

        var result = Spacing.FromArray(target);
        log.Add(
            null, "target spacing",
            isAnisotropic
                ? "median per axis; coarse axis > 3× the others and 3× fewer voxels → 10th percentile there "
                    + "(docs/method/planning.md §3.1)"
                : "median per axis of all spacings (docs/method/planning.md §3.1)",
            $"median spacing {PlanText.Millimetres(median.ToArray())}, median shape {PlanText.Sizes(size)}, "
                + $"{fingerprint.CaseCount} cases",
            PlanText.Millimetres(target));
        return result;
    }

    /// <summary>Median per axis.</summary>
    public static Spacing Classic(Fingerprint fingerprint, DecisionLog log)
    {
        var median = Median(fingerprint);
        log.Add(
            null, "target spacing", "median per axis of all spacings (docs/method/planning.md §4.1)",
            $"{fingerprint.CaseCount} cases",
            PlanText.Millimetres(median.ToArray()));
        return median;
    }

    /// <summary>Per-axis median of the cases' spacings.</summary>
    public static Spacing Median(Fingerprint fingerprint) =>
        Spacing.FromArray(
            [.. Enumerable.Range(0, 3).Select(axis => OrderStatistics.Median(fingerprint.Spacings.Select(s => s[axis])))]);

    /// <summary>Per-axis median of the cases' sizes in their own voxels.</summary>
    public static double[] MedianSize(Fingerprint fingerprint) =>
        [.. Enumerable.Range(0, 3)
            .Select(axis => OrderStatistics.Median(fingerprint.ShapesAfterCrop.Select(s => (double)s[axis])))];
}

/// <summary>A target spacing that the user chose: it replaces the rule and governs every configuration, 2D included.</summary>
internal static class UserSpacing
{
    /// <summary>The user's spacing, in the files' axis order; null if there is none.</summary>
    /// <exception cref="SharpSegException">Not three positive numbers.</exception>
    public static Spacing? Of(PlannerOptions options, DecisionLog log)
    {
        if (options.TargetSpacing is not { } spacing)
        {
            return null;
        }

        if (!spacing.ToArray().All(Spacing.IsPlausible))
        {
            throw new SharpSegException(
                $"target spacing {PlanText.Millimetres(spacing.ToArray())} must be three positive numbers (z, y, x)");
        }

        log.Add(
            null, "target spacing", "as the user asked (docs/method/planning.md §3.1)", "",
            PlanText.Millimetres(spacing.ToArray()));
        return spacing;
    }
}
