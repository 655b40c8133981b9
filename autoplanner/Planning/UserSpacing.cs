using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Planning;

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

        if (spacing.ToArray().Any(value => !double.IsFinite(value) || value <= 0))
        {
            throw new SharpSegException($"target spacing {PlanText.Millimetres(spacing.ToArray())} must be three positive numbers (z, y, x)");
        }

        log.Add(
            null, "target spacing", "as the user asked (docs/method/planning.md §3.1)", "", PlanText.Millimetres(spacing.ToArray()));
        return spacing;
    }
}
