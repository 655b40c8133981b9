using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>One operation of a network that costs time: exactly one of the three is there.</summary>
/// <param name="Convolution">A convolution.</param>
/// <param name="Transposed">A transposed convolution.</param>
/// <param name="Norm">A normalisation with its activation.</param>
public readonly record struct NetworkLayer(
    ConvProblem? Convolution = null, TransposedConvProblem? Transposed = null, InstanceNormProblem? Norm = null)
{
    /// <summary>The layers of a network in the order of its forward pass, found by rehearsing it.</summary>
    /// <param name="plan">The network.</param>
    /// <param name="patch">Spatial size of the images, voxels.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="allOutputs">With the heads that only deep supervision needs.</param>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static IReadOnlyList<NetworkLayer> Of(NetworkPlan plan, Extent patch, int batchSize, bool allOutputs)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        using var pool = StepMemory.EndlessPool(backend);
        var tape = new Tape(backend, pool, recording: false);
        network.Forward(tape, tape.Input(pool.Rent(Shape.Activation(batchSize, patch, plan.InputChannels))), allOutputs);
        tape.Clear();
        return backend.Layers;
    }
}
