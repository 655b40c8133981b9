namespace SharpSeg.AutoPlanner.Planning;

/// <summary>The planner presets of profile `modern` by name.</summary>
public enum PresetName
{
    /// <summary>Plain U-Net planned for 8 GB: nnU-Net v2's default.</summary>
    Default,

    /// <summary>Residual encoder for 8 GB with the default's 5 % cap on the batch.</summary>
    ResEnc,

    /// <summary>Residual encoder for 8 GB.</summary>
    ResEncM,

    /// <summary>Residual encoder for 24 GB.</summary>
    ResEncL,

    /// <summary>Residual encoder for 40 GB.</summary>
    ResEncXL,
}

/// <summary>
/// The constants of one preset (docs/method/planning.md §3.8). A budget is a count of feature-map voxels of one sample
/// (docs/method/planning.md §3.5), found by its authors on a GPU with that many gigabytes.
/// </summary>
/// <param name="Name">Which preset.</param>
/// <param name="MemoryGigabytes">The memory for which the budgets hold; a user's target scales them in proportion.</param>
/// <param name="Budget3D">Feature-map voxels in 3D at the reference batch of 2.</param>
/// <param name="Budget2D">Feature-map voxels in 2D at the reference batch of 12.</param>
/// <param name="Residual">Residual encoder instead of the plain U-Net.</param>
/// <param name="ShrinkUntilReferenceBatchFits">
/// In 2D: shrink the patch until the reference batch fits (residual presets), not only until a batch of 2 does (default).
/// </param>
/// <param name="DatasetCover">Greatest share of the dataset's voxels that one batch may hold.</param>
public sealed record Preset(
    PresetName Name, double MemoryGigabytes, double Budget3D, double Budget2D, bool Residual, bool ShrinkUntilReferenceBatchFits,
    double DatasetCover)
{
    /// <summary>Samples per batch for which <see cref="Budget3D"/> holds.</summary>
    public const int ReferenceBatch3D = 2;

    /// <summary>Samples per batch for which <see cref="Budget2D"/> holds.</summary>
    public const int ReferenceBatch2D = 12;

    /// <summary>The constants of a preset.</summary>
    public static Preset Of(PresetName name) => name switch
    {
        PresetName.Default => new(name, 8, 560_000_000, 85_000_000, false, false, 0.05),
        PresetName.ResEnc => new(name, 8, 680_000_000, 135_000_000, true, true, 0.05),
        PresetName.ResEncM => new(name, 8, 680_000_000, 135_000_000, true, true, 1.0),
        PresetName.ResEncL => new(name, 24, 2_100_000_000, 380_000_000, true, true, 1.0),
        PresetName.ResEncXL => new(name, 40, 3_600_000_000, 560_000_000, true, true, 1.0),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown preset"),
    };

    /// <summary>The name in plans.json and on the command line: `default`, `ResEnc`, `ResEncM`, `ResEncL`, `ResEncXL`.</summary>
    public string Label => Name == PresetName.Default ? "default" : Name.ToString();

    /// <summary>The preset of a name, without regard to case.</summary>
    /// <exception cref="SharpSegException">There is none of that name.</exception>
    public static Preset Parse(string text) =>
        Enum.TryParse<PresetName>(text, ignoreCase: true, out var name) && Enum.IsDefined(name)
        ? Of(name)
        : throw new SharpSegException(
            $"unknown preset `{text}`", $"presets: default, {string.Join(", ", Enum.GetNames<PresetName>().Skip(1))}");
}

/// <summary>
/// Which generation of the method's rules decides (docs/method/planning.md §2). Everything downstream reads it from the plans.
/// </summary>
public enum Profile
{
    /// <summary>
    /// The first nnU-Net papers of 2018/19: 30 base features, a 128³ voxel budget, pooling until an edge is below 8.
    /// </summary>
    Classic,

    /// <summary>nnU-Net v2's defaults: 32 base features, a memory estimate as budget, residual presets.</summary>
    Modern,
}
