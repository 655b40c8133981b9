using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// The unit of all networks: convolution → instance norm → leaky ReLU. Like all modules, it closes what it made itself and, of its
/// inputs, those that the caller calls finished.
/// </summary>
internal sealed class ConvBlock
{
    private readonly ConvolutionLayer convolution;
    private readonly Parameter gamma;
    private readonly Parameter beta;
    private readonly float slope;

    /// <param name="store">Where to declare the parameters.</param>
    /// <param name="convName">Prefix of the convolution's parameters.</param>
    /// <param name="normName">Prefix of the norm's parameters.</param>
    /// <param name="inputs">Channels of each input.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="kernel">Kernel per axis.</param>
    /// <param name="stride">Stride per axis.</param>
    /// <param name="slope">Slope of the leaky ReLU; 1 = no activation.</param>
    /// <param name="hasBias">Whether the convolution has a bias.</param>
    /// <param name="normStartsAtZero">γ starts at 0 instead of 1.</param>
    public ConvBlock(
        ParameterStore store, string convName, string normName, IReadOnlyList<int> inputs, int outputs, Extent kernel, Extent stride,
        float slope, bool hasBias = true, bool normStartsAtZero = false)
    {
        convolution = new ConvolutionLayer(store, convName, inputs, outputs, kernel, stride, hasBias, biasCancels: true);
        gamma = store.Declare(
            $"{normName}.weight", Shape.Vector(outputs), ParameterKind.NormScale, initialValue: normStartsAtZero ? 0f : 1f);
        beta = store.Declare($"{normName}.bias", Shape.Vector(outputs), ParameterKind.NormShift);
        this.slope = slope;
    }

    /// <inheritdoc cref="ConvolutionLayer.Forward"/>
    public Variable Forward(Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable>? finished = null) =>
        InstanceNormLeakyReLU.Apply(tape, convolution.Forward(tape, inputs, finished), gamma, beta, slope);
}
