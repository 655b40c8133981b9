using SharpSeg.Engine.Networks;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// What profile `modern` plans a configuration against: the preset's constants with the user's memory target and network family.
/// </summary>
internal sealed record ModernBudget(
    Preset Preset, NetworkFamily Family, StuNetVariant StuNetVariant, double MemoryGigabytes, int LabelEntries)
{
    /// <summary>The budget that options ask for.</summary>
    /// <exception cref="SharpSegException">The options contradict each other.</exception>
    public static ModernBudget From(PlannerOptions options, int labelEntries)
    {
        var preset = Preset.Of(options.Preset);
        var family = options.Family ?? (preset.Residual ? NetworkFamily.ResidualEncoderUNet : NetworkFamily.PlainUNet);
        if (preset.Residual && family != NetworkFamily.ResidualEncoderUNet)
        {
            throw new SharpSegException(
                $"preset {preset.Label} plans a residual encoder, not {family}",
                "choose another network only with preset default");
        }

        var gigabytes = options.MemoryGigabytes ?? preset.MemoryGigabytes;
        return double.IsFinite(gigabytes) && gigabytes > 0
            ? new ModernBudget(preset, family, options.StuNetVariant, gigabytes, labelEntries)
            : throw new SharpSegException($"memory target {gigabytes} GB must be above 0");
    }

    /// <summary>Feature-map voxels of the reference batch's one sample that fit.</summary>
    public double Limit(int axes) => (axes == 2 ? Preset.Budget2D : Preset.Budget3D) * (MemoryGigabytes / Preset.MemoryGigabytes);

    /// <summary>Samples per batch for which the limit was measured.</summary>
    public static int ReferenceBatch(int axes) => axes == 2 ? Preset.ReferenceBatch2D : Preset.ReferenceBatch3D;

    /// <summary>Whether a patch of estimate <paramref name="estimate"/> must shrink.</summary>
    public bool IsTooLarge(long estimate, int axes) => Preset.ShrinkUntilReferenceBatchFits
        ? estimate > Limit(axes)
        : (double)estimate / ReferenceBatch(axes) * 2 > Limit(axes);
}
