using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Which axes are not mirrored because labels tell left from right (docs/method/planning.md §3.12): nnU-Net mirrors all, and
/// leaves it to the user to notice.
/// </summary>
internal static class MirroringDecision
{
    private const int MostNamed = 4;
    private const int UsualLeftRight = 2; // x: axial scans, of which nothing else is known

    /// <summary>Decides, and puts on record what departs from nnU-Net or was asked for.</summary>
    /// <param name="facts">Pairs of labels, and along which axes left and right lie.</param>
    /// <param name="rule">What the user wants.</param>
    /// <param name="forward">The plans' axis order.</param>
    /// <param name="log">Gets the decision.</param>
    /// <returns>Transposed axes, ascending.</returns>
    public static IReadOnlyList<int> UnmirroredAxes(PlanningFacts facts, MirroringRule rule, int[] forward, DecisionLog log)
    {
        var pairs = facts.LeftRightPairs;
        if (rule == MirroringRule.Auto && pairs.Count == 0)
        {
            return [];
        }

        var stored = Stored(facts.Fingerprint);
        var axes = rule == MirroringRule.All ? [] : LeftRightAxes(facts.Fingerprint, forward);
        log.Add(
            null, "unmirrored_axes",
            rule switch
            {
                MirroringRule.All => "as asked for: all axes are mirrored, as in nnU-Net",
                MirroringRule.NotLeftRight => "as asked for: the left-right axis is not mirrored",
                _ => "labels tell left from right: their axis is not mirrored (docs/method/planning.md §3.12)",
            },
            $"{(pairs.Count == 0 ? "no pairs of labels" : Named(pairs))}; left and right lie along {Letters(stored)} of the files"
                + (facts.Fingerprint.LeftRightAxes is null ? ", as usual: the fingerprint does not say" : ""),
            axes.Length == 0 ? "none" : string.Join(" ", axes));
        return axes;
    }

    /// <summary>The plans' axes along which left and right lie in at least one case, ascending.</summary>
    /// <param name="fingerprint">Knows those of the files; x, as usual, if it does not say.</param>
    /// <param name="forward">The plans' axis order.</param>
    public static int[] LeftRightAxes(Fingerprint fingerprint, int[] forward) =>
        [.. Stored(fingerprint).Select(axis => Array.IndexOf(forward, axis)).Order()];

    private static IReadOnlyList<int> Stored(Fingerprint fingerprint) => fingerprint.LeftRightAxes ?? [UsualLeftRight];

    /// <summary>What a user must know of plans that depart from nnU-Net's unasked; null if nothing.</summary>
    public static string? Notice(Plans plans, LabelScheme labels)
    {
        string[] pairs = [.. LeftRightPairs.Of(labels).Select(pair => $"{pair.Left.Name}/{pair.Right.Name}")];
        return plans.UnmirroredAxes.Count == 0 || pairs.Length == 0 ? null
            : $"labels tell left from right ({Named(pairs)}): unlike in nnU-Net, that axis is mirrored neither in training nor "
                + "in prediction; `--mirroring all` mirrors it";
    }

    private static string Named(IReadOnlyList<string> pairs) =>
        string.Join(", ", pairs.Take(MostNamed)) + (pairs.Count > MostNamed ? $" and {pairs.Count - MostNamed} more" : "");

    private static string Letters(IEnumerable<int> axes) => string.Join(" or ", axes.Select(axis => "zyx"[axis]));
}
