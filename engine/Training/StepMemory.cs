using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// What a training step or a prediction will need, found by rehearsing it on a backend that computes nothing: the same code on
/// the same network, only without numbers. Exact for the pool; backends may add scratch memory of their own.
/// </summary>
/// <param name="PoolBytes">Activations, their gradients, batch and targets, as the pool will lay them out.</param>
/// <param name="InUseBytes">Highest sum of tensors alive at once; what a perfect layout would need.</param>
/// <param name="ParameterBytes">Values of all parameters; gradients take as much again, and so does every moment of the
/// optimiser.</param>
/// <param name="InputBytes">
/// Two batches and their targets, where uploads run concurrently with computations; 0 where the pool holds the batch.
/// </param>
public sealed record StepMemory(long PoolBytes, long InUseBytes, long ParameterBytes, long InputBytes = 0)
{
    /// <summary>The part of <see cref="PoolBytes"/> that tensors of 16 bits take, in a piece of its own.</summary>
    public long HalfPoolBytes { get; private init; }

    /// <summary>The network's convolutions, from which a backend says what scratch memory it will take.</summary>
    public IReadOnlyCollection<ConvProblem> Convolutions { get; private init; } = [];

    /// <summary>Bytes of training with an optimiser of a number of moments (SGD 1, Adam 2, AMSGrad 3).</summary>
    public long TrainingBytes(int moments) => PoolBytes + InputBytes + ((2 + moments) * ParameterBytes);

    /// <summary>Bytes of predicting: the pool and the weights.</summary>
    public long PredictionBytes => PoolBytes + ParameterBytes;

    /// <summary>Rehearses a training step, and an evaluation of as many images.</summary>
    /// <param name="plan">The network.</param>
    /// <param name="patch">Spatial size of the images, voxels.</param>
    /// <param name="batchSize">Images per step.</param>
    /// <param name="options">Loss and recomputation.</param>
    /// <param name="staged">
    /// The backend uploads the next batch concurrently with computations (<see cref="Backends.Backend.UploadsRunBeside"/>).
    /// </param>
    /// <param name="activations">What the backend keeps activations in (<see cref="Backends.Backend.Activations"/>).</param>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static StepMemory Measure(
        NetworkPlan plan, Extent patch, int batchSize, TrainingOptions options, bool staged = false,
        ElementType activations = ElementType.Fp32)
    {
        using var backend = new RehearsalBackend(activations);
        using var network = Network.Create(plan, backend);
        using var pool = EndlessPool(backend);
        using var pass = new TrainingPass(network, pool, options);
        var images = Shape.Activation(batchSize, patch, plan.InputChannels);
        var rented = new RentedInputs(_ => { }, (_, _) => { });
        if (staged)
        {
            using var stage = new InputStage(backend, network, options, patch, batchSize);
            pass.Train(images, stage.Unfilled);
        }
        else
        {
            pass.Train(images, rented);
        }

        pass.Evaluate(images, rented, readLogits: null, readLabels: _ => { });
        return Of(pool, network) with
        {
            InputBytes = staged ? InputStage.Bytes(plan, network.OutputScales, options, patch, batchSize) : 0,
        };
    }

    /// <summary>
    /// Rehearses a prediction of the full-resolution logits; reserve its pool bytes before predicting many tiles.
    /// </summary>
    /// <param name="plan">The network.</param>
    /// <param name="patch">Spatial size of the images, voxels.</param>
    /// <param name="batchSize">Images at a time.</param>
    /// <param name="activations">What the backend keeps activations in.</param>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static StepMemory MeasurePrediction(
        NetworkPlan plan, Extent patch, int batchSize, ElementType activations = ElementType.Fp32)
    {
        using var backend = new RehearsalBackend(activations);
        using var network = Network.Create(plan, backend);
        using var pool = EndlessPool(backend);
        var tape = new Tape(backend, pool, recording: false);
        var x = pool.Rent(Shape.Activation(batchSize, patch, plan.InputChannels));
        network.Forward(tape, tape.Input(x), allOutputs: false);
        tape.Clear();
        return Of(pool, network);
    }

    /// <summary>Names, kinds and shapes of a network's parameters; there is no memory behind them.</summary>
    /// <exception cref="ShapeException">The plan contradicts itself.</exception>
    public static IReadOnlyList<Parameter> ParametersOf(NetworkPlan plan)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        return network.Parameters.Parameters;
    }

    /// <summary>Slabs of unlimited length.</summary>
    internal static BufferPool EndlessPool(RehearsalBackend backend)
    {
        var pool = new BufferPool(backend);
        pool.Reserve(long.MaxValue / 4, long.MaxValue / 8);
        return pool;
    }

    private static StepMemory Of(BufferPool pool, Network network) =>
        new(pool.HighWaterBytes, pool.PeakBytes, network.Parameters.BufferLength * sizeof(float))
        {
            HalfPoolBytes = pool.HalfHighWaterBytes,
            Convolutions = ((RehearsalBackend)pool.Backend).Convolutions,
        };
}
