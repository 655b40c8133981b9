using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>Learned up-sampling: a transposed convolution whose kernel is its stride.</summary>
internal sealed class UpConvolution
{
    private readonly Parameter weight;
    private readonly Parameter? bias;

    public UpConvolution(ParameterStore store, string name, int inputs, int outputs, Extent stride, bool hasBias)
    {
        // The reference framework takes the fan-in from the weight's second extent, which here is the number of outputs
        // (docs/method/networks.md §3).
        weight = store.Declare(
            $"{name}.weight", Shape.Weight(stride, inputs, outputs), ParameterKind.TransposedConvolutionWeight,
            checked((int)(outputs * stride.Voxels)));
        bias = hasBias ? store.Declare($"{name}.bias", Shape.Vector(outputs), ParameterKind.Bias) : null;
    }

    public Variable Forward(Tape tape, Variable x) => TransposedConvolution.Apply(tape, x, weight, bias);
}
