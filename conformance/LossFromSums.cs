using SharpSeg.Engine.Backends;

namespace SharpSeg.Conformance;

/// <summary>
/// Cross-entropy and Dice loss from the sums of the forward pass (docs/method/losses-and-optimisers.md §2.1, §2.2, §3), in
/// float64.
/// </summary>
public static class LossFromSums
{
    /// <summary>
    /// The mean cross-entropy and −mean(d) over the Dice terms, 0 where one does not count; the loss is their sum.
    /// </summary>
    public static (double CrossEntropy, double Dice) Evaluate(in LossProblem p, double[] sums)
    {
        var (total, valid) = (sums[3 * p.N * p.C], sums[(3 * p.N * p.C) + 1]);
        var divisor = p.Regions && p.IgnoreLabel < 0 ? valid * p.C : valid;
        var ratios = 0.0;
        for (var n = 0; n < (p.BatchDice ? 1 : p.N); n++)
        {
            for (var c = p.FirstDiceClass; c < p.C; c++)
            {
                var (i, predicted, labelled) = (0.0, 0.0, 0.0);
                for (var sample = n; sample < (p.BatchDice ? p.N : n + 1); sample++)
                {
                    var triple = 3 * ((sample * p.C) + c);
                    i += sums[triple];
                    predicted += sums[triple + 1];
                    labelled += sums[triple + 2];
                }

                ratios += ((2 * i) + p.Smooth) / Math.Max(predicted + labelled + p.Smooth, 1e-8);
            }
        }

        return (valid == 0 ? 0 : p.CrossEntropyWeight * total / divisor, p.DiceTerms == 0 ? 0 : -ratios / p.DiceTerms);
    }
}
