using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// What a training step or a prediction will need, found by rehearsing it on a backend that computes nothing: the same code on the same
/// network, only without numbers. Exact for the pool; backends may add scratch memory of their own.
/// </summary>
/// <param name="PoolBytes">Activations, their gradients, batch and targets, as the pool will lay them out.</param>
/// <param name="InUseBytes">Highest sum of tensors alive at once; what a perfect layout would need.</param>
/// <param name="ParameterBytes">Values of all parameters; gradients take as much again, and so does every moment of the optimiser.</param>
public sealed record StepMemory(long PoolBytes, long InUseBytes, long ParameterBytes)
{
    /// <summary>Bytes of training with an optimiser of a number of moments (SGD 1, Adam 2, AMSGrad 3).</summary>
    public long TrainingBytes(int moments) => PoolBytes + ((2 + moments) * ParameterBytes);

    /// <summary>Bytes of predicting: the pool and the weights.</summary>
    public long PredictionBytes => PoolBytes + ParameterBytes;

    /// <summary>Rehearses a training step, and an evaluation of as many images.</summary>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static StepMemory Measure(NetworkPlan plan, Extent patch, int batchSize, TrainingOptions options)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        using var pool = EndlessPool(backend);
        var pass = new TrainingPass(network, pool, options);
        var images = Shape.Activation(batchSize, patch, plan.InputChannels);
        pass.Train(images, _ => { }, (_, _) => { });
        pass.Evaluate(images, _ => { }, (_, _) => { }, readLogits: null, readLabels: _ => { });
        return Of(pool, network);
    }

    /// <summary>Rehearses a prediction of the full-resolution logits; reserve its pool bytes before predicting many tiles.</summary>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static StepMemory MeasurePrediction(NetworkPlan plan, Extent patch, int batchSize)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        using var pool = EndlessPool(backend);
        var tape = new Tape(backend, pool, recording: false);
        var x = pool.Rent(Shape.Activation(batchSize, patch, plan.InputChannels));
        network.Forward(tape, tape.Input(x), allOutputs: false);
        tape.Clear();
        return Of(pool, network);
    }

    /// <summary>One slab without an end.</summary>
    private static BufferPool EndlessPool(RehearsalBackend backend)
    {
        var pool = new BufferPool(backend);
        pool.Reserve(long.MaxValue / 4);
        return pool;
    }

    private static StepMemory Of(BufferPool pool, Network network) =>
        new(pool.HighWaterBytes, pool.PeakBytes, network.Parameters.BufferLength * sizeof(float));
}
