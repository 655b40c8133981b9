namespace SharpSeg.AutoPlanner.Planning;

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
