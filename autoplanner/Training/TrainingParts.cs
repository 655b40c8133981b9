using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The parts of a training as its job wants them: network, optimiser, loss, rate and samples (docs/method/training.md §1). All
/// that a profile, a variant or a recipe changes about them is decided here.
/// </summary>
internal static class TrainingParts
{
    private const float WeightDecay = 3e-5f; // both profiles

    /// <summary>Its network, with its starting weights.</summary>
    public static Network BuildNetwork(TrainingJob job, Backend backend) =>
        Network.Build(job.Configuration.TrainingNetworkFor(job.Plans.Profile, job.Description), backend, job.Seed);

    /// <summary>Its optimiser: Adam in the classic profile, else SGD with Nesterov momentum.</summary>
    /// <param name="job">The run.</param>
    /// <param name="recipe">How it learns; null as published.</param>
    /// <param name="network">What is trained.</param>
    public static Optimizer BuildOptimizer(TrainingJob job, TrainingRecipe? recipe, Network network) =>
        job.Plans.Profile == Profile.Classic
            ? new Adam(network.Parameters, amsGrad: true, WeightDecay)
            : new SgdNesterov(
                network.Parameters, (float)(recipe?.Momentum ?? TrainingRecipe.PublishedMomentum), WeightDecay);

    /// <summary>Its loss and clipping, and whether activations stay for the backward pass.</summary>
    /// <param name="job">The run.</param>
    /// <param name="network">Of the run.</param>
    /// <param name="batchSize">Samples of a step.</param>
    public static TrainingOptions Options(TrainingJob job, Network network, int batchSize)
    {
        var labels = job.Description.Labels;
        IReadOnlyList<float> weights = job.Variant.DeepSupervision == false
            ? [1f, .. network.LossWeights.Skip(1).Select(_ => 0f)]
            : network.LossWeights;
        var loss = new LossOptions(
            weights, labels.HasRegions, job.Configuration.BatchDice, labels.IgnoreLabel ?? -1,
            Terms: job.Variant.Loss ?? LossTerms.DiceAndCrossEntropy, PartlyLabelled: labels.Partial.Any);
        var configuration = job.Configuration with { BatchSize = batchSize };
        var keeps = network.Backend.HasOwnMemory
            && MemoryPlan.Of(job.Plans.Profile, configuration, job.Description, network.Backend).KeepsActivations;
        return new TrainingOptions(
            loss, job.Plans.Profile == Profile.Classic ? null : TrainingOptions.DefaultClipNorm, RecomputeActivations: !keeps);
    }

    /// <summary>
    /// The classic rate. In a run that is fitted to a time, a few epochs stand for many, and the time ends it, or the rate: what
    /// a few validation batches say of a few epochs is noise (docs/method/losses-and-optimisers.md §9.2).
    /// </summary>
    public static PlateauSchedule Plateau(PlateauState state, Plans plans, TrainingSchedule schedule) => new(
        state, plans.SecondPaper || schedule.TimeBudget is not null ? StopRule.RateOnly : StopRule.Either, schedule.Epochs,
        schedule.TimeBudget is null ? 1 : Math.Max(1, (double)PlateauSchedule.PublishedEpochs / schedule.Epochs));

    /// <summary>How its loader makes batches.</summary>
    /// <param name="job">What is trained.</param>
    /// <param name="schedule">How long, in what batches.</param>
    /// <param name="network">Its outputs have targets.</param>
    /// <param name="patch">Voxels.</param>
    public static LoaderSettings Loader(TrainingJob job, TrainingSchedule schedule, Network network, Extent patch)
    {
        var labels = job.Description.Labels;
        return Samples(network.Backend, job, schedule.Recipe, patch) with
        {
            BatchSize = schedule.BatchSize,
            UnlabelledHeads = !labels.Partial.Any ? [] : job.TrainingCases.Concat(job.ValidationCases).Distinct().ToDictionary(
                id => id, id => (IReadOnlyList<int>)[.. labels.Partial.Of(id).Select(index => index + labels.FirstEvaluatedHead)],
                StringComparer.Ordinal),
            OutputScales = network.OutputScales,
            TrainingIterations = schedule.IterationsPerEpoch,
            ValidationIterations = schedule.ValidationIterations,
        };
    }

    /// <summary>Refuses to balance the classes of samples that must hold foreground where no sample must.</summary>
    /// <param name="job">What is trained.</param>
    /// <param name="batchSize">Samples of a step.</param>
    /// <param name="backend">Where; nothing is computed.</param>
    /// <exception cref="SharpSegException">None must.</exception>
    public static void RequireBalance(TrainingJob job, int batchSize, Backend backend)
    {
        var samples = Samples(backend, job, null, job.Configuration.Patch);
        if (samples.BalancesClasses
            && !ForegroundOversampling.ForcesAny(samples.EffectiveForegroundRule, batchSize, samples.ForegroundShare))
        {
            throw new SharpSegException(
                "--balance-classes: no patch must hold foreground with "
                    + FormattableString.Invariant($"--foreground-share {samples.ForegroundShare:0.###} of a batch of {batchSize}"),
                "give a larger --foreground-share or --batch, or leave it out");
        }
    }

    /// <summary>How it draws and augments its samples, whichever they are.</summary>
    /// <param name="backend">Augments.</param>
    /// <param name="job">What is trained.</param>
    /// <param name="recipe">How it learns; null as published.</param>
    /// <param name="patch">Voxels.</param>
    public static LoaderSettings Samples(Backend backend, TrainingJob job, TrainingRecipe? recipe, Extent patch)
    {
        var labels = job.Description.Labels;
        var mirrored = job.MirrorAxesWith(recipe);
        var without = (job.Variant.Without ?? AugmentationParts.None)
            | (mirrored.Count == 0 ? AugmentationParts.Mirroring : AugmentationParts.None);
        return new LoaderSettings
        {
            Backend = backend,
            Profile = job.Plans.Profile,
            Geometry = PatchGeometry.For(job.Plans.Profile, patch, job.Configuration.Is2D).Without(without) with
            {
                UnmirroredAxes = mirrored.Count == 0
                    ? job.Plans.UnmirroredAxes
                    : [.. ((int[])[0, 1, 2]).Except(mirrored)],
            },
            Recipe = AugmentationRecipe.For(job.Plans.Profile).Without(without).Times(recipe?.AugmentationStrength ?? 1),
            ForegroundRule = job.Variant.ForegroundShare is null ? null : ForegroundRule.Last,
            ForegroundShare = job.Variant.ForegroundShare ?? ForegroundOversampling.DefaultShare,
            BalancesClasses = job.Variant.BalanceClasses == true,
            BatchSize = job.Configuration.BatchSize,
            Channels = job.Description.ChannelNames.Count,
            UseMaskForNorm = job.Configuration.UseMaskForNorm,
            CascadeLabels = job.Configuration.MaskLabels(labels),
            Regions = labels.HasRegions ? labels.Regions : [],
            IgnoreLabel = labels.IgnoreLabel,
            Heads = labels.HeadCount,
            Seed = job.Seed,
        };
    }
}
