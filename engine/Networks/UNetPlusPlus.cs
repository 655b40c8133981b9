using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// UNet++ (Zhou et al. 2018, arXiv:1807.10165) on nnU-Net's skeleton (docs/method/networks.md §7). Node X(i, j), level i, column
/// j, sees all earlier nodes of its level and the up-sampled node below: X(i, j) = blocks([X(i, 0), …, X(i, j−1), up(X(i+1,
/// j−1))]). Every X(0, j), j ≥ 1, has a head at full resolution without bias; the deepest comes first.
/// <para>Names: <c>encoder.stages.i.0.convs.…</c>, <c>nested.i.j.up.weight</c>, <c>nested.i.j.convs.…</c>, <c>heads.j.weight</c>.
/// Weights that read more than two inputs are stored as one weight per pair of inputs (<c>….conv.weight.0</c>, …).</para>
/// </summary>
public sealed class UNetPlusPlus : Network
{
    private readonly PlainEncoder encoder;
    private readonly Dictionary<(int Level, int Column), (UpConvolution Up, ConvStack Blocks)> nodes = [];
    private readonly List<ConvolutionLayer> heads = [];
    private readonly int poolings;

    internal UNetPlusPlus(NetworkPlan plan, Backend backend)
        : base(plan, backend)
    {
        poolings = plan.Stages - 1;
        encoder = new PlainEncoder(Parameters, plan);
        for (var j = 1; j <= poolings; j++)
        {
            for (var i = 0; i <= poolings - j; i++)
            {
                var f = plan.Features[i];
                var name = $"nested.{i}.{j}";
                var up = new UpConvolution(
                    Parameters, $"{name}.up", plan.Features[i + 1], f, plan.Strides[i + 1], hasBias: false);
                var blocks = new ConvStack(
                    Parameters, name, [.. Enumerable.Repeat(f, j + 1)], f, plan.DecoderBlocks[poolings - 1 - i],
                    plan.Kernels[i], Extent.One,
                    plan.Style);
                nodes.Add((i, j), (up, blocks));
            }
        }

        for (var j = 1; j <= poolings; j++)
        {
            heads.Add(new ConvolutionLayer(
                Parameters, $"heads.{j}", [plan.Features[0]], plan.OutputChannels, Extent.One, Extent.One, hasBias: false,
                biasCancels: false, logits: true));
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Extent> OutputScales => [.. Enumerable.Repeat(Extent.One, Plan.DeepSupervision ? poolings : 1)];

    /// <summary>All heads see the full-resolution target with equal weight (docs/method/networks.md §7).</summary>
    public override IReadOnlyList<float> LossWeights => [.. Enumerable.Repeat(1f / OutputScales.Count, OutputScales.Count)];

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs)
    {
        var rows = encoder.Forward(tape, x).Select(v => new List<Variable> { v }).ToList();
        var logits = new List<Variable>();
        for (var j = 1; j <= poolings; j++)
        {
            for (var i = 0; i <= poolings - j; i++)
            {
                var (upsample, blocks) = nodes[(i, j)];
                var below = rows[i + 1][j - 1];
                var up = upsample.Forward(tape, below);
                var node = blocks.Forward(tape, [.. rows[i], up], finished: [up]);
                rows[i].Add(node);
                if (i + 1 + j > poolings)                               // the lowest node of its column has no right neighbour
                {
                    CloseRow(tape, rows[i + 1]);
                }
            }

            if (allOutputs || j == poolings)
            {
                logits.Add(heads[j - 1].Forward(tape, [rows[0][j]]));
            }
        }

        CloseRow(tape, rows[0]);
        logits.Reverse();
        return logits;
    }

    private static void CloseRow(Tape tape, List<Variable> row)
    {
        foreach (var node in row)
        {
            tape.Done(node);
        }
    }
}
