using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override double SumOfSquaresCore(Tensor g)
    {
        var (values, sum) = (View(g), 0.0);
        for (var i = 0; i < g.Length; i++)
        {
            sum += values[i] * values[i];
        }

        return sum;
    }

    /// <inheritdoc/>
    protected override void SgdStepCore(in SgdStep options, Tensor theta, Tensor gradient, Tensor velocity)
    {
        var (weights, gradients, velocities) = (View(theta), View(gradient), View(velocity));
        for (var i = 0; i < theta.Length; i++)
        {
            var g = (options.GradientScale * gradients[i]) + (options.WeightDecay * weights[i]);
            velocities[i] = (options.Momentum * velocities[i]) + g;
            weights[i] -= options.LearningRate * (g + (options.Momentum * velocities[i]));
        }
    }

    /// <inheritdoc/>
    protected override void AdamStepCore(in AdamStep options, Tensor theta, Tensor gradient, Tensor m, Tensor v, Tensor? vmax)
    {
        var (weights, gradients, first, second, highest) = (View(theta), View(gradient), View(m), View(v), ViewOrNull(vmax));
        var correction1 = 1 - Math.Pow(options.Beta1, options.Step);
        var correction2 = Math.Sqrt(1 - Math.Pow(options.Beta2, options.Step));
        for (var i = 0; i < theta.Length; i++)
        {
            var g = (options.GradientScale * gradients[i]) + (options.WeightDecay * weights[i]);
            first[i] = (options.Beta1 * first[i]) + ((1 - options.Beta1) * g);
            second[i] = (options.Beta2 * second[i]) + ((1 - options.Beta2) * g * g);
            var variance = second[i];
            if (highest is { } maximum)
            {
                variance = maximum[i] = Math.Max(maximum[i], second[i]);
            }

            weights[i] -= options.LearningRate / correction1 * first[i] / ((Math.Sqrt(variance) / correction2) + options.Epsilon);
        }
    }
}
