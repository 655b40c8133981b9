using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// One step of training: upload a batch, forward, loss, backward, clip, update. Owns the memory that a step needs, reserved at once
/// after a rehearsal (<see cref="StepMemory"/>), so that steps allocate nothing. Network and optimiser remain the caller's.
/// </summary>
public sealed class TrainingStep : IDisposable
{
    /// <summary>Consecutive skipped steps after which training gives up (docs/method/losses-and-optimisers.md §6).</summary>
    public const int MaxConsecutiveSkips = 10;

    private readonly Network network;
    private readonly Optimizer optimizer;
    private readonly TrainingOptions options;
    private readonly TrainingPass pass;
    private readonly Extent patch;
    private readonly InputStage? stage;
    private LossScale? scale;
    private int consecutiveSkips;

    /// <summary>Prepares steps of one patch and batch size.</summary>
    /// <param name="network">The network to train.</param>
    /// <param name="optimizer">Moves its parameters.</param>
    /// <param name="patch">Spatial size of the images, voxels; 2D: z = 1.</param>
    /// <param name="batchSize">Images per step.</param>
    /// <param name="options">Loss and clipping.</param>
    /// <exception cref="ShapeException">
    /// The patch does not match the network, or the number of loss weights is not that of the outputs.
    /// </exception>
    public TrainingStep(Network network, Optimizer optimizer, Extent patch, int batchSize, TrainingOptions options)
    {
        network.Plan.CheckPatch(patch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (options.Loss.Weights.Count != network.OutputScales.Count)
        {
            throw new ShapeException($"{options.Loss.Weights.Count} loss weights for {network.OutputScales.Count} outputs of the network");
        }

        (this.network, this.optimizer, this.patch, this.options) = (network, optimizer, patch, options);
        BatchSize = batchSize;
        StagesBatches = network.Backend.UploadsRunBeside;
        Memory = StepMemory.Measure(network.Plan, patch, batchSize, options, StagesBatches);
        Pool = new BufferPool(network.Backend);
        Pool.Reserve(Memory.PoolBytes);
        stage = StagesBatches ? new InputStage(network.Backend, network, options, patch, batchSize) : null;
        pass = new TrainingPass(network, Pool, options);
        scale = options.ScaleLoss ?? network.Backend.NeedsLossScaling ? new LossScale() : null;
    }

    /// <summary>Images per step.</summary>
    public int BatchSize { get; }

    /// <summary>Whether the next batch can be copied to the device while a step computes (<see cref="Stage"/>).</summary>
    public bool StagesBatches { get; }

    /// <summary>What the rehearsal found.</summary>
    public StepMemory Memory { get; }

    /// <summary>Memory of activations, their gradients, batch and targets.</summary>
    public BufferPool Pool { get; }

    /// <summary>Highest number of bytes of the backend in use so far: parameters, gradients, moments and <see cref="Pool"/>.</summary>
    public long PeakBytes => network.Backend.PeakBytes;

    /// <summary>Loss of the latest step, with its parts.</summary>
    public LossValue Loss { get; private set; }

    /// <summary>The loss scaling's state, for checkpoints; null if the loss is not scaled.</summary>
    public LossScaleState? LossScale => scale?.State;

    /// <summary>Global gradient norm of the latest step, before clipping and without the loss's scale.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>Steps whose gradients were not finite; they changed nothing.</summary>
    public long SkippedSteps { get; private set; }

    /// <summary>
    /// Restores the loss scaling of a checkpoint; without one, or where the loss is not scaled, nothing changes.
    /// </summary>
    public void RestoreLossScale(LossScaleState? state)
    {
        if (scale is not null && state is not null)
        {
            scale = new LossScale(state);
        }
    }

    /// <summary>Trains on one batch. A step whose gradients are not finite changes nothing and is counted.</summary>
    /// <param name="images">(n, z, y, x, c), n = <see cref="BatchSize"/>.</param>
    /// <param name="targets">
    /// One per output of the network, full resolution first: (n, z, y, x, 1) labels or (n, z, y, x, r) regions. Outputs of one resolution
    /// (UNet++) share the first of their targets.
    /// </param>
    /// <param name="learningRate">η of this step.</param>
    /// <param name="whileComputing">Called once while the device is busy with the backward pass, e.g. to stage the next batch.</param>
    /// <returns>The loss before the update.</returns>
    /// <exception cref="ShapeException">Images or targets have the wrong length.</exception>
    /// <exception cref="TrainingDivergedException">Ten steps in a row had to be skipped.</exception>
    public double Run(float[] images, IReadOnlyList<float[]> targets, float learningRate, Action? whileComputing = null)
    {
        RequireTargets(targets);
        var shape = BatchShape(images);
        return Train(shape, stage?.Load(images, targets) ?? Rented(images, targets), learningRate, whileComputing);
    }

    /// <summary>Trains on the staged batch, as <see cref="Run"/> would.</summary>
    /// <exception cref="InvalidOperationException">No batch is staged.</exception>
    public double RunStaged(float learningRate, Action? whileComputing = null)
    {
        var inputs = (stage ?? throw new InvalidOperationException("this backend does not stage batches")).Take();
        return Train(Shape.Activation(BatchSize, patch, network.Plan.InputChannels), inputs, learningRate, whileComputing);
    }

    /// <summary>Copies the next batch to the device while it computes; the arrays may be reused at once.</summary>
    /// <exception cref="ShapeException">Images or targets have the wrong length.</exception>
    /// <exception cref="InvalidOperationException">A batch is staged already, or the backend cannot.</exception>
    public void Stage(float[] images, IReadOnlyList<float[]> targets)
    {
        RequireTargets(targets);
        BatchShape(images);
        (stage ?? throw new InvalidOperationException("this backend does not stage batches")).Stage(images, targets);
    }

    /// <summary>Loss and, if wanted, prediction of one batch, without gradients (docs/method/training.md §8).</summary>
    /// <param name="images">As for <see cref="Run"/>.</param>
    /// <param name="targets">As for <see cref="Run"/>.</param>
    /// <param name="logits">Receives the full-resolution logits (n, z, y, x, K), or null.</param>
    /// <param name="labels">Receives the class of the highest logit per voxel (n, z, y, x), the lowest class on ties, or null.</param>
    /// <exception cref="ShapeException">An array has the wrong length.</exception>
    public LossValue Evaluate(float[] images, IReadOnlyList<float[]> targets, float[]? logits = null, float[]? labels = null)
    {
        RequireTargets(targets);
        return pass.Evaluate(
            BatchShape(images),
            Rented(images, targets),
            logits is null ? null : map => network.Backend.Download(map, logits),
            labels is null ? null : map => network.Backend.Download(map, labels));
    }

    /// <summary>Frees the step's memory; network and optimiser are kept.</summary>
    public void Dispose()
    {
        stage?.Dispose();
        Pool.Dispose();
    }

    private RentedInputs Rented(float[] images, IReadOnlyList<float[]> targets) => new(
        x => network.Backend.Upload(images, x), (i, t) => network.Backend.Upload(targets[i], t));

    private double Train(Shape images, BatchInputs inputs, float learningRate, Action? whileComputing)
    {
        Loss = pass.Train(images, inputs, (float)(scale?.Value ?? 1));
        whileComputing?.Invoke();
        Update(learningRate);
        return Loss.Total;
    }

    private Shape BatchShape(float[] images)
    {
        var shape = Shape.Activation(BatchSize, patch, network.Plan.InputChannels);
        return images.Length == shape.Length
            ? shape
            : throw new ShapeException($"{images.Length} image values for a batch {shape} of {shape.Length}");
    }

    private void RequireTargets(IReadOnlyList<float[]> targets)
    {
        if (targets.Count != network.OutputScales.Count)
        {
            throw new ShapeException($"{targets.Count} targets for {network.OutputScales.Count} outputs of the network");
        }
    }

    private void Update(float learningRate)
    {
        var factor = scale?.Value ?? 1;
        GradientNorm = GradientClipping.GlobalNorm(network.Parameters) / factor;
        if (double.IsFinite(GradientNorm))
        {
            consecutiveSkips = 0;
            scale?.Update(GradientNorm);
            var clipping = options.ClipNorm is { } limit ? GradientClipping.Coefficient(GradientNorm, limit) : 1f;
            optimizer.Step(learningRate, (float)(clipping / factor));
            return;
        }

        SkippedSteps++;
        if (scale is { CanShrink: true } && double.IsFinite(Loss.Total))
        {
            scale.Update(GradientNorm);                   // an overflow, which a smaller factor may cure: training does not diverge
            return;
        }

        consecutiveSkips++;
        if (consecutiveSkips >= MaxConsecutiveSkips)
        {
            throw new TrainingDivergedException(
                $"{consecutiveSkips} steps in a row had gradients that are not finite (loss {Loss.Total:g4}, learning rate {learningRate:g4}, " +
                $"first in {FirstNonFinite()}); check the images for values that are not finite, or lower the learning rate");
        }
    }

    private string FirstNonFinite()
    {
        var culprit = network.Parameters.Parameters.FirstOrDefault(
            p => p.HasGradient && !double.IsFinite(network.Backend.SumOfSquares(p.Gradient)));
        return culprit?.Name ?? "their sum of squares only";
    }
}
