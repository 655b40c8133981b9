using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// nnU-Net v2's residual presets M, L and XL (docs/method/networks.md §6): a stem, residual stages that down-sample in their
/// first block, and the plain decoder. Names: <c>encoder.stem.convs.0.…</c>, <c>encoder.stages.l.blocks.b.conv1.conv.weight</c>.
/// </summary>
public sealed class ResidualEncoderUNet : Network
{
    private readonly ConvStack stem;
    private readonly List<List<ResidualBlock>> stages = [];
    private readonly UNetDecoder decoder;

    internal ResidualEncoderUNet(NetworkPlan plan, Backend backend)
        : base(plan, backend)
    {
        stem = new ConvStack(
            Parameters, "encoder.stem", [plan.InputChannels], plan.Features[0], 1, plan.Kernels[0], Extent.One, plan.Style);
        for (var l = 0; l < plan.Stages; l++)
        {
            var blocks = new List<ResidualBlock>();
            for (var b = 0; b < plan.EncoderBlocks[l]; b++)
            {
                var inputs = b > 0 || l == 0 ? plan.Features[l] : plan.Features[l - 1];
                blocks.Add(new ResidualBlock(
                    Parameters, $"encoder.stages.{l}.blocks.{b}", inputs, plan.Features[l], plan.Kernels[l],
                    b == 0 ? plan.Strides[l] : Extent.One, plan.Style));
            }

            stages.Add(blocks);
        }

        decoder = new UNetDecoder(Parameters, plan, biases: true, allHeads: true);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs)
    {
        var encoded = new List<Variable>();
        x = stem.Forward(tape, [x]);
        foreach (var blocks in stages)
        {
            for (var b = 0; b < blocks.Count; b++)
            {
                var y = blocks[b].Forward(tape, x);
                if (b > 0 || encoded.Count == 0)                        // else x is the skip of the stage above
                {
                    tape.Done(x);
                }

                x = y;
            }

            encoded.Add(x);
        }

        return decoder.Forward(tape, encoded, allOutputs);
    }
}

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

    public ResidualBlock(
        ParameterStore store, string name, int inputs, int outputs, Extent kernel, Extent stride, BlockStyle style)
    {
        (this.stride, slope) = (stride, style.Slope);
        var linear = style with { Slope = 1 };
        first = new ConvBlock(store, $"{name}.conv1.conv", $"{name}.conv1.norm", [inputs], outputs, kernel, stride, style);
        second = new ConvBlock(
            store, $"{name}.conv2.conv", $"{name}.conv2.norm", [outputs], outputs, kernel, Extent.One, linear,
            normStartsAtZero: true);
        if (inputs != outputs)
        {
            var skip = stride == Extent.One ? $"{name}.skip.0" : $"{name}.skip.1";      // nnU-Net counts the pooling as number 0
            projection = new ConvBlock(
                store, $"{skip}.conv", $"{skip}.norm", [inputs], outputs, Extent.One, Extent.One,
                linear with { HasBias = false });
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
