using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Loss;

/// <summary>The numbers of a <see cref="LossProblem"/> as a kernel parameter. See there for shapes and formula.</summary>
internal readonly struct LossSizes
{
    public readonly int N, Voxels, RowLength, C, TargetC, Regions, BatchDice, IgnoreLabel, FirstDiceClass, DiceTerms;
    public readonly float Smooth, CrossEntropyWeight;

    public LossSizes(in LossProblem p)
    {
        (N, C, TargetC) = (p.N, p.C, p.TargetShape.C);
        (Voxels, RowLength) = (checked((int)p.Spatial.Voxels), p.Spatial.X);
        (Regions, BatchDice) = (p.Regions ? 1 : 0, p.BatchDice ? 1 : 0);
        (IgnoreLabel, FirstDiceClass, DiceTerms, Smooth) = (p.IgnoreLabel, p.FirstDiceClass, p.DiceTerms, p.Smooth);
        CrossEntropyWeight = p.CrossEntropyWeight;
    }

    /// <summary>Index of the cross-entropy in the sums; the number of valid voxels follows.</summary>
    public int CrossEntropyIndex => 3 * N * C;
}
