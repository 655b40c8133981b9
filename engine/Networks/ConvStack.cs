using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// Several convolution blocks in a row; the first takes the stride and the concatenated inputs. Names as in nnU-Net:
/// <c>name.convs.j.conv.weight</c>, <c>name.convs.j.norm.weight</c>.
/// </summary>
internal sealed class ConvStack
{
    private readonly List<ConvBlock> blocks = [];

    public ConvStack(
        ParameterStore store, string name, IReadOnlyList<int> inputs, int outputs, int count, Extent kernel, Extent stride,
        BlockStyle style)
    {
        for (var j = 0; j < count; j++)
        {
            blocks.Add(new ConvBlock(
                store, $"{name}.convs.{j}.conv", $"{name}.convs.{j}.norm", j == 0 ? inputs : [outputs], outputs, kernel,
                j == 0 ? stride : Extent.One, style));
        }
    }

    /// <inheritdoc cref="ConvolutionLayer.Forward"/>
    public Variable Forward(Tape tape, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable>? finished = null)
    {
        var x = blocks[0].Forward(tape, inputs, finished);
        foreach (var block in blocks.Skip(1))
        {
            x = block.Forward(tape, [x], finished: [x]);
        }

        return x;
    }
}
