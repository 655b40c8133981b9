using SharpSeg.Engine.Networks;

namespace SharpSeg.Engine.Optimizers;

/// <summary>
/// Clipping by the global norm (docs/method/losses-and-optimisers.md §6; Pascanu et al. 2013, arXiv:1211.5063).
/// </summary>
internal static class GradientClipping
{
    /// <summary>√Σg² over all parameters that have a gradient; not finite if any element is not.</summary>
    public static double GlobalNorm(ParameterStore parameters)
    {
        var sum = 0.0;
        foreach (var run in parameters.Runs(_ => true))
        {
            sum += parameters.Backend.SumOfSquares(parameters.Gradients(run));
        }

        return Math.Sqrt(sum);
    }

    /// <summary>Factor that brings a norm down to a limit: min(1, limit/(norm + 1e-6)).</summary>
    public static float Coefficient(double norm, double limit) => (float)Math.Min(1.0, limit / (norm + 1e-6));
}
