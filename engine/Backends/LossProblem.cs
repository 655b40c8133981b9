using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Sizes and options of the soft Dice + cross-entropy loss of one logit map (docs/method/losses-and-optimisers.md §2, §3).
/// <para>Shapes: logits (n, z, y, x, C). Target, labels: (n, z, y, x, 1), each the label as a whole number. Target, regions:
/// (n, z, y, x, C) of 0 and 1, or (…, C + 1) with the ignore mask (1 = ignore) last if <see cref="IgnoreLabel"/> ≥ 0.</para>
/// <para>Sums, a vector of 3·N·C + 2: for each (n, c) the triple I = Σ m·p·y, P = Σ m·p, G = Σ m·y, at 3·(n·C + c); then the
/// sum of the cross-entropy over valid voxels (regions: and over maps); then the number M of valid voxels.</para>
/// </summary>
/// <param name="N">Batch size.</param>
/// <param name="Spatial">Spatial size, voxels.</param>
/// <param name="C">Logit maps: classes with background (softmax) or regions (sigmoid).</param>
/// <param name="Regions">Sigmoid and binary cross-entropy per map instead of softmax.</param>
/// <param name="BatchDice">Add I, P, G over the batch before the ratio.</param>
/// <param name="IgnoreLabel">Label that carries no information; −1 if there is none.</param>
/// <param name="Smooth">Added to numerator and denominator of the Dice ratio.</param>
/// <param name="DiceIncludesBackground">Softmax only: include class 0 in the Dice mean.</param>
/// <param name="Terms">Which of the two terms count in loss and gradient; the sums always hold both.</param>
public readonly record struct LossProblem(
    int N, Extent Spatial, int C, bool Regions, bool BatchDice, int IgnoreLabel = -1, float Smooth = 1e-5f,
    bool DiceIncludesBackground = false, LossTerms Terms = LossTerms.DiceAndCrossEntropy)
{
    /// <summary>Shape of the logits and their gradient.</summary>
    public Shape LogitsShape => Shape.Activation(N, Spatial, C);

    /// <summary>Shape of the target.</summary>
    public Shape TargetShape => Shape.Activation(N, Spatial, Regions ? C + (IgnoreLabel >= 0 ? 1 : 0) : 1);

    /// <summary>Shape of the sums that tie the forward to the backward pass.</summary>
    public Shape SumsShape => Shape.Vector((3 * N * C) + 2);

    /// <summary>
    /// First class included in Dice: regions and the printed formula start at 0, otherwise background is left out. C if no class
    /// is, because cross-entropy alone counts.
    /// </summary>
    public int FirstDiceClass => Terms == LossTerms.CrossEntropy ? C : Regions || DiceIncludesBackground ? 0 : 1;

    /// <summary>Factor on the cross-entropy: 1, or 0 where Dice alone counts.</summary>
    public float CrossEntropyWeight => Terms == LossTerms.Dice ? 0f : 1f;

    /// <summary>Number of Dice ratios that are averaged.</summary>
    public int DiceTerms => (BatchDice ? 1 : N) * (C - FirstDiceClass);

    /// <summary>Forward and backward each read logits and target; backward writes the gradient.</summary>
    public Work MinimumWork => new(12L * LogitsShape.Length, sizeof(float) * ((2L * LogitsShape.Length) + TargetShape.Length));
}

/// <summary>The terms of the loss.</summary>
public enum LossTerms
{
    /// <summary>Their sum, as nnU-Net has it.</summary>
    DiceAndCrossEntropy,

    /// <summary>−mean soft Dice alone.</summary>
    Dice,

    /// <summary>Cross-entropy alone.</summary>
    CrossEntropy,
}
