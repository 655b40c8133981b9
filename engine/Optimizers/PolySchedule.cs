namespace SharpSeg.Engine.Optimizers;

/// <summary>nnU-Net's learning rate: η(e) = η₀·(1 − e/E)^0.9 (docs/method/losses-and-optimisers.md §9.1).</summary>
public static class PolySchedule
{
    /// <summary>nnU-Net's initial rate.</summary>
    public const double InitialRate = 1e-2;

    private const double Exponent = 0.9;

    /// <summary>The rate of a whole epoch.</summary>
    /// <param name="epoch">Index from 0.</param>
    /// <param name="epochs">Number of epochs of the run.</param>
    /// <param name="initialRate">η₀.</param>
    public static double Rate(int epoch, int epochs, double initialRate = InitialRate) =>
        Rate((double)epoch / epochs, initialRate);

    /// <summary>The same at any point.</summary>
    /// <param name="done">Which part of the fall is done, 0 to 1.</param>
    /// <param name="initialRate">η₀.</param>
    public static double Rate(double done, double initialRate) => initialRate * Math.Pow(1.0 - done, Exponent);
}
