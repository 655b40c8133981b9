using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Features, kernels, strides and blocks of each family for a given pooling (docs/method/planning.md §3.8,
/// docs/method/networks.md §5 to §8).
/// </summary>
internal static class NetworkShapeRule
{
    private const int BaseFeatures = 32;
    private const int MostFeatures3D = 320;
    private const int MostFeatures2D = 512;

    // Residual blocks of encoder stages 0, 1, 2, …; the last entry holds for all further stages.
    private static readonly int[] ResidualBlocks = [1, 3, 4, 6];

    /// <summary>The network of a pooling.</summary>
    public static ArchitecturePlan Apply(NetworkFamily family, StuNetVariant stuNet, Pooling pooling)
    {
        if (family == NetworkFamily.StuNet)
        {
            return StuNet(stuNet, pooling.Strides);
        }

        var stages = pooling.Strides.Length;
        var most = pooling.Pools.Length == 2 ? MostFeatures2D : MostFeatures3D;
        var residual = family == NetworkFamily.ResidualEncoderUNet;
        return new ArchitecturePlan
        {
            Family = family,
            FeaturesPerStage = Features(BaseFeatures, most, stages),
            KernelSizes = pooling.Kernels,
            Strides = pooling.Strides,
            EncoderBlocks = residual
                ? [.. Enumerable.Range(0, stages).Select(stage => ResidualBlocks[Math.Min(stage, ResidualBlocks.Length - 1)])]
                : Enumerable.Repeat(2, stages).ToArray(),
            DecoderBlocks = Enumerable.Repeat(residual ? 1 : 2, stages - 1).ToArray(),
        };
    }

    /// <summary>first·2^stage, capped.</summary>
    public static int[] Features(int first, int most, int stages) =>
        [.. Enumerable.Range(0, stages).Select(stage => (int)Math.Min(most, (long)first << Math.Min(stage, 30)))];

    /// <summary>
    /// STU-Net always has 6 stages and 3×3×3 kernels, so that weights move between datasets; missing poolings are ones.
    /// </summary>
    private static ArchitecturePlan StuNet(StuNetVariant variant, int[][] strides)
    {
        var stages = variant.Features.Count;
        return new ArchitecturePlan
        {
            Family = NetworkFamily.StuNet,
            FeaturesPerStage = variant.Features,
            KernelSizes = [.. Enumerable.Range(0, stages).Select(_ => Enumerable.Repeat(3, 3).ToArray())],
            Strides =
                [.. Enumerable.Range(0, stages)
                    .Select(stage => stage < strides.Length ? strides[stage] : Enumerable.Repeat(1, 3).ToArray())],
            EncoderBlocks = Enumerable.Repeat(variant.Depth, stages).ToArray(),
            DecoderBlocks = Enumerable.Repeat(variant.Depth, stages - 1).ToArray(),
        };
    }
}

/// <summary>
/// Networks that the pooling rules can produce from tiny images but that cannot be trained; the configuration is then left out
/// (SharpSeg choice: the reference plans them and fails in training).
/// </summary>
internal static class UntrainableNetwork
{
    /// <summary>Why this network cannot be trained on this patch; null if it can.</summary>
    public static string? Reason(ArchitecturePlan network, int[] patch)
    {
        if (network.StageCount < 2)
        {
            return "a U-Net needs at least one pooling: two axes of 8 voxels, or one of 12 (docs/method/networks.md §1)";
        }

        var divisor = network.Divisor();
        return patch.Select((size, axis) => size / divisor[axis]).All(size => size == 1)
            ? "instance normalisation needs more than one voxel in the bottleneck (docs/method/networks.md §2.6)"
            : null;
    }
}
