using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// The memory that training a configuration really takes in this engine, as opposed to the rule-based estimate: the training step
/// is rehearsed on the network's shapes without computing anything, which is exact for all tensors; what operations
/// need besides them the backend says.
/// </summary>
public static class PeakMemory
{
    private const int ClassicMoments = 3;       // Adam with AMSGrad: two moments and the greatest second one
    private const int ModernMoments = 1;        // SGD: its velocity
    private const int MostForKept = 2;          // a half: whole cases are scored on the way, and others may use the device

    /// <summary>
    /// Bytes at the peak of a training step: parameters, their gradients, the optimiser's moments, activations, batch and
    /// targets, and the backend's scratch.
    /// </summary>
    /// <param name="profile">Decides the optimiser.</param>
    /// <param name="configuration">Network, patch, batch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">Says what scratch it takes; nothing is computed.</param>
    public static long TrainingBytes(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend) =>
        Training(profile, configuration, description, backend).Total;

    /// <summary>The parts of <see cref="TrainingBytes"/>, with all activations kept where a device has room.</summary>
    internal static MemoryPlan Training(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend)
    {
        if (backend.HasOwnMemory // elsewhere nothing need be rehearsed for it
            && Training(profile, configuration, description, backend, keepsActivations: true) is var kept
            && HasRoomForAll(backend, kept.Total))
        {
            return kept;
        }

        return Training(profile, configuration, description, backend, keepsActivations: false);
    }

    /// <summary>Whether a device has so much memory that training keeps all activations.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="bytes">What training takes then.</param>
    internal static bool HasRoomForAll(Backend backend, long bytes) =>
        backend.HasOwnMemory && bytes <= backend.MemoryBytes / MostForKept;

    private static MemoryPlan Training(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend, bool keepsActivations)
    {
        var network = configuration.TrainingNetworkFor(profile, description);
        var loss = new LossOptions(
            OutputWeights(network), description.Labels.HasRegions, configuration.BatchDice, description.Labels.IgnoreLabel ?? -1,
            PartlyLabelled: description.Labels.Partial.Any);
        var memory = StepMemory.Measure(
            network, configuration.Patch, configuration.BatchSize,
            new TrainingOptions(loss, RecomputeActivations: !keepsActivations), backend.UploadsRunBeside, backend.Activations);
        var moments = profile == Profile.Classic ? ClassicMoments : ModernMoments;
        return new MemoryPlan(
            memory.ParameterBytes, memory.ParameterBytes, moments * memory.ParameterBytes, memory.PoolBytes + memory.InputBytes,
            backend.WorkspaceBytes(memory.Convolutions, isTraining: true),
            backend.SamplingBytes(SamplerLimits.Of(profile, configuration, description)))
        {
            KeepsActivations = keepsActivations,
            Convolutions = memory.Convolutions,
        };
    }

    /// <summary><see cref="TrainingBytes"/> of every configuration, by name.</summary>
    public static IReadOnlyDictionary<string, long> OfAll(Plans plans, DatasetDescription description, Backend backend) =>
        plans.Configurations.ToDictionary(
            pair => pair.Key, pair => TrainingBytes(plans.Profile, pair.Value, description, backend), StringComparer.Ordinal);

    /// <summary>Bytes at the peak of predicting one tile, sums over the whole image not included.</summary>
    /// <param name="profile">Of the plans.</param>
    /// <param name="configuration">Network and patch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="backend">Says what scratch it takes; nothing is computed.</param>
    public static long PredictionBytes(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, Backend backend)
    {
        var memory = StepMemory.MeasurePrediction(
            configuration.NetworkFor(profile, description), configuration.Patch, batchSize: 1, backend.Activations);
        return memory.PredictionBytes + backend.WorkspaceBytes(memory.Convolutions, isTraining: false);
    }

    /// <summary>Bytes of a configuration's weights.</summary>
    public static long WeightBytes(Profile profile, ConfigurationPlan configuration, DatasetDescription description) =>
        StepMemory.MeasurePrediction(
            configuration.NetworkFor(profile, description), configuration.Patch, batchSize: 1).ParameterBytes;

