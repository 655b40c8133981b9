namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>A range that a factor is drawn from (docs/method/augmentation.md §1).</summary>
/// <param name="Low">Smallest factor.</param>
/// <param name="High">Largest factor.</param>
/// <param name="TwoSided">
/// T(low, high): below and above 1 are equally likely, whatever the widths. Otherwise U(low, high): uniform.
/// </param>
public readonly record struct RandomRange(double Low, double High, bool TwoSided)
{
    /// <summary>U(low, high).</summary>
    public static RandomRange Uniform(double low, double high) => new(low, high, false);

    /// <summary>T(low, high), low &lt; 1 &lt; high.</summary>
    public static RandomRange AroundOne(double low, double high) => new(low, high, true);

    /// <summary>Draws a factor.</summary>
    public double Draw(CounterRandom random)
    {
        if (!TwoSided)
        {
            return random.NextDouble(Low, High);
        }

        return random.NextBool(0.5) ? random.NextDouble(Low, 1) : random.NextDouble(1, High);
    }
}
