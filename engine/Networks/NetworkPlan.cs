using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// All that a network's structure depends on (docs/method/networks.md §1). Stage 0 is full resolution, the last stage is the
/// bottleneck.
/// </summary>
public sealed record NetworkPlan
{
    /// <summary>Which family.</summary>
    public required NetworkFamily Family { get; init; }

    /// <summary>Channels of the input: modalities, and in the cascade the previous stage's one-hot labels.</summary>
    public required int InputChannels { get; init; }

    /// <summary>Output maps: classes with background, or regions.</summary>
    public required int OutputChannels { get; init; }

    /// <summary>Channels per stage.</summary>
    public required IReadOnlyList<int> Features { get; init; }

    /// <summary>Kernel per stage; 2D: z = 1.</summary>
    public required IReadOnlyList<Extent> Kernels { get; init; }

    /// <summary>Down-sampling on entering each stage; the first is 1×1×1. 2D: z = 1.</summary>
    public required IReadOnlyList<Extent> Strides { get; init; }

    /// <summary>Convolutions (plain) or residual blocks per encoder stage, the bottleneck included.</summary>
    public required IReadOnlyList<int> EncoderBlocks { get; init; }

    /// <summary>Convolutions (plain) or blocks per decoder stage, lowest resolution first as in nnU-Net's plans.</summary>
    public required IReadOnlyList<int> DecoderBlocks { get; init; }

    /// <summary>Train all decoder levels, not only the full resolution.</summary>
    public bool DeepSupervision { get; init; }

    /// <summary>Slope of the leaky ReLU for negative values; 0 is a ReLU.</summary>
    public float LeakySlope { get; init; } = 0.01f;

    /// <summary>The normalisation after a convolution.</summary>
    public NormKind Norm { get; init; }

    /// <summary>Added to the variance in the normalisation.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>Share of a batch in the running averages of batch normalisation.</summary>
    public float NormMomentum { get; init; } = 0.1f;

    /// <summary>Whether γ and β are trained; else they stay 1 and 0.</summary>
    public bool NormAffine { get; init; } = true;

    /// <summary>
    /// Whether convolutions of blocks and the up-sampling of the plain and residual-encoder networks have a bias. Their heads
    /// always have one.
    /// </summary>
    public bool ConvolutionBias { get; init; } = true;

    /// <summary>Number of stages, bottleneck included.</summary>
    public int Stages => Features.Count;

    /// <summary>Whether no kernel and no stride has an extent along z.</summary>
    public bool Is2D => Kernels.All(k => k.Z == 1) && Strides.All(s => s.Z == 1);

    /// <summary>
    /// What the weights do not show: the same weights give another answer with another activation or normalisation.
    /// </summary>
    public string StyleText => FormattableString.Invariant($"activation slope {LeakySlope}, {(
        Norm == NormKind.Instance ? "instance" : "batch")} normalisation with epsilon {NormEpsilon}");

    /// <summary>What all convolution blocks have in common.</summary>
    internal BlockStyle Style => new(LeakySlope, Norm, NormEpsilon, NormAffine, ConvolutionBias, NormMomentum);

    /// <summary>
    /// Product of the strides of stages 0 to <paramref name="stage"/>: voxels of the input per voxel of that stage.
    /// </summary>
    public Extent CumulativeStride(int stage)
    {
        var product = Extent.One;
        for (var l = 0; l <= stage; l++)
        {
            product = product.Times(Strides[l]);
        }

        return product;
    }

    /// <summary>Throws <see cref="ShapeException"/> if the lists do not fit together.</summary>
    public void Check()
    {
        var stages = Features.Count;
        if (stages < 2 || Kernels.Count != stages || Strides.Count != stages
            || EncoderBlocks.Count != stages || DecoderBlocks.Count != stages - 1)
        {
            throw new ShapeException(
                $"a network plan needs two or more stages and one entry per stage: {stages} features, {Kernels.Count} kernels, "
                    + $"{Strides.Count} strides, {EncoderBlocks.Count} encoder blocks, {DecoderBlocks.Count} decoder blocks "
                    + "(one fewer)");
        }

        if (InputChannels < 1 || OutputChannels < 1 || Features.Any(f => f < 1)
            || EncoderBlocks.Any(b => b < 1) || DecoderBlocks.Any(b => b < 1))
        {
            throw new ShapeException("a network plan needs at least one channel and one block everywhere");
        }

        if (Strides[0] != Extent.One)
        {
            throw new ShapeException($"the first stage must not down-sample, but its stride is {Strides[0]}");
        }
    }

    /// <summary>
    /// Throws <see cref="ShapeException"/> unless the patch divides by all strides and leaves more than one voxel at the
    /// bottleneck, where instance normalisation of a single value would erase it (docs/method/networks.md §2.6).
    /// </summary>
    /// <param name="patch">Spatial size of the input, voxels.</param>
    public void CheckPatch(Extent patch)
    {
        var factor = CumulativeStride(Stages - 1);
        for (var axis = 0; axis < 3; axis++)
        {
            if (patch[axis] < 1 || patch[axis] % factor[axis] != 0)
            {
                throw new ShapeException(
                    $"patch {patch} must be divisible by the network's total stride {factor} along every axis");
            }
        }

        if (patch.Voxels == factor.Voxels)
        {
            throw new ShapeException(
                $"patch {patch} leaves a single voxel at the bottleneck (total stride {factor}); use a larger patch or fewer "
                    + "stages");
        }
    }
}

/// <summary>The network families (docs/method/networks.md §4 to §8).</summary>
public enum NetworkFamily
{
    /// <summary>nnU-Net v2's default: two convolutions per stage, deep supervision.</summary>
    PlainUNet,

    /// <summary>The first nnU-Net: no biases in up-sampling and head, one head.</summary>
    ClassicUNet,

    /// <summary>nnU-Net v2's residual presets M, L and XL.</summary>
    ResidualEncoderUNet,

    /// <summary>UNet++: nested, densely connected decoders, all heads at full resolution.</summary>
    UNetPlusPlus,

    /// <summary>STU-Net: residual encoder and decoder, designed for pre-training and transfer.</summary>
    StuNet,
}