    /// <summary>
    /// Bytes of a network's weights, and bytes at the peak of predicting a number of tiles at a time with mirroring, sums over
    /// the image not included.
    /// </summary>
    /// <param name="profile">Of the plans.</param>
    /// <param name="configuration">Network and patch.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="tiles">How many go through the network together.</param>
    /// <param name="mirroring">Several views are averaged.</param>
    /// <param name="backend">Says what scratch it takes; nothing is computed.</param>
    /// <param name="learning">
    /// The network is one that is being trained: its weights are there, and scratch of which it has as much already.
    /// </param>
    internal static (long Weights, long Forward) Prediction(
        Profile profile, ConfigurationPlan configuration, DatasetDescription description, int tiles, bool mirroring,
        Backend backend, MemoryPlan? learning = null)
    {
        var network = configuration.NetworkFor(profile, description);
        var memory = StepMemory.MeasurePrediction(network, configuration.Patch, tiles, backend.Activations);
        // The mean over views, the tiles on the host, the weights of a tile's voxels; one answer turned back and one view of the
        // input.
        long mean = network.OutputChannels, input = network.InputChannels;
        var besides = configuration.Patch.Voxels * sizeof(float) * (
            (tiles * (mean + input + (mirroring ? mean + input : 0))) + 1);
        return learning is null
            ? (memory.ParameterBytes, memory.PoolBytes + besides + backend.WorkspaceBytes(memory.Convolutions, isTraining: false))
            : (0, memory.PoolBytes + besides + Grown(learning.Convolutions, memory.Convolutions, backend));
    }

    /// <summary>By how much scratch grows that was taken for some convolutions, where others come, of another batch.</summary>
    private static long Grown(IReadOnlyCollection<ConvProblem> before, IReadOnlyCollection<ConvProblem> more, Backend backend) =>
        backend.WorkspaceBytes([.. before, .. more], isTraining: true) - backend.WorkspaceBytes(before, isTraining: true);

    /// <summary>One weight per supervised output; an output of weight 0 is not evaluated and takes no memory.</summary>
    private static IReadOnlyList<float> OutputWeights(NetworkPlan network)
    {
        var outputs = network.DeepSupervision ? network.Stages - 1 : 1;
        return network.Family == NetworkFamily.UNetPlusPlus
            ? [.. Enumerable.Repeat(1f / outputs, outputs)]
            : DeepSupervision.Weights(outputs);
    }
}

/// <summary>
/// The largest spatial transform that training a configuration can draw; decides what sampling may come to hold on a device.
/// </summary>
internal static class SamplerLimits
{
    /// <summary>By the profile's own recipe.</summary>
    /// <param name="profile">Decides initial patch and recipe.</param>
    /// <param name="configuration">Patch, and whether it is the second stage of a cascade.</param>
    /// <param name="description">Channels and labels.</param>
    public static SamplingLimits Of(Profile profile, ConfigurationPlan configuration, DatasetDescription description)
    {
        var geometry = PatchGeometry.For(profile, configuration.Patch, configuration.Is2D);
        var cascade = configuration.MaskLabels(description.Labels).Count > 0;
        return Of(AugmentationRecipe.For(profile), geometry, description.ChannelNames.Count, cascade);
    }

    /// <summary>By any recipe.</summary>
    /// <param name="recipe">Whether displacements are drawn, and how smooth.</param>
    /// <param name="geometry">Patch and initial patch.</param>
    /// <param name="channels">Image channels.</param>
    /// <param name="cascade">There is a second label.</param>
    public static SamplingLimits Of(AugmentationRecipe recipe, PatchGeometry geometry, int channels, bool cascade) => new(
        geometry.Patch, geometry.Initial, channels, cascade ? 2 : 1, geometry.Planar,
        recipe.Elastic > 0 ? ElasticField.Kernel(recipe.ElasticSmoothness.High).Length : 0);
}
