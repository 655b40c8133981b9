namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// Dynamic loss scaling for float16 products (Micikevicius et al. 2018, arXiv:1710.03740, §3.2): the loss is multiplied by a factor so
/// that small gradients do not vanish; the optimiser divides it out again. Halved, and the step skipped, when a gradient overflows; doubled
/// after <see cref="GrowthInterval"/> steps without.
/// </summary>
public sealed class LossScale
{
    /// <summary>Factor to start with.</summary>
    public const double Initial = 65536.0;

    /// <summary>Good steps before the factor is doubled.</summary>
    public const int GrowthInterval = 2000;

    private const double Smallest = 1.0;
    private const double Largest = 16777216.0;            // 2²⁴: beyond, the scaled loss itself leaves float32's exact integers
    private int goodSteps;

    /// <summary>What the loss is multiplied by now.</summary>
    public double Value { get; private set; } = Initial;

    /// <summary>Learns from a step; true if its gradients may be used.</summary>
    /// <param name="sumOfSquares">Σ g² of all scaled gradients, as Backend.SumOfSquares gives it.</param>
    public bool Update(double sumOfSquares)
    {
        if (!double.IsFinite(sumOfSquares))
        {
            Value = Math.Max(Smallest, Value / 2);
            goodSteps = 0;
            return false;
        }

        if (++goodSteps >= GrowthInterval)
        {
            Value = Math.Min(Largest, Value * 2);
            goodSteps = 0;
        }

        return true;
    }
}
