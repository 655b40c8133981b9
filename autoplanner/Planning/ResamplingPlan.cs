namespace SharpSeg.AutoPlanner.Planning;

/// <summary>Interpolation of one kind of array.</summary>
/// <param name="Order">Spline order in-plane (or on all axes): 0 nearest, 1 linear, 3 cubic.</param>
/// <param name="OrderZ">Order along the coarse axis; read only in separate-z mode.</param>
/// <param name="ForceSeparateZ">True or false overrides the anisotropy rule; null leaves it to the spacings (spec preprocessing 4.2).</param>
public sealed record ResamplingOrder(int Order, int OrderZ, bool? ForceSeparateZ = null);

/// <summary>How a configuration resamples images, labels and network outputs (spec preprocessing 4.1).</summary>
/// <param name="Data">Image intensities.</param>
/// <param name="Segmentation">Label maps.</param>
/// <param name="Probabilities">Logits or probabilities on their way back to the image's grid.</param>
public sealed record ResamplingPlan(ResamplingOrder Data, ResamplingOrder Segmentation, ResamplingOrder Probabilities)
{
    /// <summary>The orders of a profile: `classic` takes the nearest label, `modern` interpolates each label linearly.</summary>
    public static ResamplingPlan Of(Profile profile) => new(
        new(Order: 3, OrderZ: 0),
        new(Order: profile == Profile.Classic ? 0 : 1, OrderZ: 0),
        new(Order: 1, OrderZ: 0));
}
