namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Profile `modern`: what is left of the budget becomes a larger batch, up to a share of the dataset
/// (docs/method/planning.md §3.7).
/// </summary>
internal static class BatchSizeRule
{
    private const int SmallestBatch = 2;

    /// <summary>The batch size.</summary>
    /// <param name="patch">Patch, network and estimate.</param>
    /// <param name="datasetVoxels">Voxels of all cases at the target spacing; a 3D count also for 2D.</param>
    /// <param name="budget">Limit and share.</param>
    /// <param name="name">Configuration.</param>
    /// <param name="log">Takes the decision; null while searching.</param>
    public static int Apply(PlannedPatch patch, double datasetVoxels, ModernBudget budget, string name, DecisionLog? log)
    {
        var axes = patch.Patch.Length;
        var fits = Math.Round(budget.Limit(axes) / patch.Estimate * ModernBudget.ReferenceBatch(axes));
        var patchVoxels = patch.Patch.Aggregate(1.0, (product, value) => product * value);
        var cap = Math.Round(datasetVoxels * budget.Preset.DatasetCover / patchVoxels);
        var batch = (int)Math.Min(int.MaxValue, Math.Max(Math.Min(fits, cap), SmallestBatch));
        log?.Add(
            name, "batch_size",
            $"round(limit / E · {ModernBudget.ReferenceBatch(axes)}), at most "
                + $"{PlanText.Number(budget.Preset.DatasetCover * 100)} % of the dataset's voxels, at least {SmallestBatch} "
                + "(docs/method/planning.md §3.7)",
            $"limit {PlanText.Count(budget.Limit(axes))}, E {PlanText.Count(patch.Estimate)} → {PlanText.Count(fits)}; dataset "
                + $"{PlanText.Count(datasetVoxels)} voxels, patch {PlanText.Count(patchVoxels)} → at most {PlanText.Count(cap)}",
            PlanText.Number(batch));
        return batch;
    }
}
