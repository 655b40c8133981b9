using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Profile `classic`: the rules of the nnU-Net papers of 2018/19 in their order (docs/method/planning.md §4).</summary>
internal sealed class ClassicPlanner(PlanningFacts facts, PlannerOptions options, DecisionLog log)
{
    private const int BaseFeatures = 30;
    private const int MostFeatures3D = 320;
    private const int MostFeatures2D = 480;
    private const double BasePatches = 4;                           // that the median case may have without a cascade
    private const double ReferenceGigabytes = 12;                   // the papers' GPU

    private readonly Dictionary<string, long> estimates = new(StringComparer.Ordinal);
    private readonly ClassicPooling pooling = new(options.SecondPaper);

    /// <summary>
    /// Feature-map voxels per configuration as profile `modern` counts them, for information; no rule here reads them.
    /// </summary>
    public IReadOnlyDictionary<string, long> Estimates => estimates;

    /// <summary>All configurations and the axis order that they follow.</summary>
    /// <exception cref="SharpSegException">Nothing can be planned, or an option belongs to the other profile.</exception>
    public (int[] Forward, IReadOnlyDictionary<string, ConfigurationPlan> Configurations) Plan()
    {
        var rules = new ClassicPatch(MemoryScale(), pooling);
        var target = UserSpacing.Of(options, log) ?? TargetSpacing.Classic(facts.Fingerprint, log);
        var forward = ConfigurationParts.AxisOrder(target, options, log);
        var spacing = Transposition.Apply(forward, target.ToArray());
        var exact = forward.Select(axis => OrderStatistics.Median(Enumerable.Range(0, facts.Fingerprint.CaseCount)
            .Select(
                i => facts.Fingerprint.Spacings[i][axis] / target[axis] * facts.Fingerprint.ShapesAfterCrop[i][axis]))).ToArray();
        ConfigurationParts.RequireScanSized(exact, spacing, facts.DatasetName);
        var median = exact.Select(value => Math.Max(1, (int)Math.Round(value))).ToArray();
        var datasetVoxels = Product(median) * facts.Fingerprint.CaseCount;
        log.Add(
            null, "dataset size",
            "median of the unrounded shapes at the target spacing, rounded, times the cases (docs/method/planning.md §4.1)",
            $"median {PlanText.Sizes(exact)} → {PlanText.Sizes(median)}, {facts.Fingerprint.CaseCount} cases",
            $"{PlanText.Count(datasetVoxels)} voxels");

        var parts = new ConfigurationParts(Profile.Classic, facts, log, options.SecondPaper);
        if (options.SecondPaper)
        {
            log.Add(
                null, "classic_paper", "the variants of the second paper (docs/method/planning.md §4)", "--profile classic-2019",
                "pool until below 4 voxels, labels linearly, stop by the rate alone, no postprocessing");
        }

        var planar = PlanOne(parts, rules, "2d", spacing[1..], median[1..], datasetVoxels, batchDice: true);
        if (median[0] == 1)
        {
            log.Add(
                "3d_fullres", "configurations", "3D needs more than one slice (docs/method/planning.md §4.8)",
                $"median {PlanText.Sizes(median)}", "none");
        }

        var full = median[0] == 1 ? null : PlanOne(parts, rules, "3d_fullres", spacing, median, datasetVoxels, batchDice: false);
        var low = full is null ? null : PlanLowResolution(parts, rules, spacing, median);
        return planar is null && full is null
            ? throw new SharpSegException(
                $"{facts.DatasetName}: nothing to train on: the median case has {PlanText.Sizes(median)} voxels")
            : (forward, parts.Link(planar, full, low));
    }

    private double MemoryScale()
    {
        if (options.Preset != PresetName.Default || options.Family is not (null or NetworkFamily.ClassicUNet))
        {
            throw new SharpSegException(
                $"profile classic plans only its own U-Net, not {options.Family?.ToString() ?? options.Preset.ToString()}",
                "use --profile modern");
        }

        var gigabytes = options.MemoryGigabytes ?? ReferenceGigabytes;
        return double.IsFinite(gigabytes) && gigabytes > 0
            ? gigabytes / ReferenceGigabytes
            : throw new SharpSegException($"memory target {gigabytes} GB must be above 0");
    }

