using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Optimizers;

/// <summary>SGD with Nesterov momentum, nnU-Net's optimiser. Formula: <see cref="Backends.SgdStep"/>.</summary>
public sealed class SgdNesterov : Optimizer
{
    private readonly DeviceBuffer velocity;
    private readonly float momentum;

    /// <summary>Starts at rest.</summary>
    public SgdNesterov(ParameterStore parameters, float momentum = 0.99f, float weightDecay = 3e-5f)
        : base(parameters, weightDecay)
    {
        this.momentum = momentum;
        velocity = AddMoment("velocity");
    }

    /// <inheritdoc/>
    protected override void StepRun(in ParameterRun run, float learningRate, float gradientScale, int stepCount) =>
        Parameters.Backend.SgdStep(
            new Backends.SgdStep(learningRate, momentum, WeightDecay, gradientScale),
            Parameters.Values(run), Parameters.Gradients(run), ParameterStore.View(velocity, run));
}
