using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Losses;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>
/// The order in which a step rents memory and computes, independent of where its data come from: <see cref="TrainingStep"/> runs
/// it with a batch, <see cref="StepMemory"/> without one, so that both rent exactly the same memory.
/// </summary>
internal sealed class TrainingPass(Network network, BufferPool pool, TrainingOptions options) : IDisposable
{
    private readonly PassRecordings recordings = new(network.Parameters, pool, options.Record);

    // Where the full resolution alone is looked at, the other outputs are not even computed.
    private readonly LossOptions supervised = options.Loss.Weights.Skip(1).Any(weight => weight != 0f)
        ? options.Loss
        : options.Loss with { Weights = [options.Loss.Weights[0]] };

    /// <summary>Whether the latest pass with gradients was repeated from a recording.</summary>
    public bool WasReplayed => recordings.WasReplayed;

    /// <summary>Forward, loss and backward; the parameters' gradients are set afterwards.</summary>
    /// <param name="images">Shape of the batch.</param>
    /// <param name="inputs">Gives images and targets.</param>
    /// <param name="gradientScale">Factor on all gradients: loss scaling.</param>
    /// <param name="meanwhile">What the host does while the device computes, before it waits for the loss.</param>
    public LossValue Train(Shape images, BatchInputs inputs, float gradientScale = 1f, Action? meanwhile = null)
    {
        // Outside of what is recorded: rented first, the sums lie where they lay when it was.
        var maps = LogitShapes(images);
        var sums = pool.Rent(SegmentationLoss.SumsShape(maps, supervised));
        try
        {
            recordings.Run(inputs, gradientScale, () => Launch(images, inputs, gradientScale, sums));
            meanwhile?.Invoke();
            return SegmentationLoss.Read(network.Backend, sums, maps, supervised);
        }
        finally
        {
            pool.Return(sums);
        }
    }

    /// <summary>Forward and loss without gradients.</summary>
    /// <param name="images">Shape of the batch.</param>
    /// <param name="inputs">Gives images and targets.</param>
    /// <param name="readLogits">Sees the full-resolution logits, or null.</param>
    /// <param name="readLabels">Sees their argmax, or null.</param>
    public LossValue Evaluate(
        Shape images, BatchInputs inputs, Action<Tensor>? readLogits, Action<Tensor>? readLabels)
    {
        var tape = new Tape(network.Backend, pool, recording: false);
        var x = inputs.Images(pool, images);
        var unlabelled = Unlabelled(images.N, inputs);
        try
        {
            var logits = network.Forward(tape, tape.Input(x), supervised.Weights.Count > 1);
            var targets = Targets(logits, inputs);
            var loss = SegmentationLoss.Evaluate(tape, logits, targets, supervised, unlabelled);
            Return(inputs, targets);
            var full = logits[0].Value;
            readLogits?.Invoke(full);
            if (readLabels is not null)
            {
                var labels = pool.Rent(Shape.Activation(full.Shape.N, full.Shape.Spatial, 1));
                network.Backend.ArgMax(full, labels);
                readLabels(labels);
                pool.Return(labels);
            }

            return loss;
        }
        finally
        {
            tape.Clear();
            Return(inputs, x, unlabelled);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => recordings.Dispose();

    private void Launch(Shape images, BatchInputs inputs, float gradientScale, Tensor sums)
    {
        network.Parameters.ForgetGradients();
        var tape = new Tape(network.Backend, pool, recording: true, options.RecomputeActivations);
        var x = inputs.Images(pool, images);
        var unlabelled = Unlabelled(images.N, inputs);
        try
        {
            var logits = network.Forward(tape, tape.Input(x), supervised.Weights.Count > 1);
            var targets = Targets(logits, inputs);
            SegmentationLoss.Launch(tape, logits, targets, supervised, sums, gradientScale, unlabelled);
            Return(inputs, targets);
            foreach (var map in logits)
            {
                tape.Done(map);
            }

            tape.Backward();
        }
        finally
        {
            tape.Clear();
            Return(inputs, x, unlabelled);
        }
    }

    private List<Shape> LogitShapes(Shape images) =>
    [
        .. network.OutputScales.Take(supervised.Weights.Count).Select(scale => Shape.Activation(
            images.N,
            new Extent(images.Spatial.Z / scale.Z, images.Spatial.Y / scale.Y, images.Spatial.X / scale.X),
            network.Plan.OutputChannels)),
    ];

    /// <summary>What the samples' label maps do not show: behind the targets of all outputs.</summary>
    private Tensor? Unlabelled(int samples, BatchInputs inputs) => options.Loss.PartlyLabelled
        ? inputs.Target(pool, network.OutputScales.Count, Backend.UnlabelledShape(samples, network.Plan.OutputChannels))
        : null;

    private void Return(BatchInputs inputs, Tensor images, Tensor? unlabelled)
    {
        inputs.Return(pool, images);
        if (unlabelled is not null)
        {
            inputs.Return(pool, unlabelled);
        }
    }

    /// <summary>
    /// The targets of the outputs. Outputs of one resolution (all of UNet++) share one; outputs of weight 0 need none.
    /// </summary>
    private Tensor?[] Targets(IReadOnlyList<Variable> logits, BatchInputs inputs)
    {
        var channels = options.Loss.TargetChannels(network.Plan.OutputChannels);
        var byScale = new Dictionary<Extent, Tensor>();
        var targets = new Tensor?[logits.Count];
        for (var i = 0; i < logits.Count; i++)
        {
            if (supervised.Weights[i] == 0f)
            {
                continue;
            }

            var map = logits[i].Shape;
            if (!byScale.TryGetValue(map.Spatial, out var target))
            {
                target = inputs.Target(pool, i, Shape.Activation(map.N, map.Spatial, channels));
                byScale.Add(map.Spatial, target);
            }

            targets[i] = target;
        }

        return targets;
    }

    private void Return(BatchInputs inputs, IEnumerable<Tensor?> targets)
    {
        foreach (var target in targets.OfType<Tensor>().Distinct())
        {
            inputs.Return(pool, target);
        }
    }
}
