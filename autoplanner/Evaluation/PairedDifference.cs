namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// By how much one segmentation of the same cases is better than another (docs/method/evaluation.md §8): the mean of the
/// differences case by case, with a confidence interval by the paired bootstrap (Efron 1979): cases are drawn with replacement as
/// often as there are cases, many times over; the interval holds the middle 95 % of the means. It says how much depends on the
/// choice of cases, not on the seed of the training.
/// </summary>
/// <param name="Mean">Mean difference; NaN without cases.</param>
/// <param name="Low">Lower end of the interval; NaN with fewer than two cases.</param>
/// <param name="High">Upper end.</param>
/// <param name="Better">Cases in which the second is better.</param>
/// <param name="Worse">Cases in which it is worse.</param>
/// <param name="Cases">Cases that count: the score is defined in both.</param>
public sealed record PairedDifference(double Mean, double Low, double High, int Better, int Worse, int Cases)
{
    /// <summary>Draws of the bootstrap.</summary>
    public const int Resamples = 10_000;

    /// <summary>Share of the means that the interval holds.</summary>
    public const double Confidence = 0.95;

    private const ulong Seed = 1;               // the same scores give the same interval

    /// <summary>Whether the interval leaves out 0.</summary>
    public bool IsClear => Low > 0 || High < 0;

    /// <summary>Compares scores of the same cases, one pair per case; pairs with a NaN are left out.</summary>
    /// <param name="first">Scores of the first.</param>
    /// <param name="second">Scores of the second, in the same order.</param>
    public static PairedDifference Of(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        double[] differences = [.. first.Zip(second, (a, b) => b - a).Where(difference => !double.IsNaN(difference))];
        var (low, high) = Interval(differences);
        return new(
            differences.Length == 0 ? double.NaN : differences.Average(), low, high, differences.Count(d => d > 0),
            differences.Count(d => d < 0), differences.Length);
    }

    private static (double Low, double High) Interval(double[] differences)
    {
        if (differences.Length < 2)
        {
            return (double.NaN, double.NaN);
        }

        var random = new CounterRandom(Seed);
        var means = new double[Resamples];
        for (var draw = 0; draw < Resamples; draw++)
        {
            var sum = 0.0;
            for (var i = 0; i < differences.Length; i++)
            {
                sum += differences[random.NextInt(0, differences.Length - 1)];
            }

            means[draw] = sum / differences.Length;
        }

        Array.Sort(means);
        var outside = (int)(Resamples * (1 - Confidence) / 2);
        return (means[outside], means[^(outside + 1)]);
    }
}
