namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Which samples of a batch are forced to contain foreground (docs/method/training.md §4).</summary>
internal enum ForegroundRule
{
    /// <summary>
    /// The last third, rounded: sample j ≥ round(B·(1 − 0.33)), half to even. nnU-Net v2; none in a batch of one.
    /// </summary>
    Last33,

    /// <summary>More than a third: sample j ≥ B − (⌊B/3⌋ + 1). The 2018 paper.</summary>
    MoreThanThird,

    /// <summary>Every sample by itself, with probability 0.33.</summary>
    Probabilistic,
}

/// <summary>Evaluates a <see cref="ForegroundRule"/>.</summary>
internal static class ForegroundOversampling
{
    private const double Fraction = 0.33; // of the batch, nnU-Net v2

    /// <summary>Must this sample contain foreground?</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="sample">0-based position in the batch.</param>
    /// <param name="batchSize">Samples in the batch.</param>
    /// <param name="random">Drawn from by <see cref="ForegroundRule.Probabilistic"/> only.</param>
    public static bool IsForced(ForegroundRule rule, int sample, int batchSize, CounterRandom random) => rule switch
    {
        ForegroundRule.Last33 => sample >= Math.Round(batchSize * (1 - Fraction), MidpointRounding.ToEven),
        ForegroundRule.MoreThanThird => sample >= batchSize - ((batchSize / 3) + 1),
        ForegroundRule.Probabilistic => random.NextBool(Fraction),
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "unknown foreground rule"),
    };
}
