using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Autograd.Ops;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// STU-Net (Huang et al. 2023, arXiv:2304.06716; docs/method/networks.md §8): residual blocks in encoder and decoder; up-sampling
/// by a 1×1×1 convolution and nearest neighbours. The convolution commutes with the replication and runs first, on the small
/// grid.
/// <para>Names as in the published weights: <c>conv_blocks_context.l.b.conv1.weight</c>, <c>upsample_layers.s.conv.weight</c>,
/// <c>conv_blocks_localization.s.b.…</c>, <c>seg_outputs.s.weight</c>; s = 0 is the lowest resolution.</para>
/// </summary>
public sealed class StuNet : Network
{
    private readonly List<List<StuNetBlock>> encoder = [];
    private readonly List<ConvolutionLayer> upsample = [];
    private readonly List<List<StuNetBlock>> decoder = [];
    private readonly List<ConvolutionLayer> heads = [];

    internal StuNet(NetworkPlan plan, Backend backend)
        : base(plan, backend)
    {
        var f = plan.Features;
        for (var l = 0; l < plan.Stages; l++)
        {
            encoder.Add(Stage(
                $"conv_blocks_context.{l}", [l == 0 ? plan.InputChannels : f[l - 1]], f[l], plan.EncoderBlocks[l],
                plan.Kernels[l], plan.Strides[l]));
        }

        var levels = Enumerable.Range(0, plan.Stages - 1).Reverse().ToArray();
        for (var s = 0; s < levels.Length; s++)
        {
            upsample.Add(Pointwise($"upsample_layers.{s}.conv", f[levels[s] + 1], f[levels[s]]));
        }

        for (var s = 0; s < levels.Length; s++)
        {
            var width = f[levels[s]];
            decoder.Add(Stage(
                $"conv_blocks_localization.{s}", [width, width], width, plan.DecoderBlocks[s], plan.Kernels[levels[s]],
                Extent.One));
        }

        for (var s = 0; s < levels.Length; s++)
        {
            heads.Add(Pointwise($"seg_outputs.{s}", f[levels[s]], plan.OutputChannels, logits: true));
        }
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs)
    {
        var encoded = new List<Variable>();
        foreach (var stage in encoder)
        {
            x = RunStage(tape, stage, [x], finished: []);
            encoded.Add(x);
        }

        var logits = new List<Variable>();                              // coarse to fine
        for (var s = 0; s < decoder.Count; s++)
        {
            var narrow = upsample[s].Forward(tape, [x], finished: [x]);
            var up = NearestUpsample.Apply(tape, narrow, Plan.Strides[^(s + 1)]);
            tape.Done(narrow);
            var skip = encoded[^(s + 2)];
            x = RunStage(tape, decoder[s], [up, skip], finished: [up, skip]);
            if (allOutputs || s == decoder.Count - 1)
            {
                logits.Add(heads[s].Forward(tape, [x]));
            }
        }

        tape.Done(x);
        logits.Reverse();
        return logits;
    }

    private static Variable RunStage(
        Tape tape, List<StuNetBlock> blocks, IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> finished)
    {
        var x = blocks[0].Forward(tape, inputs, finished);
        foreach (var block in blocks.Skip(1))
        {
            x = block.Forward(tape, [x], finished: [x]);
        }

        return x;
    }

    private List<StuNetBlock> Stage(
        string name, IReadOnlyList<int> inputs, int outputs, int count, Extent kernel, Extent stride) =>
        [.. Enumerable.Range(0, count).Select(b => new StuNetBlock(
            Parameters, $"{name}.{b}", b == 0 ? inputs : [outputs], outputs, kernel, b == 0 ? stride : Extent.One, b == 0,
            Plan.Style))];

    private ConvolutionLayer Pointwise(string name, int inputs, int outputs, bool logits = false) =>
        new(Parameters, name, [inputs], outputs, Extent.One, Extent.One, hasBias: true, biasCancels: false, logits);
}

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
        ParameterStore store, string name, IReadOnlyList<int> inputs, int outputs, Extent kernel, Extent stride, bool projects,
        BlockStyle style)
    {
        slope = style.Slope;
        first = new ConvBlock(store, $"{name}.conv1", $"{name}.norm1", inputs, outputs, kernel, stride, style);
        second = new ConvBlock(
            store, $"{name}.conv2", $"{name}.norm2", [outputs], outputs, kernel, Extent.One, style with { Slope = 1 });
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
