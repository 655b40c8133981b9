using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// STU-Net's residual block (docs/method/networks.md §8): as <see cref="ResidualBlock"/>, but the first block of a stage always
/// projects its skip by a strided 1×1×1 convolution with bias, without pooling and without norm. It also reads a concatenation.
/// Names as in the published weights: <c>conv1</c>, <c>norm1</c>, <c>conv2</c>, <c>norm2</c>, <c>conv3</c> (the skip).
/// </summary>
internal sealed class StuNetBlock
{
    private readonly ConvBlock first;
    private readonly ConvBlock second;
    private readonly ConvolutionLayer? projection;
    private readonly float slope;

    public StuNetBlock(
        ParameterStore store, string name, IReadOnlyList<int> inputs, int outputs, Extent kernel, Extent stride, bool projects, BlockStyle style)
    {
        slope = style.Slope;
        first = new ConvBlock(store, $"{name}.conv1", $"{name}.norm1", inputs, outputs, kernel, stride, style);
        second = new ConvBlock(store, $"{name}.conv2", $"{name}.norm2", [outputs], outputs, kernel, Extent.One, style with { Slope = 1 });
        projection = projects
            ? new ConvolutionLayer(store, $"{name}.conv3", inputs, outputs, Extent.One, stride, hasBias: true, biasCancels: false)
            : null;
    }

    /// <inheritdoc cref="ConvolutionLayer.Forward"/>
    public Variable Forward(Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable>? finished = null)
    {
        if (projection is null)
        {
            var inner = Main(tape, first.Forward(tape, inputs));
            var joined = AddLeakyReLU.Apply(tape, inner, inputs[0], slope);
            foreach (var input in finished ?? [])
            {
                tape.Done(input);
            }

            return joined;
        }

        // The skip first: then the inputs, which may be a wide concatenation, are finished before the main path grows.
        var skip = projection.Forward(tape, inputs);
        var main = Main(tape, first.Forward(tape, inputs, finished));
        var sum = AddLeakyReLU.Apply(tape, main, skip, slope);
        tape.Done(skip);
        return sum;
    }

    private Variable Main(Tape tape, Variable y) => second.Forward(tape, [y], finished: [y]);
}
