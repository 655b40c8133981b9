using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Everything that one configuration (`2d`, `3d_fullres`, `3d_lowres`, `3d_cascade_fullres` or a user's own) fixes. Arrays over
/// axes have 2 (y, x) or 3 (z, y, x) entries in transposed order.
/// </summary>
public sealed record ConfigurationPlan
{
    /// <summary>Its name in the plans.</summary>
    public required string Name { get; init; }

    /// <summary>Folder of the preprocessed data; configurations that prepare data alike share it.</summary>
    public required string DataIdentifier { get; init; }

    /// <summary>Samples per training step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Voxels per axis of what the network sees at once.</summary>
    public required int[] PatchSize { get; init; }

    /// <summary>Target spacing, mm. A 2D configuration keeps each case's own spacing on the slowest axis.</summary>
    public required double[] Spacing { get; init; }

    /// <summary>Median size of the cases at the target spacing, voxels; may end in .5.</summary>
    public required double[] MedianImageSize { get; init; }

    /// <summary>Scheme of each channel.</summary>
    public required IReadOnlyList<NormalizationScheme> Normalization { get; init; }

    /// <summary>Per channel: statistics only inside the nonzero mask.</summary>
    public required IReadOnlyList<bool> UseMaskForNorm { get; init; }

    /// <summary>Interpolation orders.</summary>
    public required ResamplingPlan Resampling { get; init; }

    /// <summary>The network.</summary>
    public required ArchitecturePlan Architecture { get; init; }

    /// <summary>Dice over the whole batch as one volume instead of sample by sample.</summary>
    public required bool BatchDice { get; init; }

    /// <summary>The configuration whose keys this one starts from; all values here are already resolved.</summary>
    public string? InheritsFrom { get; init; }

    /// <summary>The cascade's first stage, whose segmentations are further input channels; null outside a cascade.</summary>
    public string? PreviousStage { get; init; }

    /// <summary>Configurations that read this one's segmentations.</summary>
    public IReadOnlyList<string> NextStages { get; init; } = [];

    /// <summary>The first of <see cref="NextStages"/>, or null.</summary>
    public string? NextStage => NextStages.Count > 0 ? NextStages[0] : null;

    /// <summary>Two axes instead of three.</summary>
    public bool Is2D => PatchSize.Length == 2;

    /// <summary>The patch with three axes; 2D has Z = 1.</summary>
    public Extent Patch => ThreeAxes(PatchSize);

    /// <summary>
    /// The network to build for given numbers of input channels and output maps. 2D kernels and strides get a leading 1.
    /// </summary>
    /// <param name="inputChannels">Modalities, plus one channel per foreground label of the previous stage in a cascade.</param>
    /// <param name="outputChannels">Classes with background (softmax) or regions (sigmoid).</param>
    /// <param name="deepSupervision">Whether the lower decoder stages are trained too.</param>
    public NetworkPlan ToNetworkPlan(int inputChannels, int outputChannels, bool deepSupervision) => new()
    {
        Family = Architecture.Family,
        InputChannels = inputChannels,
        OutputChannels = outputChannels,
        Features = Architecture.FeaturesPerStage,
        Kernels = [.. Architecture.KernelSizes.Select(ThreeAxes)],
        Strides = [.. Architecture.Strides.Select(ThreeAxes)],
        EncoderBlocks = Architecture.EncoderBlocks,
        DecoderBlocks = Architecture.DecoderBlocks,
        DeepSupervision = deepSupervision,
        LeakySlope = (float)Architecture.LeakySlope,
        Norm = Architecture.Norm,
        NormEpsilon = (float)Architecture.NormEpsilon,
        NormMomentum = (float)Architecture.NormMomentum,
        NormAffine = Architecture.NormAffine,
        ConvolutionBias = Architecture.ConvolutionBias,
    };

    /// <summary>
    /// The network that learns this configuration of a dataset; only profile `modern` supervises the lower decoder stages.
    /// </summary>
    public NetworkPlan TrainingNetworkFor(Profile profile, DatasetDescription description) => ToNetworkPlan(
        description.ChannelNames.Count + MaskLabels(description.Labels).Count, description.Labels.HeadCount,
        deepSupervision: profile == Profile.Modern);

    /// <summary>
    /// The network that predicts: the same, but the running averages of a batch normalisation are folded into its γ and β.
    /// </summary>
    public NetworkPlan NetworkFor(Profile profile, DatasetDescription description)
    {
        var network = TrainingNetworkFor(profile, description);
        return network.Norm == NormKind.Batch ? network with { Norm = NormKind.Folded } : network;
    }

    /// <summary>
    /// The labels whose masks by the previous stage are further input channels, ascending: in a cascade every foreground label,
    /// also where regions are trained (docs/method/inference.md §7); else none.
    /// </summary>
    public IReadOnlyList<int> MaskLabels(LabelScheme labels) => PreviousStage is null ? [] : labels.ForegroundLabels;

    private static Extent ThreeAxes(int[] axes) =>
        axes.Length == 2 ? new Extent(1, axes[0], axes[1]) : new Extent(axes[0], axes[1], axes[2]);
}
