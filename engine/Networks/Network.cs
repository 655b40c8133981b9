using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Networks;

/// <summary>
/// A segmentation network on one backend: structure from a <see cref="NetworkPlan"/>, weights in a <see cref="ParameterStore"/>.
/// It ends in logits; softmax or sigmoid belong to the loss and to the predictor (docs/method/networks.md §1).
/// </summary>
public abstract class Network : IDisposable
{
    /// <summary>
    /// Starts a network without parameters; the architecture declares them and then calls <see cref="ParameterStore.Allocate"/>.
    /// </summary>
    protected Network(NetworkPlan plan, Backend backend)
    {
        plan.Check();
        Plan = plan;
        Backend = backend;
        Parameters = new ParameterStore(backend);
    }

    /// <summary>The structure.</summary>
    public NetworkPlan Plan { get; }

    /// <summary>Where it computes.</summary>
    public Backend Backend { get; }

    /// <summary>All weights.</summary>
    public ParameterStore Parameters { get; }

    /// <summary>
    /// Voxels of the input per voxel of each output of <see cref="Forward"/> with all outputs; the first is 1×1×1.
    /// </summary>
    public virtual IReadOnlyList<Extent> OutputScales =>
        [.. Enumerable.Range(0, Plan.DeepSupervision ? Plan.Stages - 1 : 1).Select(Plan.CumulativeStride)];

    /// <summary>Weight of each output in the loss (docs/method/losses-and-optimisers.md §5).</summary>
    public virtual IReadOnlyList<float> LossWeights => DeepSupervision.Weights(OutputScales.Count);

    /// <summary>A new network with freshly drawn weights.</summary>
    /// <param name="plan">The structure.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="seed">Same seed, same weights on every backend.</param>
    /// <exception cref="ShapeException">The plan is inconsistent.</exception>
    public static Network Build(NetworkPlan plan, Backend backend, ulong seed)
    {
        var network = Create(plan, backend);
        WeightInitialization.Apply(network.Parameters, seed, plan.LeakySlope);
        return network;
    }

    /// <summary>Logits (n, z, y, x, K) of a batch of images.</summary>
    /// <param name="tape">Records the computation.</param>
    /// <param name="x">Images (n, z, y, x, channels); stays open.</param>
    /// <param name="allOutputs">
    /// All outputs that the plan supervises, full resolution first, one per entry of <see cref="OutputScales"/>; else only the
    /// first.
    /// </param>
    /// <exception cref="ShapeException">Channels or patch do not match the plan.</exception>
    public IReadOnlyList<Variable> Forward(Tape tape, Variable x, bool allOutputs)
    {
        if (x.Shape.C != Plan.InputChannels)
        {
            throw new ShapeException($"the images have {x.Shape.C} channels, the network takes {Plan.InputChannels}");
        }

        Plan.CheckPatch(x.Shape.Spatial);
        return ForwardCore(tape, x, allOutputs && Plan.DeepSupervision);
    }

    /// <summary>Frees the parameters.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A network whose parameters are all 0.</summary>
    internal static Network Create(NetworkPlan plan, Backend backend)
    {
        Network network = plan.Family switch
        {
            NetworkFamily.PlainUNet => new PlainConvUNet(plan, backend),
            NetworkFamily.ClassicUNet => new ClassicUNet(plan, backend),
            NetworkFamily.ResidualEncoderUNet => new ResidualEncoderUNet(plan, backend),
            NetworkFamily.UNetPlusPlus => new UNetPlusPlus(plan, backend),
            NetworkFamily.StuNet => new StuNet(plan, backend),
            _ => throw new ShapeException($"there is no network family {plan.Family}"),
        };
        network.Parameters.Allocate();
        return network;
    }

    /// <inheritdoc cref="Forward"/>
    protected abstract IReadOnlyList<Variable> ForwardCore(Tape tape, Variable x, bool allOutputs);
}
