namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Profile `classic`: patch and batch of one configuration (docs/method/planning.md §4.3, §4.5). The budgets are voxels of the
/// patch: 128³ with a batch of 2 in 3D, 256² with a batch of 42 in 2D, on 12 GB (2018 paper); a memory target scales them in
/// proportion.
/// </summary>
internal sealed class ClassicPatch(double memoryScale, ClassicPooling pooling)
{
    private const double Voxels3D = 128.0 * 128 * 128;
    private const double Voxels2D = 256.0 * 256 * 42;
    private const int Batch3D = 2;
    private const double DatasetCover = 0.05;
    private const int SmallestBatch = 2;

    /// <summary>Patch voxels allowed: in 2D as many as let two samples fit (SharpSeg choice).</summary>
    public double PatchLimit(int axes) => memoryScale * (axes == 2 ? Voxels2D / 2 : Voxels3D);

    /// <summary>
    /// The padded median size; while it has too many voxels, the axis with the largest patch/median (last on ties) goes one
    /// pooling-sized step down. An axis of one voxel cannot; the next one goes instead (SharpSeg choice).
    /// </summary>
    /// <exception cref="SharpSegException">No patch fits the memory target.</exception>
    public int[] Patch(string name, int[] median, DecisionLog log)
    {
        var axes = median.Length;
        var patch = median.Select(size => pooling.Pad(size, axes)).ToArray();
        var trace = new List<string> { PlanText.Sizes(patch) };
        while (Product(patch) > PatchLimit(axes))
        {
            var axis = -1;
            for (var other = 0; other < axes; other++)
            {
                var isLarger = axis < 0 || (double)patch[other] / median[other] >= (double)patch[axis] / median[axis];
                axis = patch[other] > 1 && isLarger ? other : axis;
            }

            if (axis < 0)
            {
                throw new SharpSegException(
                    $"{name}: no patch fits a budget of {PlanText.Number(PatchLimit(axes))} voxels",
                    "give a larger memory target");
            }

            var divisor = 1 << pooling.Pools(patch[axis], axes);
            var step = 1 << pooling.Pools(patch[axis] - divisor, axes);
            patch[axis] = pooling.Pad(patch[axis] - step, axes);
            trace.Add(PlanText.Sizes(patch));
        }

        log.Add(
            name, "patch_size",
            "median size padded to 2^pools; while it has too many voxels shrink the axis with the largest patch/median "
                + "(docs/method/planning.md §4.3)",
            $"median {PlanText.Sizes(median)}, limit {PlanText.Count(PatchLimit(axes))} voxels"
                + (trace.Count > 1 ? $"; {string.Join(" → ", trace)}" : ""),
            PlanText.Sizes(patch));
        return patch;
    }

    /// <summary>floor of the budget over the patch, at most 5 % of the dataset's voxels, at least 2.</summary>
    public int Batch(string name, int[] patch, double datasetVoxels, DecisionLog log)
    {
        var voxels = Product(patch);
        var budget = memoryScale * (patch.Length == 2 ? Voxels2D : Batch3D * Voxels3D);
        var fits = Math.Floor(budget / voxels);
        var cap = Math.Round(DatasetCover * datasetVoxels / voxels);
        var batch = (int)Math.Min(int.MaxValue, Math.Max(SmallestBatch, Math.Min(fits, cap)));
        log.Add(
            name, "batch_size",
            $"floor(budget / patch voxels), at most 5 % of the dataset's voxels, at least {SmallestBatch} "
                + "(docs/method/planning.md §4.5)",
            $"budget {PlanText.Count(budget)}, patch {PlanText.Count(voxels)} → {PlanText.Count(fits)}; dataset "
                + $"{PlanText.Count(datasetVoxels)} voxels → at most "
                + $"{PlanText.Number(Math.Round(DatasetCover * datasetVoxels / voxels, 2))}",
            PlanText.Number(batch));
        return batch;
    }

    private static double Product(int[] sizes) => sizes.Aggregate(1.0, (product, value) => product * value);
}
