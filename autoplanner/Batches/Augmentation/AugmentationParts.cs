using System.Collections.Immutable;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>The steps of docs/method/augmentation.md §1 that a run may leave out.</summary>
[Flags]
public enum AugmentationParts
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Elastic deformation; the classic profile has it.</summary>
    Elastic = 1,

    /// <summary>Rotation.</summary>
    Rotation = 2,

    /// <summary>Scaling.</summary>
    Scaling = 4,

    /// <summary>Gaussian noise.</summary>
    Noise = 8,

    /// <summary>Gaussian blur.</summary>
    Blur = 16,

    /// <summary>Brightness.</summary>
    Brightness = 32,

    /// <summary>Contrast.</summary>
    Contrast = 64,

    /// <summary>Simulated low resolution.</summary>
    LowResolution = 128,

    /// <summary>Both gamma steps.</summary>
    Gamma = 256,

    /// <summary>
    /// Mirroring, in training and then in prediction, too: a network that never saw a mirrored image is not shown one.
    /// </summary>
    Mirroring = 512,

    /// <summary>Corruption of the previous stage's masks in a cascade.</summary>
    Cascade = 1024,

    /// <summary>All.</summary>
    All = 2047,
}

/// <summary>The parts by name, and recipes without some of them.</summary>
internal static class AugmentationSwitches
{
    private const AugmentationParts Spatial = AugmentationParts.Elastic | AugmentationParts.Rotation | AugmentationParts.Scaling;

    /// <summary>The name of every part.</summary>
    public static ImmutableSortedDictionary<string, AugmentationParts> Names { get; } = Enum.GetValues<AugmentationParts>()
        .Where(part => part is not (AugmentationParts.None or AugmentationParts.All))
        .ToImmutableSortedDictionary(NameOf, part => part, StringComparer.Ordinal);

    /// <summary>The recipe with the probability 0 for these parts.</summary>
    public static AugmentationRecipe Without(this AugmentationRecipe recipe, AugmentationParts parts)
    {
        double Keep(AugmentationParts part, double probability) => parts.HasFlag(part) ? 0 : probability;
        return recipe with
        {
            Elastic = Keep(AugmentationParts.Elastic, recipe.Elastic),
            Rotation = Keep(AugmentationParts.Rotation, recipe.Rotation),
            Scaling = Keep(AugmentationParts.Scaling, recipe.Scaling),
            Noise = Keep(AugmentationParts.Noise, recipe.Noise),
            Blur = Keep(AugmentationParts.Blur, recipe.Blur),
            Brightness = Keep(AugmentationParts.Brightness, recipe.Brightness),
            Contrast = Keep(AugmentationParts.Contrast, recipe.Contrast),
            LowResolution = Keep(AugmentationParts.LowResolution, recipe.LowResolution),
            InvertedGamma = Keep(AugmentationParts.Gamma, recipe.InvertedGamma),
            Gamma = Keep(AugmentationParts.Gamma, recipe.Gamma),
            MirrorPerAxis = Keep(AugmentationParts.Mirroring, recipe.MirrorPerAxis),
            CascadeMorphology = Keep(AugmentationParts.Cascade, recipe.CascadeMorphology),
            CascadeRemoval = Keep(AugmentationParts.Cascade, recipe.CascadeRemoval),
        };
    }

    /// <summary>The recipe with a factor on every probability but those of mirroring and of a cascade's corruption.</summary>
    public static AugmentationRecipe Times(this AugmentationRecipe recipe, double factor) => recipe with
    {
        Elastic = factor * recipe.Elastic,
        Rotation = factor * recipe.Rotation,
        Scaling = factor * recipe.Scaling,
        Noise = factor * recipe.Noise,
        Blur = factor * recipe.Blur,
        Brightness = factor * recipe.Brightness,
        Contrast = factor * recipe.Contrast,
        LowResolution = factor * recipe.LowResolution,
        InvertedGamma = factor * recipe.InvertedGamma,
        Gamma = factor * recipe.Gamma,
    };

    /// <summary>Where nothing is turned, scaled or deformed, no more than the patch is read.</summary>
    public static PatchGeometry Without(this PatchGeometry geometry, AugmentationParts parts) =>
        (parts & Spatial) == Spatial ? geometry with { Initial = geometry.Patch } : geometry;

    /// <summary>Parts that a recipe has.</summary>
    public static AugmentationParts PartsOf(AugmentationRecipe recipe) => Names.Values
        .Where(part => recipe.Without(part) != recipe)
        .Aggregate(AugmentationParts.None, (parts, part) => parts | part);

    /// <summary>What a user types for them: <c>none</c>, or <c>no-blur,no-noise</c>.</summary>
    public static string Text(AugmentationParts without) => without == AugmentationParts.All
        ? "none"
        : string.Join(',', Names.Where(name => without.HasFlag(name.Value)).Select(name => $"no-{name.Key}"));

    private static string NameOf(AugmentationParts part) =>
        part == AugmentationParts.LowResolution ? "low-resolution" : part.ToString().ToLowerInvariant();
}
