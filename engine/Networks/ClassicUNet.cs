using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// The first nnU-Net's network (docs/method/networks.md §4): as <see cref="PlainConvUNet"/>, but without biases in up-sampling
/// and heads, and with a single head at full resolution unless deep supervision asks for all.
/// </summary>
public sealed class ClassicUNet : Network
{
    private readonly PlainEncoder encoder;
    private readonly UNetDecoder decoder;

    internal ClassicUNet(NetworkPlan plan, Backend backend)
        : base(plan, backend)
    {
        encoder = new PlainEncoder(Parameters, plan);
        decoder = new UNetDecoder(Parameters, plan, biases: false, allHeads: plan.DeepSupervision);
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs) =>
        decoder.Forward(tape, encoder.Forward(tape, x), allOutputs);
}
