using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>What all configurations of one set of plans share, and how a configuration is put together from it.</summary>
internal sealed class ConfigurationParts
{
    // Far above any scan at its target spacing. The patch shrinks from the median case in pooling-sized steps.
    private const double LongestMedian = 1 << 17;

    private readonly Profile profile;
    private readonly bool secondPaper;
    private readonly DecisionLog log;
    private readonly NormalizationScheme[] schemes;
    private readonly bool[] useMask;

    /// <summary>Decides normalisation and mask use (docs/method/planning.md §3.10, §4.7).</summary>
    public ConfigurationParts(Profile profile, PlanningFacts facts, DecisionLog log, bool secondPaper = false)
    {
        this.profile = profile;
        this.secondPaper = secondPaper;
        this.log = log;
        schemes = [.. facts.ChannelNames.Select(NormalizationSchemes.FromChannelName)];
        log.Add(
            null, "normalization_schemes", "scheme by the channel's name (docs/method/preprocessing.md §3)",
            string.Join(", ", facts.ChannelNames),
            string.Join(", ", schemes.Select(scheme => scheme.ClassName())));
        useMask = UseMask(facts);
    }

    /// <summary>Median, mm in the files' axis order, brought to the plans' axis order and logged.</summary>
    public static int[] AxisOrder(Spacing target, PlannerOptions options, DecisionLog log)
    {
        var forward = options.Transpose ? Transposition.Forward(target) : [0, 1, 2];
        log.Add(
            null, "transpose_forward",
            options.Transpose
                ? "the axis of the coarsest spacing first, the others in order (docs/method/planning.md §3.2)"
                : "axis order kept on request",
            PlanText.Millimetres(target.ToArray()), string.Join(", ", forward));
        return forward;
    }

    /// <summary>Refuses a median case that no rule is made for.</summary>
    /// <param name="size">Voxels at the target spacing.</param>
    /// <param name="spacing">mm, in the same axis order.</param>
    /// <param name="dataset">For the message.</param>
    /// <exception cref="SharpSegException">An axis is longer than any scan.</exception>
    public static void RequireScanSized(IReadOnlyList<double> size, double[] spacing, string dataset)
    {
        if (!size.All(value => value <= LongestMedian))
        {
            throw new SharpSegException(
                $"{dataset}: the median case has {PlanText.Sizes(size)} voxels at {PlanText.Millimetres(spacing)}; "
                    + FormattableString.Invariant($"{LongestMedian} are the most along an axis"),
                "check the spacings of the cases with `sharpseg verify`, or give a coarser --spacing");
        }
    }

    /// <summary>A configuration that is planned on its own.</summary>
    public ConfigurationPlan Build(
        string name, string dataIdentifier, double[] spacing, double[] medianSize, int[] patch, int batch,
        ArchitecturePlan architecture,
        bool batchDice)
    {
        log.Add(
            name, "architecture",
            profile == Profile.Modern
                ? "pool the finest axes first while an edge is at least 8; kernel 1 until an axis is within 2× of the finest "
                    + "(docs/method/planning.md §3.4)"
                : $"pool while an edge is at least {new ClassicPooling(secondPaper).Below}; coarse axes pool last; kernels 3 "
                    + "(docs/method/planning.md §4.4)",
            $"spacing {PlanText.Millimetres(spacing)}, patch {PlanText.Sizes(patch)}",
            $"{architecture.Family}, {architecture.StageCount} stages, strides {PlanText.Stages(architecture.Strides)}, kernels "
                + $"{PlanText.Stages(architecture.KernelSizes)}, features {string.Join(" ", architecture.FeaturesPerStage)}");
        return new ConfigurationPlan
        {
            Name = name,
            DataIdentifier = dataIdentifier,
            BatchSize = batch,
            PatchSize = patch,
            Spacing = spacing,
            MedianImageSize = medianSize,
            Normalization = schemes,
            UseMaskForNorm = useMask,
            Resampling = ResamplingPlan.Of(profile, secondPaper),
            Architecture = architecture,
            BatchDice = batchDice,
        };
    }

    /// <summary>
    /// Links the stages of a cascade and sets batch Dice, and returns the configurations by name: `2d` with batch Dice; lowres
    /// without; full resolution with it exactly if there is a lowres stage, and the cascade as full resolution
    /// (docs/method/planning.md §3.9).
    /// </summary>
    public IReadOnlyDictionary<string, ConfigurationPlan> Link(
        ConfigurationPlan? planar, ConfigurationPlan? full, ConfigurationPlan? low)
    {
        var configurations = new Dictionary<string, ConfigurationPlan>(StringComparer.Ordinal);
        Add(planar);
        if (full is not null && low is not null)
        {
            var highResolution = full with { BatchDice = true };
            Add(low with { NextStages = ["3d_cascade_fullres"] });
            Add(highResolution);
            Add(highResolution with { Name = "3d_cascade_fullres", InheritsFrom = "3d_fullres", PreviousStage = "3d_lowres" });
        }
        else
        {
            Add(full);
        }

        foreach (var configuration in configurations.Values)
        {
            log.Add(
                configuration.Name, "batch_dice",
                "true in 2D and where a lowres stage exists, false in lowres (docs/method/planning.md §3.9)",
                low is null ? "no lowres stage" : "with a lowres stage", configuration.BatchDice ? "true" : "false");
        }

        return configurations;

        void Add(ConfigurationPlan? configuration)
        {
            if (configuration is not null)
            {
                configurations[configuration.Name] = configuration;
            }
        }
    }

    private bool[] UseMask(PlanningFacts facts)
    {
        const double threshold = 0.75;      // nnU-Net: cropping must remove a quarter before statistics stay inside the mask
        var fingerprint = facts.Fingerprint;
        bool[] result;
        if (profile == Profile.Modern)
        {
            var few = fingerprint.MedianRelativeSizeAfterCropping < threshold;
            result = [.. schemes.Select(scheme => few && scheme == NormalizationScheme.ZScore)];
        }
        else
        {
            var few = (fingerprint.MeanRelativeSizeAfterCropping ?? fingerprint.MedianRelativeSizeAfterCropping) <= threshold;
            result = [.. schemes.Select(scheme => few && scheme != NormalizationScheme.CT)];
        }

        log.Add(
            null, "use_mask_for_norm",
            profile == Profile.Modern
                ? "z-score channels, if cropping leaves less than 75 % of the median case (docs/method/planning.md §3.10)"
                : "all channels but CT, if cropping leaves at most 75 % on average (docs/method/planning.md §4.7)",
            $"relative size after cropping: median {PlanText.Number(fingerprint.MedianRelativeSizeAfterCropping)}" +
            (fingerprint.MeanRelativeSizeAfterCropping is { } mean ? $", mean {PlanText.Number(mean)}" : ""),
            string.Join(", ", result.Select(value => value ? "true" : "false")));
        return result;
    }
}

/// <summary>What both profiles know of a dataset in addition to its fingerprint.</summary>
/// <param name="Fingerprint">The measurements.</param>
/// <param name="DatasetName">Name of the dataset.</param>
/// <param name="ChannelNames">Names of the channels; they decide the normalisation.</param>
/// <param name="LabelEntries">Entries of `labels`: background and ignore included, a region as one.</param>
internal sealed record PlanningFacts(
    Fingerprint Fingerprint, string DatasetName, IReadOnlyList<string> ChannelNames, int LabelEntries)
{
    /// <summary>Names of classes that differ only in their side.</summary>
    public IReadOnlyList<string> LeftRightPairs { get; init; } = [];
}
