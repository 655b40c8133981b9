namespace SharpSeg.Engine.Backends;

/// <summary>
/// Rotates and scales training patches on a device, host memory in, host memory out, from any thread: augmentation's most expensive step,
/// for backends that offer it (<see cref="Backend.OpenSpatialSampler"/>).
/// </summary>
public interface ISpatialSampler : IDisposable
{
    /// <summary>
    /// Image linearly, labels by the largest indicator, ties to the smallest label (docs/method/augmentation.md §3.2). Taps
    /// outside the box count as image 0 and label −1; labels whose position leaves the initial patch are −1.
    /// </summary>
    /// <param name="p">Sizes and the map from patch to box.</param>
    /// <param name="image">Box (z, y, x, c).</param>
    /// <param name="labels">Box (z, y, x).</param>
    /// <param name="previous">A second label of the box, sampled alike; empty if there is none.</param>
    /// <param name="toImage">Receives planes (c, z, y, x) of the patch.</param>
    /// <param name="toLabels">Receives the patch's label.</param>
    /// <param name="toPrevious">Receives the patch's second label; empty if there is none.</param>
    void Sample(
        in AffineSampling p, ReadOnlySpan<float> image, ReadOnlySpan<short> labels, ReadOnlySpan<short> previous, Span<float> toImage,
        Span<short> toLabels, Span<short> toPrevious);

    /// <summary>
    /// Image by cubic B-splines, their coefficients filtered with mirrored borders; labels by the largest whose linear indicator reaches
    /// one half, 0 where none does (docs/method/augmentation.md §3.2). Image and labels are 0 where the position leaves the
    /// initial patch.
    /// </summary>
    /// <param name="p">Sizes, the map from patch to box, and the displacement.</param>
    /// <param name="image">Box (z, y, x, c).</param>
    /// <param name="labels">Box (z, y, x).</param>
    /// <param name="previous">A second label of the box, sampled alike; empty if there is none.</param>
    /// <param name="toImage">Receives planes (c, z, y, x) of the patch.</param>
    /// <param name="toLabels">Receives the patch's label.</param>
    /// <param name="toPrevious">Receives the patch's second label; empty if there is none.</param>
    void SampleSpline(
        in SplineSampling p, ReadOnlySpan<float> image, ReadOnlySpan<short> labels, ReadOnlySpan<short> previous, Span<float> toImage,
        Span<short> toLabels, Span<short> toPrevious);

    /// <summary>Device memory held now, bytes: what the largest transform so far took.</summary>
    long HeldBytes { get; }
}
