using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Which of nnU-Net's functions changes grids.</summary>
public enum ResamplingMethod
{
    /// <summary>resample_data_or_seg_to_shape: splines; labels as the largest that reaches one half.</summary>
    Spline,

    /// <summary>
    /// resample_torch_fornnunet: linear, the coarse axis nearest; labels as the most likely, the smaller on ties.
    /// </summary>
    Torch,

    /// <summary>no_resampling_hack: the grid stays, whatever the spacing.</summary>
    None,
}

/// <summary>Interpolation of one kind of array.</summary>
/// <param name="Order">Spline order in-plane (or on all axes): 0 nearest, 1 linear, 3 cubic.</param>
/// <param name="OrderZ">Order along the coarse axis; read only in separate-z mode.</param>
/// <param name="ForceSeparateZ">True or false overrides the anisotropy rule; null leaves it to the spacings
/// (docs/method/preprocessing.md §4.2).</param>
/// <param name="AnisotropyThreshold">Ratio of the coarsest to the finest spacing above which an image counts as
/// anisotropic.</param>
/// <param name="Method">Which function.</param>
public sealed record ResamplingOrder(
    int Order, int OrderZ, bool? ForceSeparateZ = null, double AnisotropyThreshold = Resampling.UsualThreshold,
    ResamplingMethod Method = ResamplingMethod.Spline)
{
    /// <summary>
    /// The axis that is resampled by itself between two spacings in mm, or null (<see cref="Resampling.SeparateAxis"/>).
    /// </summary>
    public int? SeparateAxis(Spacing current, Spacing target) =>
        Resampling.SeparateAxis(current, target, ForceSeparateZ, AnisotropyThreshold);
}

/// <summary>How a configuration resamples images, labels and network outputs (docs/method/preprocessing.md §4.1).</summary>
/// <param name="Data">Image intensities.</param>
/// <param name="Segmentation">Label maps.</param>
/// <param name="Probabilities">Logits or probabilities on their way back to the image's grid.</param>
public sealed record ResamplingPlan(ResamplingOrder Data, ResamplingOrder Segmentation, ResamplingOrder Probabilities)
{
    /// <summary>
    /// The orders of a profile: `classic` takes the nearest label, `modern` and the second paper interpolate each label linearly.
    /// </summary>
    public static ResamplingPlan Of(Profile profile, bool secondPaper = false) => new(
        new(Order: 3, OrderZ: 0),
        new(Order: profile == Profile.Classic && !secondPaper ? 0 : 1, OrderZ: 0),
        new(Order: 1, OrderZ: 0));
}
