using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// A convolution with its parameters. It reads the concatenation of several inputs; nnU-Net's single weight is then kept as one
/// weight per pair of inputs (only UNet++ has more than one pair).
/// </summary>
internal sealed class ConvolutionLayer
{
    private readonly List<Parameter> weights = [];
    private readonly Parameter? bias;
    private readonly Extent stride;
    private readonly bool biasCancels;
    private readonly bool logits;

    /// <param name="store">Where to declare the parameters.</param>
    /// <param name="name">Prefix: <c>name.weight</c>, <c>name.bias</c>.</param>
    /// <param name="inputs">Channels of each input.</param>
    /// <param name="outputs">Output channels.</param>
    /// <param name="kernel">Kernel per axis.</param>
    /// <param name="stride">Stride per axis.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="biasCancels">The output is normalised next.</param>
    /// <param name="logits">The output is the network's.</param>
    public ConvolutionLayer(
        ParameterStore store, string name, IReadOnlyList<int> inputs, int outputs, Extent kernel, Extent stride, bool hasBias,
        bool biasCancels, bool logits = false)
    {
        (this.stride, this.biasCancels, this.logits) = (stride, biasCancels, logits);
        var fanIn = checked((int)(inputs.Sum() * kernel.Voxels));
        var pairs = (inputs.Count + 1) / 2;
        for (var pair = 0; pair < pairs; pair++)
        {
            var channels = inputs.Skip(2 * pair).Take(2).Sum();
            weights.Add(store.Declare(
                pairs == 1 ? $"{name}.weight" : $"{name}.weight.{pair}",
                Shape.Weight(kernel, channels, outputs),
                ParameterKind.ConvolutionWeight,
                fanIn));
        }

        bias = hasBias ? store.Declare($"{name}.bias", Shape.Vector(outputs), ParameterKind.Bias) : null;
    }

    /// <param name="tape">Where to record.</param>
    /// <param name="inputs">What to convolve.</param>
    /// <param name="finished">Inputs that are not read after this; they are closed before any further memory is rented.</param>
    /// <param name="epsilon">That of the instance norm which comes next, if one does.</param>
    public Variable Forward(
        Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable>? finished = null, float? epsilon = null)
    {
        var y = Convolution.Apply(tape, inputs, weights, bias, stride, biasCancels, logits, epsilon);
        foreach (var input in finished ?? [])
        {
            tape.Done(input);
        }

        return y;
    }
}
