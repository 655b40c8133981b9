using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>The normalisation after a convolution.</summary>
public enum NormKind
{
    /// <summary>Mean and variance of each sample and channel.</summary>
    Instance,

    /// <summary>
    /// Mean and variance of each channel over the whole batch in training, their running averages else (docs/method/networks.md
    /// §2.7).
    /// </summary>
    Batch,

    /// <summary>
    /// No statistics of its own: y = γ·x + β per channel. A trained batch normalisation with its running statistics folded into γ
    /// and β; such a network predicts and is not trained.
    /// </summary>
    Folded,
}

/// <summary>What all convolution blocks of a network have in common.</summary>
/// <param name="Slope">Slope of the leaky ReLU; 1 = no activation.</param>
/// <param name="Norm">What normalises.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Affine">Whether γ and β are trained.</param>
/// <param name="HasBias">Whether the convolution has a bias.</param>
/// <param name="Momentum">Share of a batch in the running averages of batch normalisation.</param>
internal readonly record struct BlockStyle(
    float Slope, NormKind Norm = NormKind.Instance, float Epsilon = 1e-5f, bool Affine = true, bool HasBias = true,
    float Momentum = 0.1f);

/// <summary>
/// The unit of all networks: convolution → norm → leaky ReLU. Like all modules, it closes the variables that it created
/// and those inputs that the caller marks as finished.
/// </summary>
internal sealed class ConvBlock
{
    private readonly ConvolutionLayer convolution;
    private readonly Parameter gamma;
    private readonly Parameter beta;
    private readonly RunningStatistics? running;
    private readonly BlockStyle style;

    /// <param name="store">Where to declare the parameters.</param>
    /// <param name="convName">Prefix of the convolution's parameters.</param>
    /// <param name="normName">Prefix of the norm's parameters.</param>
    /// <param name="inputs">Channels of each input.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="kernel">Kernel per axis.</param>
    /// <param name="stride">Stride per axis.</param>
    /// <param name="style">Norm, activation and bias.</param>
    /// <param name="normStartsAtZero">γ starts at 0 instead of 1.</param>
    public ConvBlock(
        ParameterStore store, string convName, string normName, IReadOnlyList<int> inputs, int outputs, Extent kernel,
        Extent stride,
        BlockStyle style, bool normStartsAtZero = false)
    {
        this.style = style;
        convolution = new ConvolutionLayer(
            store, convName, inputs, outputs, kernel, stride, style.HasBias, biasCancels: style.Norm != NormKind.Folded);
        gamma = store.Declare(
            $"{normName}.weight", Shape.Vector(outputs), ParameterKind.NormScale,
            initialValue: normStartsAtZero && style.Affine ? 0f : 1f);
        beta = store.Declare($"{normName}.bias", Shape.Vector(outputs), ParameterKind.NormShift);
        running = style.Norm == NormKind.Batch
            ? new RunningStatistics(
                store.Declare($"{normName}.running_mean", Shape.Vector(outputs), ParameterKind.RunningMean),
                store.Declare(
                    $"{normName}.running_var", Shape.Vector(outputs), ParameterKind.RunningVariance, initialValue: 1f),
                style.Momentum)
            : null;
        if (!style.Affine)
        {
            gamma.LearningRateFactor = beta.LearningRateFactor = 0;
        }
    }

    /// <param name="tape">Where to record.</param>
    /// <param name="inputs">What to convolve.</param>
    /// <param name="finished">Inputs that are not read after this; they are closed before the norm rents memory.</param>
    public Variable Forward(Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable>? finished = null)
    {
        var x = convolution.Forward(
            tape, inputs, finished, style.Norm == NormKind.Instance ? style.Epsilon : null);
        return running is not null
            ? NormLeakyReLU.OverBatch(tape, x, gamma, beta, style.Slope, style.Epsilon, running)
            : NormLeakyReLU.OverSamples(
                tape, x, gamma, beta, style.Slope, style.Epsilon, measured: style.Norm == NormKind.Instance);
    }
}
