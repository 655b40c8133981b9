using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// What training a configuration will really take in this engine, beside the rule-based estimate: the training step is rehearsed on the
/// network's shapes without computing anything. Backends add scratch of their own, a few percent at usual patches.
/// </summary>
public static class PeakMemory
{
    private const int ClassicMoments = 3;       // Adam with AMSGrad: two moments and the greatest second one
    private const int ModernMoments = 1;        // SGD: its velocity

    /// <summary>
    /// Bytes at the peak of a training step: parameters, their gradients, the optimiser's moments, activations, batch and targets.
    /// </summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">Network, patch, batch.</param>
    /// <param name="description">Channels and labels.</param>
    public static long TrainingBytes(Profile profile, ConfigurationPlan configuration, DatasetDescription description)
    {
        var network = NetworkOf(profile, configuration, description);
        var loss = new LossOptions(OutputWeights(network), description.Labels.HasRegions, configuration.BatchDice);
        var memory = StepMemory.Measure(network, configuration.Patch, configuration.BatchSize, new TrainingOptions(loss));
        return memory.TrainingBytes(profile == Profile.Classic ? ClassicMoments : ModernMoments);
    }

    /// <summary><see cref="TrainingBytes"/> of every configuration, by name.</summary>
    public static IReadOnlyDictionary<string, long> OfAll(Plans plans, DatasetDescription description) => plans.Configurations.ToDictionary(
        pair => pair.Key, pair => TrainingBytes(plans.Profile, pair.Value, description), StringComparer.Ordinal);

    /// <summary>Bytes at the peak of predicting one tile.</summary>
    /// <param name="profile">Decides nothing but deep supervision, which prediction leaves out.</param>
    /// <param name="configuration">Network and patch.</param>
    /// <param name="description">Channels and labels.</param>
    public static long PredictionBytes(Profile profile, ConfigurationPlan configuration, DatasetDescription description) =>
        StepMemory.MeasurePrediction(NetworkOf(profile, configuration, description), configuration.Patch, batchSize: 1).PredictionBytes;

    /// <summary>
    /// The network of a configuration for a dataset: in a cascade each foreground label of the first stage is one more input channel;
    /// only profile `modern` supervises the lower decoder stages.
    /// </summary>
    public static NetworkPlan NetworkOf(Profile profile, ConfigurationPlan configuration, DatasetDescription description)
    {
        var previous = configuration.PreviousStage is null ? 0 : description.Labels.ForegroundLabels.Count;
        return configuration.ToNetworkPlan(
            description.ChannelNames.Count + previous, description.Labels.HeadCount, deepSupervision: profile == Profile.Modern);
    }

    /// <summary>One weight per supervised output; an output of weight 0 is not evaluated and takes no memory.</summary>
    private static IReadOnlyList<float> OutputWeights(NetworkPlan network)
    {
        var outputs = network.DeepSupervision ? network.Stages - 1 : 1;
        return network.Family == NetworkFamily.UNetPlusPlus
            ? [.. Enumerable.Repeat(1f / outputs, outputs)]
            : DeepSupervision.Weights(outputs);
    }
}
