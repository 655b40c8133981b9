using SharpSeg.Engine.Autograd;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// The contracting path of the plain networks (docs/method/networks.md §4): a stack of convolution blocks per stage, the first
/// block strided. Names: <c>encoder.stages.l.0.convs.j.…</c>.
/// </summary>
internal sealed class PlainEncoder
{
    private readonly List<ConvStack> stages = [];

    public PlainEncoder(ParameterStore store, NetworkPlan plan)
    {
        for (var l = 0; l < plan.Stages; l++)
        {
            var inputs = l == 0 ? plan.InputChannels : plan.Features[l - 1];
            stages.Add(new ConvStack(
                store, $"encoder.stages.{l}.0", [inputs], plan.Features[l], plan.EncoderBlocks[l], plan.Kernels[l],
                plan.Strides[l],
                plan.Style));
        }
    }

    /// <summary>The output of every stage, full resolution first, bottleneck last; all open.</summary>
    public List<Variable> Forward(Tape tape, Variable x)
    {
        var outputs = new List<Variable>();
        foreach (var stage in stages)
        {
            x = stage.Forward(tape, [x]);
            outputs.Add(x);
        }

        return outputs;
    }
}
