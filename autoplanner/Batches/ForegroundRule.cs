namespace SharpSeg.AutoPlanner.Batches;

/// <summary>Which samples of a batch are forced to contain foreground (docs/method/training.md §4).</summary>
internal enum ForegroundRule
{
    /// <summary>
    /// The last share of the batch, rounded: sample j ≥ round(B·(1 − share)), half to even. nnU-Net v2 with 0.33; none in a batch
    /// of one.
    /// </summary>
    Last,

    /// <summary>More than a third: sample j ≥ B − (⌊B/3⌋ + 1). The 2018 paper.</summary>
    MoreThanThird,

    /// <summary>Every sample by itself, with the share as probability.</summary>
    Probabilistic,
}

/// <summary>Evaluates a <see cref="ForegroundRule"/>.</summary>
internal static class ForegroundOversampling
{
    /// <summary>Share of the batch, nnU-Net v2.</summary>
    public const double DefaultShare = 0.33;

    /// <summary>Can any sample of a batch be one that must? Where one is, the last is.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="batchSize">Samples in the batch.</param>
    /// <param name="share">Share of the batch, from 0 to 1.</param>
    public static bool ForcesAny(ForegroundRule rule, int batchSize, double share) => rule == ForegroundRule.Probabilistic
        ? share > 0
        : IsForced(rule, batchSize - 1, batchSize, share, new CounterRandom(0, 0));

    /// <summary>Must this sample contain foreground?</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="sample">0-based position in the batch.</param>
    /// <param name="batchSize">Samples in the batch.</param>
    /// <param name="share">Share of the batch, from 0 to 1; <see cref="ForegroundRule.MoreThanThird"/> has its own.</param>
    /// <param name="random">Drawn from by <see cref="ForegroundRule.Probabilistic"/> only.</param>
    public static bool IsForced(ForegroundRule rule, int sample, int batchSize, double share, CounterRandom random) => rule switch
    {
        ForegroundRule.Last => sample >= Math.Round(batchSize * (1 - share), MidpointRounding.ToEven),
        ForegroundRule.MoreThanThird => sample >= batchSize - ((batchSize / 3) + 1),
        ForegroundRule.Probabilistic => random.NextBool(share),
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "unknown foreground rule"),
    };
}
