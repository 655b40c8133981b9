using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Batches;

/// <summary>The largest spatial transform that training a configuration can draw; decides what sampling may come to hold on a device.</summary>
internal static class SamplerLimits
{
    /// <summary>By the profile's own recipe.</summary>
    /// <param name="profile">Decides initial patch and recipe.</param>
    /// <param name="configuration">Patch, and whether it is the second stage of a cascade.</param>
    /// <param name="description">Channels and labels.</param>
    public static SamplingLimits Of(Profile profile, ConfigurationPlan configuration, DatasetDescription description)
    {
        var geometry = PatchGeometry.For(profile, configuration.Patch, configuration.Is2D);
        var cascade = configuration.MaskLabels(description.Labels).Count > 0;
        return Of(AugmentationRecipe.For(profile), geometry, description.ChannelNames.Count, cascade);
    }

    /// <summary>By any recipe.</summary>
    /// <param name="recipe">Whether displacements are drawn, and how smooth.</param>
    /// <param name="geometry">Patch and initial patch.</param>
    /// <param name="channels">Image channels.</param>
    /// <param name="cascade">There is a second label.</param>
    public static SamplingLimits Of(AugmentationRecipe recipe, PatchGeometry geometry, int channels, bool cascade) => new(
        geometry.Patch, geometry.Initial, channels, cascade ? 2 : 1, geometry.Planar,
        recipe.Elastic > 0 ? ElasticField.Kernel(recipe.ElasticSmoothness.High).Length : 0);
}
