using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// From the preprocessed grid to the cropped original one, or to the next stage's (docs/method/inference.md §7, §8).
/// </summary>
internal static class OutputGrid
{
    /// <summary>The change that undoes a case's resampling.</summary>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition and profile.</param>
    /// <param name="configuration">Spacing and resampling orders.</param>
    public static GridChange Of(CaseProperties properties, Plans plans, ConfigurationPlan configuration)
    {
        var original = AxisOrder.Apply(properties.Spacing, plans.TransposeForward);
        var current = configuration.Is2D
            ? new Spacing(original.Z, configuration.Spacing[0], configuration.Spacing[1])
            : Spacing.FromArray(configuration.Spacing);
        return Between(properties.Shape, properties.ShapeAfterCropping, current, original, configuration);
    }

    /// <summary>The change between two grids of one field of view.</summary>
    /// <param name="from">Voxels of the outputs.</param>
    /// <param name="to">Voxels wanted.</param>
    /// <param name="current">mm of the outputs.</param>
    /// <param name="target">mm wanted.</param>
    /// <param name="configuration">Resampling orders.</param>
    public static GridChange Between(Extent from, Extent to, Spacing current, Spacing target, ConfigurationPlan configuration)
    {
        var rule = configuration.Resampling.Probabilities;
        if (rule.Method == ResamplingMethod.None && from != to)
        {
            throw new SharpSegException(
                $"configuration `{configuration.Name}`: outputs of {from} voxels belong on a grid of {to}, and the plans say "
                    + "not to resample them",
                "correct `resampling_fn_probabilities` in plans.json");
        }

        return new GridChange(from, to, rule.Order, rule.SeparateAxis(current, target), rule.OrderZ);
    }

    /// <summary>Regions are where their map is above this: a logit of 0 is a probability of one half.</summary>
    public static float Threshold(Profile profile) => profile == Profile.Classic ? 0.5f : 0;
}
