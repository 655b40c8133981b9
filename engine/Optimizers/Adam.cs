using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Optimizers;

/// <summary>Adam, by default with AMSGrad as in the first nnU-Net. Formula: <see cref="Backends.AdamStep"/>.</summary>
public sealed class Adam : Optimizer
{
    private readonly DeviceBuffer first;
    private readonly DeviceBuffer second;
    private readonly DeviceBuffer? highest;

    /// <summary>Starts with zero moments.</summary>
    public Adam(ParameterStore parameters, bool amsGrad = true, float weightDecay = 3e-5f)
        : base(parameters, weightDecay)
    {
        first = AddMoment("m");
        second = AddMoment("v");
        highest = amsGrad ? AddMoment("vmax") : null;
    }

    /// <inheritdoc/>
    protected override void StepRun(in ParameterRun run, float learningRate, float gradientScale, int stepCount) =>
        Parameters.Backend.AdamStep(
            new Backends.AdamStep(learningRate, stepCount, WeightDecay, highest is not null, gradientScale),
            Parameters.Values(run), Parameters.Gradients(run), ParameterStore.View(first, run), ParameterStore.View(second, run),
            highest is null ? null : ParameterStore.View(highest, run));
}
