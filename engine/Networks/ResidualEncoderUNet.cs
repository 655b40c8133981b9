using SharpSeg.Engine.Autograd;
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
