using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Training;

/// <summary>How large a network is, found like its memory: by rehearsing a prediction that computes nothing.</summary>
/// <param name="Layers">Convolutions and transposed convolutions.</param>
/// <param name="Parameters">Trained values: weights, biases, γ and β.</param>
/// <param name="Flops">
/// Floating-point operations of all convolutions for one patch of one image, full-resolution output only; a multiply-add counts
/// as two.
/// </param>
public sealed record NetworkSize(int Layers, long Parameters, long Flops)
{
    /// <summary>Measures a network.</summary>
    /// <param name="plan">The network.</param>
    /// <param name="patch">Spatial size of the image, voxels.</param>
    /// <exception cref="ShapeException">Plan and patch do not fit.</exception>
    public static NetworkSize Of(NetworkPlan plan, Extent patch)
    {
        using var backend = new RehearsalBackend();
        using var network = Network.Create(plan, backend);
        using var pool = StepMemory.EndlessPool(backend);
        var tape = new Tape(backend, pool, recording: false);
        network.Forward(tape, tape.Input(pool.Rent(Shape.Activation(1, patch, plan.InputChannels))), allOutputs: false);
        tape.Clear();
        return new(
            network.Parameters.Parameters.Select(Layer).OfType<string>().Distinct().Count(), network.Parameters.Count,
            backend.ConvolutionFlops);
    }

    /// <summary>
    /// Name of the convolution that a weight belongs to; null for vectors. UNet++ keeps one weight per pair of inputs.
    /// </summary>
    private static string? Layer(Parameter parameter) =>
        parameter.Kind is ParameterKind.ConvolutionWeight or ParameterKind.TransposedConvolutionWeight
            ? parameter.Name[..parameter.Name.LastIndexOf(".weight", StringComparison.Ordinal)]
            : null;
}
