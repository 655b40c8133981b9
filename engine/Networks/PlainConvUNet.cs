using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// nnU-Net v2's default network (docs/method/networks.md §5): plain encoder and decoder, biases everywhere, a head on every
/// decoder level. All heads exist even without deep supervision, so that weights stay loadable when it is switched off.
/// </summary>
public sealed class PlainConvUNet : Network
{
    private readonly PlainEncoder encoder;
    private readonly UNetDecoder decoder;

    internal PlainConvUNet(NetworkPlan plan, Backend backend)
        : base(plan, backend)
    {
        encoder = new PlainEncoder(Parameters, plan);
        decoder = new UNetDecoder(Parameters, plan, biases: true, allHeads: true);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs) =>
        decoder.Forward(tape, encoder.Forward(tape, x), allOutputs);
}
