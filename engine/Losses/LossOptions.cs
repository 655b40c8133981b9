namespace SharpSeg.Engine.Losses;

/// <summary>What the loss depends on besides logits and targets (docs/method/losses-and-optimisers.md §1).</summary>
/// <param name="Weights">Weight of each output; 0 = not evaluated at all.</param>
/// <param name="Regions">Sigmoid and binary cross-entropy per region instead of softmax over classes.</param>
/// <param name="BatchDice">Sum over the batch before the Dice ratio.</param>
/// <param name="IgnoreLabel">Label without information; −1 = none. Regions: any value ≥ 0 says that the mask is the last target channel.</param>
/// <param name="Smooth">Added to numerator and denominator of the Dice ratio.</param>
/// <param name="DiceIncludesBackground">Include class 0 in the Dice mean.</param>
public sealed record LossOptions(
    IReadOnlyList<float> Weights, bool Regions, bool BatchDice, int IgnoreLabel = -1, float Smooth = 1e-5f, bool DiceIncludesBackground = false)
{
    /// <summary>Channels of a target: 1 for labels; for regions one per region and one for the ignore mask.</summary>
    /// <param name="outputs">Output maps of the network.</param>
    public int TargetChannels(int outputs) => Regions ? outputs + (IgnoreLabel >= 0 ? 1 : 0) : 1;
}
