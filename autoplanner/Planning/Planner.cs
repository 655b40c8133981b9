using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// From a fingerprint to plans: every number by a rule, every rule with its inputs on record. Pure: no files, clock, device or
/// randomness. Needs no images; a fingerprint file and a dataset.json are enough.
/// </summary>
internal static class Planner
{
    /// <summary>Plans all configurations of a dataset.</summary>
    /// <exception cref="SharpSegException">
    /// The options contradict each other, nothing fits the memory target, the images are too small for any network, or a CT
    /// channel has no foreground statistics.
    /// </exception>
    public static PlanResult Plan(Fingerprint fingerprint, DatasetDescription description, PlannerOptions options)
    {
        CheckChannels(fingerprint, description);
        return Plan(
            new PlanningFacts(fingerprint, description.Name, description.ChannelNames, description.Labels.EntryCount)
            {
                LeftRightPairs = [.. LeftRightPairs.Of(description.Labels).Select(pair => $"{pair.Left.Name}/{pair.Right.Name}")],
            },
            options);
    }

    /// <summary>The same from bare facts.</summary>
    internal static PlanResult Plan(PlanningFacts facts, PlannerOptions options)
    {
        var log = new DecisionLog();
        int[] forward;
        IReadOnlyDictionary<string, ConfigurationPlan> configurations;
        IReadOnlyDictionary<string, long> estimates;
        if (options.Profile == Profile.Classic)
        {
            var planner = new ClassicPlanner(facts, options, log);
            (forward, configurations) = planner.Plan();
            estimates = planner.Estimates;
        }
        else
        {
            var planner = new ModernPlanner(facts, options, log);
            (forward, configurations) = planner.Plan();
            estimates = planner.Estimates;
        }

        var preset = Preset.Of(options.Preset).Label;
        var plans = new Plans
        {
            DatasetName = facts.DatasetName,
            PlansName = options.PlansName ?? DefaultName(options),
            Profile = options.Profile,
            SecondPaper = options.SecondPaper,
            Preset = preset,
            TransposeForward = forward,
            TransposeBackward = Transposition.Inverse(forward),
            UnmirroredAxes = MirroringDecision.UnmirroredAxes(facts, options.Mirroring, forward, log),
            MirrorsAll = options.Mirroring == MirroringRule.All,
            OriginalMedianSpacing = Transposition.Apply(forward, TargetSpacing.Median(facts.Fingerprint).ToArray()),
            OriginalMedianShape =
                [.. Transposition.Apply(forward, TargetSpacing.MedianSize(facts.Fingerprint))
                    .Select(value => (int)Math.Round(value))],
            IntensityProperties = facts.Fingerprint.IntensityProperties,
            Configurations = WithAblations(configurations, options, log),
        };
        return new PlanResult(plans, log.Decisions) { MemoryEstimates = estimates };
    }

    private static string DefaultName(PlannerOptions options)
    {
        var name = options.Profile == Profile.Classic ? options.SecondPaper ? "classic_2019" : "classic" : "modern";
        if (options.Preset != PresetName.Default)
        {
            name += $"_{Preset.Of(options.Preset).Label}";
        }

        var network = options.Family is not { } family || options.Profile == Profile.Classic ? name
            : family == NetworkFamily.StuNet ? $"{name}_{family}_{options.StuNetVariant.Name}"
            : $"{name}_{family}";
        return network + (options.PlainRelu ? "_ReLU" : "") + (options.BatchNorm ? "_BatchNorm" : "");
    }

    /// <summary>Other activation and normalisation than the method's; they change no size.</summary>
    private static IReadOnlyDictionary<string, ConfigurationPlan> WithAblations(
        IReadOnlyDictionary<string, ConfigurationPlan> configurations, PlannerOptions options, DecisionLog log)
    {
        if (!options.PlainRelu && !options.BatchNorm)
        {
            return configurations;
        }

        const string rule = "asked for (docs/method/networks.md §2.7)";
        if (options.PlainRelu)
        {
            log.Add(null, "nonlin", rule, "--activation relu", "ReLU");
        }

        if (options.BatchNorm)
        {
            log.Add(null, "norm_op", rule, "--norm batch", "BatchNorm");
        }

        return configurations.ToDictionary(
            pair => pair.Key,
            pair => pair.Value with
            {
                Architecture = pair.Value.Architecture with
                {
                    LeakySlope = options.PlainRelu ? 0 : pair.Value.Architecture.LeakySlope,
                    Norm = options.BatchNorm ? NormKind.Batch : pair.Value.Architecture.Norm,
                },
            },
            StringComparer.Ordinal);
    }

    private static void CheckChannels(Fingerprint fingerprint, DatasetDescription description)
    {
        var measured = fingerprint.IntensityProperties;
        var channels = description.ChannelNames;
        if (measured.Count != 0 && measured.Count != channels.Count)
        {
            throw new SharpSegException(
                $"the fingerprint has {measured.Count} channels, {description.Name} has {channels.Count} "
                    + $"({string.Join(", ", channels)})",
                "is it the fingerprint of another dataset?");
        }

        for (var channel = 0; channel < measured.Count; channel++)
        {
            if (measured[channel] is null && NormalizationSchemes.FromChannelName(channels[channel]) == NormalizationScheme.CT)
            {
                throw new SharpSegException(
                    $"channel {channel} (`{channels[channel]}`) uses CT normalisation, which needs foreground intensities, but "
                        + "no training case has a labelled voxel",
                    "rename the channel in dataset.json, or add labelled cases");
            }
        }
    }
}
