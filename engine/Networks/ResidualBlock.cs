using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// nnU-Net's residual block (docs/method/networks.md §6; He et al. 2016, arXiv:1512.03385):
/// leaky(norm(conv(leaky(norm(conv(x))))) + skip(x)). The skip is average-pooled where the block has a stride, then projected
/// (1×1×1 convolution without bias, norm) where the channels change. The second norm starts at γ = 0, so that the block starts as
/// its skip.
/// </summary>
internal sealed class ResidualBlock
{
    private readonly ConvBlock first;
    private readonly ConvBlock second;
    private readonly ConvBlock? projection;
    private readonly Extent stride;
    private readonly float slope;

    public ResidualBlock(ParameterStore store, string name, int inputs, int outputs, Extent kernel, Extent stride, BlockStyle style)
    {
        (this.stride, slope) = (stride, style.Slope);
        var linear = style with { Slope = 1 };
        first = new ConvBlock(store, $"{name}.conv1.conv", $"{name}.conv1.norm", [inputs], outputs, kernel, stride, style);
        second = new ConvBlock(
            store, $"{name}.conv2.conv", $"{name}.conv2.norm", [outputs], outputs, kernel, Extent.One, linear, normStartsAtZero: true);
        if (inputs != outputs)
        {
            var skip = stride == Extent.One ? $"{name}.skip.0" : $"{name}.skip.1";      // nnU-Net counts the pooling as number 0
            projection = new ConvBlock(
                store, $"{skip}.conv", $"{skip}.norm", [inputs], outputs, Extent.One, Extent.One, linear with { HasBias = false });
        }
    }

    public Variable Forward(Tape tape, Variable x)
    {
        var y = first.Forward(tape, [x]);
        var main = second.Forward(tape, [y], finished: [y]);

        var skip = x;
        if (stride != Extent.One)
        {
            skip = AveragePool.Apply(tape, x, stride);
        }

        if (projection is not null)
        {
            skip = projection.Forward(tape, [skip], finished: ReferenceEquals(skip, x) ? [] : [skip]);
        }

        var sum = AddLeakyReLU.Apply(tape, main, skip, slope);
        if (!ReferenceEquals(skip, x))
        {
            tape.Done(skip);
        }

        return sum;
    }
}
