using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The shape of a configuration's network. Kernels and strides have as many entries per stage as the configuration has axes
/// (2 or 3, slowest first); stage 0 is full resolution and its stride is all ones.
/// </summary>
public sealed record ArchitecturePlan
{
    /// <summary>Topology.</summary>
    public required NetworkFamily Family { get; init; }

    /// <summary>Channels per stage.</summary>
    public required IReadOnlyList<int> FeaturesPerStage { get; init; }

    /// <summary>Convolution kernel per stage; entries 1 to 7, odd.</summary>
    public required IReadOnlyList<int[]> KernelSizes { get; init; }

    /// <summary>Downsampling on entering each stage.</summary>
    public required IReadOnlyList<int[]> Strides { get; init; }

    /// <summary>Convolutions (plain families) or residual blocks per encoder stage.</summary>
    public required IReadOnlyList<int> EncoderBlocks { get; init; }

    /// <summary>Convolutions or blocks per decoder stage, one entry fewer than stages.</summary>
    public required IReadOnlyList<int> DecoderBlocks { get; init; }

    /// <summary>Slope of the leaky ReLU for negative values; 0 is a ReLU.</summary>
    public double LeakySlope { get; init; } = 0.01;

    /// <summary>Instance or batch normalisation.</summary>
    public NormKind Norm { get; init; }

    /// <summary>Added to the variance in the normalisation.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Share of a batch in the running averages of batch normalisation.</summary>
    public double NormMomentum { get; init; } = 0.1;

    /// <summary>Whether the normalisation has γ and β.</summary>
    public bool NormAffine { get; init; } = true;

    /// <summary>Whether convolutions and up-sampling have biases.</summary>
    public bool ConvolutionBias { get; init; } = true;

    /// <summary>What is dropped at random in training, which does nothing in prediction; null where nothing is.</summary>
    public DropoutPlan? Dropout { get; init; }

    /// <summary>Number of stages, the bottleneck included.</summary>
    public int StageCount => Strides.Count;

    /// <summary>Per axis the product of all strides: patch sizes must be multiples of it.</summary>
    public int[] Divisor()
    {
        var divisor = Enumerable.Repeat(1, Strides[0].Length).ToArray();
        foreach (var stride in Strides)
        {
            for (var axis = 0; axis < divisor.Length; axis++)
            {
                // beyond it no patch is a multiple
                divisor[axis] = (int)Math.Min(int.MaxValue, (long)divisor[axis] * stride[axis]);
            }
        }

        return divisor;
    }
}

/// <summary>
/// What plans of nnU-Net drop at random in training. We follow it in prediction, where all passes, and do not train it.
/// </summary>
/// <param name="ClassName">PyTorch's class for features, e.g. Dropout3d; null drops none.</param>
/// <param name="Probability">Of a feature, 0 to 1.</param>
/// <param name="StochasticDepth">Of a residual block, 0 to 1.</param>
public sealed record DropoutPlan(string? ClassName, double Probability, double StochasticDepth)
{
    /// <summary>In words, for messages: key, class and probability.</summary>
    public override string ToString() => string.Join(" and ", new[]
    {
        ClassName is null ? null : FormattableString.Invariant($"dropout (`dropout_op`: {ClassName} of {Probability})"),
        StochasticDepth > 0 ? FormattableString.Invariant($"stochastic depth (`stochastic_depth_p`: {StochasticDepth})") : null,
    }.OfType<string>());
}
