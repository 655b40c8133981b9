using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// The expanding path of the plain, classic and residual-encoder U-Nets (docs/method/networks.md §4 to §6): up-sample, join with
/// the skip [up-sampled, skip], convolve; a 1×1×1 head on each level gives its logits. Names as in nnU-Net, lowest resolution
/// first: <c>decoder.stages.s.convs.j.…</c>, <c>decoder.transpconvs.s.…</c>, <c>decoder.seg_layers.s.…</c>.
/// </summary>
internal sealed class UNetDecoder
{
    private readonly List<ConvStack> stages = [];
    private readonly List<UpConvolution> upsample = [];
    private readonly List<ConvolutionLayer?> heads = [];

    /// <param name="store">Where to declare the parameters.</param>
    /// <param name="plan">Sizes.</param>
    /// <param name="biases">Whether heads have biases, and up-sampling, too, where the plan's convolutions have.</param>
    /// <param name="allHeads">Whether every level has a head, or only full resolution.</param>
    public UNetDecoder(ParameterStore store, NetworkPlan plan, bool biases, bool allHeads)
    {
        var levels = Enumerable.Range(0, plan.Stages - 1).Reverse().ToArray();
        for (var s = 0; s < levels.Length; s++)
        {
            var f = plan.Features[levels[s]];
            stages.Add(new ConvStack(
                store, $"decoder.stages.{s}", [f, f], f, plan.DecoderBlocks[s], plan.Kernels[levels[s]], Extent.One, plan.Style));
        }

        for (var s = 0; s < levels.Length; s++)
        {
            var l = levels[s];
            upsample.Add(new UpConvolution(
                store, $"decoder.transpconvs.{s}", plan.Features[l + 1], plan.Features[l], plan.Strides[l + 1],
                biases && plan.ConvolutionBias));
        }

        for (var s = 0; s < levels.Length; s++)
        {
            heads.Add(!allHeads && levels[s] > 0 ? null : new ConvolutionLayer(
                store, $"decoder.seg_layers.{s}", [plan.Features[levels[s]]], plan.OutputChannels, Extent.One, Extent.One, biases,
                biasCancels: false, logits: true));
        }
    }

    /// <summary>Logits, full resolution first; closes the encoder's outputs.</summary>
    /// <param name="tape">Where to record.</param>
    /// <param name="encoded">The encoder's outputs, full resolution first.</param>
    /// <param name="allOutputs">All levels that have a head, or only full resolution.</param>
    public IReadOnlyList<Variable> Forward(Tape tape, IReadOnlyList<Variable> encoded, bool allOutputs)
    {
        var logits = new List<Variable>();                              // coarse to fine
        var x = encoded[^1];
        for (var s = 0; s < stages.Count; s++)
        {
            var up = upsample[s].Forward(tape, x);
            tape.Done(x);
            var skip = encoded[^(s + 2)];
            x = stages[s].Forward(tape, [up, skip], finished: [up, skip]);
            if (heads[s] is { } head && (allOutputs || s == stages.Count - 1))
            {
                logits.Add(head.Forward(tape, [x]));                      // deep supervision
            }
        }

        tape.Done(x);
        logits.Reverse();
        return logits;
    }
}

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
