namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// Which generation of the method's rules decides (docs/method/planning.md §2). Everything downstream reads it from the plans.
/// </summary>
public enum Profile
{
    /// <summary>The first nnU-Net papers of 2018/19: 30 base features, a 128³ voxel budget, pooling until an edge is below 8.</summary>
    Classic,

    /// <summary>nnU-Net v2's defaults: 32 base features, a memory estimate as budget, residual presets.</summary>
    Modern,
}
