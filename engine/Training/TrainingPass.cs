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
internal sealed class TrainingPass(Network network, BufferPool pool, TrainingOptions options)
{
    // Where the full resolution alone is looked at, the other outputs are not even computed.
    private readonly LossOptions supervised = options.Loss.Weights.Skip(1).Any(weight => weight != 0f)
        ? options.Loss
        : options.Loss with { Weights = [options.Loss.Weights[0]] };

    /// <summary>Forward, loss and backward; the parameters' gradients are set afterwards.</summary>
    /// <param name="images">Shape of the batch.</param>
    /// <param name="inputs">Gives images and targets.</param>
    /// <param name="gradientScale">Factor on all gradients: loss scaling.</param>
    public LossValue Train(Shape images, BatchInputs inputs, float gradientScale = 1f)
    {
        network.Parameters.ForgetGradients();
        var tape = new Tape(network.Backend, pool, recording: true, options.RecomputeActivations);
        var x = inputs.Images(pool, images);
        var unlabelled = Unlabelled(images.N, inputs);
        try
        {
            var logits = network.Forward(tape, tape.Input(x), supervised.Weights.Count > 1);
            var loss = EvaluateLoss(tape, logits, inputs, gradientScale, unlabelled);
            foreach (var map in logits)
            {
                tape.Done(map);
            }

            tape.Backward();
            return loss;
        }
        finally
        {
            tape.Clear();
            Return(inputs, x, unlabelled);
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
            var loss = EvaluateLoss(tape, logits, inputs, gradientScale: 1f, unlabelled);
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

    private LossValue EvaluateLoss(
        Tape tape, IReadOnlyList<Variable> logits, BatchInputs inputs, float gradientScale, Tensor? unlabelled)
    {
        var channels = options.Loss.TargetChannels(network.Plan.OutputChannels);

        // Outputs of one resolution (all of UNet++) share a target; outputs of weight 0 need none.
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

        var loss = SegmentationLoss.Evaluate(tape, logits, targets, supervised, gradientScale, unlabelled);
        foreach (var target in byScale.Values)
        {
            inputs.Return(pool, target);
        }

        return loss;
    }
}
