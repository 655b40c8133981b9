using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Optimizers;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// One step of training: upload a batch, forward, loss, backward, clip, update. Owns the memory that a step needs, reserved at
/// once after a rehearsal (<see cref="StepMemory"/>), so that steps allocate nothing. Network and optimiser remain the caller's.
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
            throw new ShapeException(
                $"{options.Loss.Weights.Count} loss weights for {network.OutputScales.Count} outputs of the network");
        }

        (this.network, this.optimizer, this.patch, this.options) = (network, optimizer, patch, options);
        BatchSize = batchSize;
        var staged = network.Backend.UploadsRunBeside;
        Memory = StepMemory.Measure(network.Plan, patch, batchSize, options, staged, network.Backend.Activations);
        Pool = new BufferPool(network.Backend);
        Pool.Reserve(Memory.PoolBytes, Memory.HalfPoolBytes);
        network.Parameters.AllocateGradients();
        network.Backend.ReserveWorkspace(Memory.Convolutions, isTraining: true);
        stage = staged ? new InputStage(network.Backend, network, options, patch, batchSize) : null;
        pass = new TrainingPass(network, Pool, options);
        scale = options.ScaleLoss ?? network.Backend.NeedsLossScaling ? new LossScale() : null;
    }

    /// <summary>Images per step.</summary>
    public int BatchSize { get; }

    /// <summary>What the rehearsal found.</summary>
    public StepMemory Memory { get; }

    /// <summary>Memory of activations, their gradients, batch and targets.</summary>
    public BufferPool Pool { get; }

    /// <summary>
    /// Highest number of bytes of the backend in use so far: parameters, gradients, moments and <see cref="Pool"/>.
    /// </summary>
    public long PeakBytes => network.Backend.PeakBytes;

    /// <summary>
    /// Whether the latest step's forward and backward passes were launched by one call, from a recording
    /// (<see cref="Backend.Record"/>).
    /// </summary>
    public bool WasReplayed => pass.WasReplayed;

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

    /// <summary>
    /// Trains on the next batch of a source. Where uploads run beside computations, the batch after it goes to the device while
    /// that computes with this one, and is the next step's; so a source is used to its end before another one. A step whose
    /// gradients are not finite changes nothing and is counted.
    /// </summary>
    /// <param name="batches">Gives the batches.</param>
    /// <param name="learningRate">η of this step.</param>
    /// <returns>The loss before the update.</returns>
    /// <exception cref="ShapeException">Images or targets have the wrong length.</exception>
    /// <exception cref="TrainingDivergedException">
    /// Ten steps in a row had gradients that no smaller loss scale makes finite.
    /// </exception>
    public double Run(IBatchSource batches, float learningRate)
    {
        if (stage is { HasNext: true })
        {
            return Train(stage.Take(), learningRate, batches);
        }

        using var batch = batches.TakeNext();
        return Train(Inputs(batch.Image, batch.Targets), learningRate, batches);
    }

    /// <summary>Trains on one batch; see <see cref="Run(IBatchSource, float)"/>.</summary>
    /// <param name="images">As <see cref="IBatch.Image"/>; n = <see cref="BatchSize"/>.</param>
    /// <param name="targets">As <see cref="IBatch.Targets"/>.</param>
    /// <param name="learningRate">η of this step.</param>
    /// <returns>The loss before the update.</returns>
    /// <exception cref="ShapeException">Images or targets have the wrong length.</exception>
    /// <exception cref="TrainingDivergedException">
    /// Ten steps in a row had gradients that no smaller loss scale makes finite.
    /// </exception>
    public double Run(float[] images, IReadOnlyList<float[]> targets, float learningRate) =>
        Train(Inputs(images, targets), learningRate, following: null);

    /// <summary>Loss and, if wanted, prediction of one batch, without gradients (docs/method/training.md §8).</summary>
    /// <param name="images">As <see cref="IBatch.Image"/>.</param>
    /// <param name="targets">As <see cref="IBatch.Targets"/>.</param>
    /// <param name="logits">Receives the full-resolution logits (n, z, y, x, K), or null.</param>
    /// <param name="labels">Receives the class of the highest logit per voxel (n, z, y, x), the lowest class on ties, or
    /// null.</param>
    /// <exception cref="ShapeException">An array has the wrong length.</exception>
    public LossValue Evaluate(float[] images, IReadOnlyList<float[]> targets, float[]? logits = null, float[]? labels = null)
    {
        RequireShapes(images, targets);
        return pass.Evaluate(
            ImageShape,
            Rented(images, targets),
            logits is null ? null : map => network.Backend.Download(map, logits),
            labels is null ? null : map => network.Backend.Download(map, labels));
    }

    /// <summary>Frees the step's memory; network and optimiser are kept.</summary>
    public void Dispose()
    {
        pass.Dispose();
        stage?.Dispose();
        Pool.Dispose();
    }

    private Shape ImageShape => Shape.Activation(BatchSize, patch, network.Plan.InputChannels);

    private BatchInputs Inputs(float[] images, IReadOnlyList<float[]> targets)
    {
        RequireShapes(images, targets);
        return stage is null ? Rented(images, targets) : stage.Load(images, targets);
    }

    private RentedInputs Rented(float[] images, IReadOnlyList<float[]> targets) => new(
        x => network.Backend.Upload(images, x), (i, t) => network.Backend.Upload(targets[i], t));

    private double Train(BatchInputs inputs, float learningRate, IBatchSource? following)
    {
        Loss = pass.Train(ImageShape, inputs, (float)(scale?.Value ?? 1), meanwhile: () => StageNext(following));
        Update(learningRate);
        return Loss.Total;
    }

    private void StageNext(IBatchSource? following)
    {
        if (stage is not null && following is { HasNext: true })
        {
            using var next = following.TakeNext();
            RequireShapes(next.Image, next.Targets);
            stage.Stage(next.Image, next.Targets);
        }
    }

    private void RequireShapes(float[] images, IReadOnlyList<float[]> targets)
    {
        if (targets.Count != network.OutputScales.Count + (options.Loss.PartlyLabelled ? 1 : 0))
        {
            throw new ShapeException(
                $"{targets.Count} targets for {network.OutputScales.Count} outputs of the network"
                    + (options.Loss.PartlyLabelled ? " and what is not labelled" : ""));
        }

        if (images.Length != ImageShape.Length)
        {
            throw new ShapeException($"{images.Length} image values for a batch {ImageShape} of {ImageShape.Length}");
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
            // an overflow, which a smaller factor may cure: training does not diverge
            scale.Update(GradientNorm);
            return;
        }

        consecutiveSkips++;
        if (consecutiveSkips >= MaxConsecutiveSkips)
        {
            throw new TrainingDivergedException(
                $"{consecutiveSkips} steps in a row had gradients that are not finite (loss {Loss.Total:g4}, learning rate "
                    + $"{learningRate:g4}, first in {FirstNonFinite()}); check the images for values that are not finite, or "
                    + "lower the learning rate");
        }
    }

    private string FirstNonFinite()
    {
        var culprit = network.Parameters.Parameters.FirstOrDefault(
            p => p.HasGradient && !double.IsFinite(network.Backend.SumOfSquares(p.Gradient)));
        return culprit?.Name ?? "their sum of squares only";
    }
}

/// <summary>Ten steps in a row had gradients that are infinite or not numbers: continuing would be pointless.</summary>
public sealed class TrainingDivergedException(string message) : Exception(message);

/// <summary>How a <see cref="TrainingStep"/> works.</summary>
/// <param name="Loss">The loss; one weight per output of the network.</param>
/// <param name="ClipNorm">Limit of the global gradient norm; null = no clipping (classic profile).</param>
/// <param name="RecomputeActivations">Make cheap activations again in the backward pass: about half of the memory.</param>
/// <param name="ScaleLoss">Scale the loss (<see cref="LossScale"/>); null: if the backend needs it.</param>
/// <param name="Record">
/// Repeat the passes of a step from recordings where the backend makes some (<see cref="Backend.Record"/>), to the same bytes.
/// </param>
public sealed record TrainingOptions(
    LossOptions Loss, double? ClipNorm = TrainingOptions.DefaultClipNorm, bool RecomputeActivations = true,
    bool? ScaleLoss = null, bool Record = true)
{
    /// <summary>nnU-Net's limit (docs/method/losses-and-optimisers.md §6).</summary>
    public const double DefaultClipNorm = 12.0;
}
