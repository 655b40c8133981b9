using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Profile `modern`: the rules of nnU-Net v2 in their order (docs/method/planning.md §3).</summary>
internal sealed class ModernPlanner(PlanningFacts facts, PlannerOptions options, DecisionLog log)
{
    private const double LowResolutionBelow = 0.25;     // patch / median case: less means the network sees too little context
    private const double LowResolutionStep = 1.03;      // spacing grows by 3 % per step of the search
    private const double LeastReduction = 2;            // a lowres stage with less than half of the voxels is not worth training

    private readonly ModernBudget budget = ModernBudget.From(options, facts.LabelEntries);
    private readonly Dictionary<string, long> estimates = new(StringComparer.Ordinal);

    /// <summary>Estimates per configuration, once <see cref="Plan"/> has run.</summary>
    public IReadOnlyDictionary<string, long> Estimates => estimates;

    /// <summary>All configurations, with the axis order and target spacing (transposed) that they follow.</summary>
    /// <exception cref="SharpSegException">Nothing can be planned from this dataset or within this memory.</exception>
    public (int[] Forward, IReadOnlyDictionary<string, ConfigurationPlan> Configurations) Plan()
    {
        var target = UserSpacing.Of(options, log) ?? TargetSpacing.Modern(facts.Fingerprint, log);
        var forward = ConfigurationParts.AxisOrder(target, options, log);
        var spacing = Transposition.Apply(forward, target.ToArray());
        var medianSize = MedianSizeAt(target, forward);
        ConfigurationParts.RequireScanSized(medianSize, spacing, facts.DatasetName);
        var voxels = medianSize.Aggregate(1.0, (product, value) => product * value) * facts.Fingerprint.CaseCount;
        log.Add(
            null, "dataset size",
            "median of the rounded shapes at the target spacing, times the cases (docs/method/planning.md §3.3)",
            $"median {PlanText.Sizes(medianSize)}, {facts.Fingerprint.CaseCount} cases", $"{PlanText.Count(voxels)} voxels");

        var parts = new ConfigurationParts(Profile.Modern, facts, log);
        var full = medianSize[0] != 1 ? PlanOne(parts, "3d_fullres", spacing, medianSize, voxels, batchDice: false, log) : null;
        if (full is null)
        {
            log.Add(
                "3d_fullres", "configurations", "3D needs more than one slice (docs/method/planning.md §3.9)",
                $"median {PlanText.Sizes(medianSize)}", "none");
        }

        var low = full is null ? null : SearchLowResolution(parts, full);
        var planar = budget.Family == NetworkFamily.StuNet
            ? null
            : PlanOne(parts, "2d", spacing[1..], medianSize[1..], voxels, batchDice: true, log);
        return full is null && planar is null
            ? throw new SharpSegException(
                $"{facts.DatasetName}: nothing to train on: the median case has {PlanText.Sizes(medianSize)} voxels at " +
                PlanText.Millimetres(spacing),
                "give a finer target spacing")
            : (forward, parts.Link(planar, full, low));
    }

    /// <summary>Median over cases, per axis, of the rounded shapes at a spacing; transposed; may end in .5.</summary>
    private double[] MedianSizeAt(Spacing target, int[] forward)
    {
        var shapes = new Extent[facts.Fingerprint.CaseCount];
        for (var i = 0; i < shapes.Length; i++)
        {
            shapes[i] = ResampledShape.Of(facts.Fingerprint.ShapesAfterCrop[i], facts.Fingerprint.Spacings[i], target);
        }

        return [.. forward.Select(axis => OrderStatistics.Median(shapes.Select(shape => (double)shape[axis])))];
    }

    /// <summary>One configuration; null, with a reason in the log, where the network could not be trained.</summary>
    private ConfigurationPlan? PlanOne(
        ConfigurationParts parts, string name, double[] spacing, double[] medianSize, double datasetVoxels, bool batchDice,
        DecisionLog? trace)
    {
        var patch = PatchSizeRule.Apply(spacing, medianSize, budget, name, trace);
        if (UntrainableNetwork.Reason(patch.Architecture, patch.Patch) is { } reason)
        {
            log.Add(name, "configurations", reason, $"patch {PlanText.Sizes(patch.Patch)}", "none");
            return null;
        }

        var batch = BatchSizeRule.Apply(patch, datasetVoxels, budget, name, trace);
        estimates[name] = patch.Estimate;
        return parts.Build(name, DataIdentifier(name), spacing, medianSize, patch.Patch, batch, patch.Architecture, batchDice);
    }

    /// <summary>
    /// Coarsens the spacing in steps of 3 % until the patch covers a quarter of the median case: first the finer axes, until none
    /// is more than twice as fine as the coarsest, then all (docs/method/planning.md §3.9).
    /// </summary>
    private ConfigurationPlan? SearchLowResolution(ConfigurationParts parts, ConfigurationPlan full)
    {
        const string name = "3d_lowres";
        var spacing = (double[])full.Spacing.Clone();
        var fullVoxels = full.MedianImageSize.Aggregate(1.0, (product, value) => product * value);
        var voxels = fullVoxels;
        double[]? size = null;
        var patch = full.PatchSize;
        var steps = 0;
        while (Product(patch) / voxels < LowResolutionBelow)
        {
            steps++;
            var coarsest = spacing.Max();
            var fine = spacing.Select(value => coarsest / value > 2).ToArray();
            var all = !fine.Contains(true);
            for (var axis = 0; axis < spacing.Length; axis++)
            {
                // Cumulative products, as the reference has them: 1.03^n differs in the last digits and may flip a comparison.
                spacing[axis] *= all || fine[axis] ? LowResolutionStep : 1;
            }

            var exact = full.Spacing.Select((value, axis) => value / spacing[axis] * full.MedianImageSize[axis]).ToArray();
            voxels = exact.Aggregate(1.0, (product, value) => product * value);
            size = [.. exact.Select(value => Math.Max(1, Math.Round(value)))];
            patch = PatchSizeRule.Apply(spacing, size, budget, name, log: null).Patch;
        }

        var ratio = $"patch {PlanText.Count(Product(full.PatchSize))} / median case {PlanText.Count(fullVoxels)} voxels = " +
            PlanText.Number(Product(full.PatchSize) / fullVoxels);
        const string rule =
            "if the patch covers less than 25 % of the median case: coarsen by 3 % steps until it does; drop it if that leaves "
                + "more than half of the voxels (docs/method/planning.md §3.9)";
        if (size is null || fullVoxels / voxels < LeastReduction)
        {
            log.Add(
                name, "configurations", rule,
                size is null ? ratio : $"{ratio}; {steps} steps, reduction {PlanText.Number(fullVoxels / voxels)}", "none");
            return null;
        }

        log.Add(
            name, "spacing", rule, $"{ratio}; {steps} steps, reduction {PlanText.Number(fullVoxels / voxels)}",
            PlanText.Millimetres(spacing));
        return PlanOne(parts, name, spacing, size, voxels * facts.Fingerprint.CaseCount, batchDice: false, log);
    }

    private static double Product(int[] sizes) => sizes.Aggregate(1.0, (product, value) => product * value);

    /// <summary>
    /// Residual presets read the default preset's data; their lowres spacing is their own (docs/method/planning.md §5).
    /// </summary>
    private string DataIdentifier(string name) =>
        name == "3d_lowres" && budget.Preset.Name != PresetName.Default ? $"{budget.Preset.Label}_{name}" : name;
}
