namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Patch, network and memory estimate of one configuration.</summary>
internal sealed record PlannedPatch(int[] Patch, ArchitecturePlan Architecture, long Estimate);

/// <summary>
/// Profile `modern`: start from a patch that covers equal millimetres on all axes, no larger than the median case; then shrink
/// the axis that covers most of the median case until the memory estimate fits (docs/method/planning.md §3.6).
/// </summary>
internal static class PatchSizeRule
{
    private const double StartVoxels3D = 256.0 * 256 * 256;
    private const double StartVoxels2D = 2048.0 * 2048;

    /// <summary>The patch.</summary>
    /// <param name="spacing">mm, 2 or 3 axes.</param>
    /// <param name="medianSize">Voxels, may end in .5.</param>
    /// <param name="budget">Network and limit.</param>
    /// <param name="name">Configuration, for messages.</param>
    /// <param name="log">Takes the steps down; null while searching.</param>
    /// <exception cref="SharpSegException">No patch fits the memory target.</exception>
    public static PlannedPatch Apply(double[] spacing, double[] medianSize, ModernBudget budget, string name, DecisionLog? log)
    {
        var start = Start(spacing);
        var pooling = PoolingRule.Apply(spacing, [.. start.Select((value, axis) => Math.Min(value, medianSize[axis]))]);
        var trace = new List<string>();
        while (true)
        {
            var network = NetworkShapeRule.Apply(budget.Family, budget.StuNetVariant, pooling);
            var estimate = MemoryEstimate.Of(network, pooling.Patch, budget.LabelEntries);
            trace.Add($"{PlanText.Sizes(pooling.Patch)} (E {PlanText.Count(estimate)})");
            if (!budget.IsTooLarge(estimate, spacing.Length))
            {
                log?.Add(
                    name, "patch_size",
                    "start at equal mm per axis, at most the median size, rounded up to the divisor; while E is above the "
                        + "limit shrink the axis with the largest patch/median (docs/method/planning.md §3.6)",
                    $"start {PlanText.Sizes(start)}, median {PlanText.Sizes(medianSize)}, limit "
                        + $"{PlanText.Count(budget.Limit(spacing.Length))}"
                        + (trace.Count > 1 ? $"; {string.Join(" → ", trace)}" : ""),
                    PlanText.Sizes(pooling.Patch));
                return new PlannedPatch(pooling.Patch, network, estimate);
            }

            pooling = Smaller(spacing, medianSize, pooling) ?? throw new SharpSegException(
                $"{name}: no patch fits {budget.MemoryGigabytes} GB: {PlanText.Sizes(pooling.Patch)} voxels need E = "
                    + $"{PlanText.Count(estimate)}, the limit is {PlanText.Count(budget.Limit(spacing.Length))}",
                "give a larger memory target");
        }
    }

    /// <summary>
    /// Sizes of equal physical extent with the volume of 256³ (3D) or 2048² (2D), before any clipping; at least 1 (SharpSeg
    /// choice: the reference has 0 along an axis ten thousand times as coarse as the others).
    /// </summary>
    public static double[] Start(double[] spacing)
    {
        var aspect = spacing.Select(value => 1 / value).ToArray();
        var volume = spacing.Length == 2 ? StartVoxels2D : StartVoxels3D;
        var scale = Math.Pow(volume / aspect.Aggregate(1.0, (product, value) => product * value), 1.0 / spacing.Length);
        return [.. aspect.Select(value => Math.Max(1, Math.Round(value * scale)))];
    }

    /// <summary>
    /// One step down on the axis with the largest patch/median (the last on ties): by the divisor that the size one coarse step
    /// below would have, so that 256 with divisor 64 goes to 224 and not to 192. Null if the axis has no smaller size.
    /// </summary>
    private static Pooling? Smaller(double[] spacing, double[] medianSize, Pooling current)
    {
        var axis = 0;
        for (var other = 1; other < spacing.Length; other++)
        {
            if (current.Patch[other] / medianSize[other] >= current.Patch[axis] / medianSize[axis])
            {
                axis = other;
            }
        }

        var probe = current.Patch.Select(value => (double)value).ToArray();
        probe[axis] -= current.Divisor[axis];
        var step = PoolingRule.Apply(spacing, probe).Divisor[axis];
        var next = current.Patch.Select(value => (double)value).ToArray();
        next[axis] -= step;
        if (next[axis] < 1)
        {
            return null;
        }

        var smaller = PoolingRule.Apply(spacing, next);
        return smaller.Patch[axis] < current.Patch[axis] ? smaller : null;
    }
}
