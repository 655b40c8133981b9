using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// The rule-based memory estimate E (docs/method/planning.md §3.5): output voxels × channels of every convolution and transposed
/// convolution for one sample, with the segmentation head used at inference. A count, not bytes; budgets are counts as well.
/// </summary>
internal static class MemoryEstimate
{
    /// <summary>E of a patch.</summary>
    /// <param name="network">The network.</param>
    /// <param name="patch">Voxels per axis.</param>
    /// <param name="labelEntries">Entries of `labels` in dataset.json: background and ignore included, a region as one.</param>
    public static long Of(ArchitecturePlan network, IReadOnlyList<int> patch, int labelEntries)
    {
        var stages = network.StageCount;
        var voxels = new long[stages];      // channels × voxels of one feature map of a stage
        var size = patch.Select(value => (long)value).ToArray();
        for (var stage = 0; stage < stages; stage++)
        {
            voxels[stage] = network.FeaturesPerStage[stage];
            for (var axis = 0; axis < size.Length; axis++)
            {
                size[axis] /= network.Strides[stage][axis];
                voxels[stage] = checked(voxels[stage] * size[axis]);
            }
        }

        var estimate = labelEntries * patch.Aggregate(1L, (product, value) => checked(product * value));
        for (var stage = 0; stage < stages; stage++)
        {
            estimate = checked(estimate + (EncoderMaps(network, stage) * voxels[stage]));
            if (stage < stages - 1)
            {
                estimate = checked(estimate + (DecoderMaps(network, stage) * voxels[stage]));
            }
        }

        return estimate;
    }

    /// <summary>Feature maps that an encoder stage writes.</summary>
    private static long EncoderMaps(ArchitecturePlan network, int stage) => network.Family switch
    {
        NetworkFamily.ResidualEncoderUNet =>
            (2 * network.EncoderBlocks[stage]) + (stage == 0 ? 1 : 0) + (HasSkipProjection(network, stage) ? 1 : 0),
        NetworkFamily.StuNet => (2 * network.EncoderBlocks[stage]) + 1,
        _ => network.EncoderBlocks[stage],
    };

    /// <summary>Feature maps that the decoder writes at a stage, upsampling included.</summary>
    private static long DecoderMaps(ArchitecturePlan network, int stage) => network.Family switch
    {
        NetworkFamily.StuNet => (2 * network.DecoderBlocks[stage]) + 2,

        // Every nested node X(stage, 1…) upsamples once and convolves twice; there are as many as stages below this one.
        NetworkFamily.UNetPlusPlus => 3L * (network.StageCount - 1 - stage),
        _ => network.DecoderBlocks[stage] + 1,
    };

    /// <summary>
    /// The reference counts a projection wherever channels or size change, though equal channels only average-pool.
    /// </summary>
    private static bool HasSkipProjection(ArchitecturePlan network, int stage) =>
        stage > 0
            && (
                network.FeaturesPerStage[stage] != network.FeaturesPerStage[stage - 1]
                    || network.Strides[stage].Any(value => value != 1));
}