    private ConfigurationPlan? PlanOne(
        ConfigurationParts parts, ClassicPatch rules, string name, double[] spacing, int[] median, double datasetVoxels,
        bool batchDice)
    {
        var patch = rules.Patch(name, median, log);
        var strides = pooling.Strides(patch);
        var architecture = new ArchitecturePlan
        {
            Family = NetworkFamily.ClassicUNet,
            FeaturesPerStage = NetworkShapeRule.Features(
                BaseFeatures, patch.Length == 2 ? MostFeatures2D : MostFeatures3D, strides.Length),
            KernelSizes = [.. strides.Select(stride => Enumerable.Repeat(3, stride.Length).ToArray())],
            Strides = strides,
            EncoderBlocks = Enumerable.Repeat(2, strides.Length).ToArray(),
            DecoderBlocks = Enumerable.Repeat(2, strides.Length - 1).ToArray(),
        };
        if (UntrainableNetwork.Reason(architecture, patch) is { } reason)
        {
            log.Add(name, "configurations", reason, $"patch {PlanText.Sizes(patch)}", "none");
            return null;
        }

        estimates[name] = MemoryEstimate.Of(architecture, patch, facts.LabelEntries);
        var batch = rules.Batch(name, patch, datasetVoxels, log);
        var size = median.Select(value => (double)value).ToArray();
        return parts.Build(name, $"classic_{name}", spacing, size, patch, batch, architecture, batchDice);
    }

    /// <summary>
    /// A median case of more than four base patches is also trained at a coarser spacing: doubling the axes that are at least
    /// twice as fine as the coarsest, or all, until it has at most four (docs/method/planning.md §4.6). The base patch counts,
    /// not the one planned.
    /// </summary>
    private ConfigurationPlan? PlanLowResolution(ConfigurationParts parts, ClassicPatch rules, double[] target, int[] median)
    {
        const string name = "3d_lowres";
        const string rule =
            "if the median case has more voxels than four base patches: double the spacing of the fine axes, or of all, until it "
                + "has no more (docs/method/planning.md §4.6)";
        var most = BasePatches * rules.PatchLimit(axes: 3);
        var spacing = (double[])target.Clone();
        var size = median.Select(value => (double)value).ToArray();
        if (Product(size) <= most)
        {
            log.Add(
                name, "configurations", rule,
                $"median {PlanText.Sizes(median)} = {PlanText.Count(Product(size))} voxels, four patches {PlanText.Count(most)}",
                "none");
            return null;
        }

        while (Product(size) > most)
        {
            var coarsest = spacing.Max();
            var fine = spacing.Select(value => coarsest / value >= 2).ToArray();
            var all = !fine.Contains(true);
            for (var axis = 0; axis < spacing.Length; axis++)
            {
                spacing[axis] *= all || fine[axis] ? 2 : 1;
                size[axis] = median[axis] * target[axis] / spacing[axis];
            }
        }

        var rounded = size.Select(value => Math.Max(1, (int)Math.Floor(value + 0.5))).ToArray();
        log.Add(
            name, "spacing", rule,
            $"median {PlanText.Sizes(median)} = {PlanText.Count(Product(median))} voxels, four patches {PlanText.Count(most)} → "
                + PlanText.Sizes(size),
            PlanText.Millimetres(spacing));
        return PlanOne(parts, rules, name, spacing, rounded, Product(rounded) * facts.Fingerprint.CaseCount, batchDice: false);
    }

    private static double Product(int[] sizes) => sizes.Aggregate(1.0, (product, value) => product * value);

    private static double Product(double[] sizes) => sizes.Aggregate(1.0, (product, value) => product * value);
}
