namespace SharpSeg.Engine.Training;

/// <summary>
/// Dynamic loss scaling for float16 products (Micikevicius et al. 2018, arXiv:1710.03740, §3.2): the loss is multiplied by a
/// factor so that small gradients do not vanish; the optimiser divides it out again. Halved, and the step skipped, when a
/// gradient overflows; doubled after <see cref="GrowthInterval"/> steps without. A power of two, so that dividing it out rounds
/// nothing.
/// </summary>
public sealed class LossScale
{
    /// <summary>Factor to start with.</summary>
    public const double Initial = 65536.0;

    /// <summary>Good steps before the factor is doubled.</summary>
    public const int GrowthInterval = 2000;

    private const double Smallest = 1.0;
    private const double Largest = 16777216.0;            // 2²⁴: beyond, the scaled loss itself leaves float32's exact integers

    /// <summary>Starts from scratch or from a checkpoint.</summary>
    /// <param name="state">State to continue from; null: the initial factor.</param>
    public LossScale(LossScaleState? state = null) => State = state ?? new LossScaleState(Initial, 0);

    /// <summary>The whole state; part of a checkpoint.</summary>
    public LossScaleState State { get; private set; }

    /// <summary>What the loss is multiplied by now.</summary>
    public double Value => State.Value;

    /// <summary>Whether a smaller factor may avoid an overflow.</summary>
    public bool CanShrink => Value > Smallest;

    /// <summary>Updates the factor after a step; true if the step's gradients may be used.</summary>
    /// <param name="norm">Norm, or sum of squares, of all scaled gradients; not finite if any of them is not.</param>
    public bool Update(double norm)
    {
        if (!double.IsFinite(norm))
        {
            State = new LossScaleState(Math.Max(Smallest, Value / 2), 0);
            return false;
        }

        var good = State.GoodSteps + 1;
        State = good >= GrowthInterval ? new LossScaleState(Math.Min(Largest, Value * 2), 0) : State with { GoodSteps = good };
        return true;
    }
}

/// <summary>State of a <see cref="LossScale"/>.</summary>
/// <param name="Value">The factor.</param>
/// <param name="GoodSteps">Steps since it last changed.</param>
public readonly record struct LossScaleState(double Value, int GoodSteps);
