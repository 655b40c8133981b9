using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <content>
/// The augmentation's spatial transform, from host memory to host memory. Unlike all other operations, these may be called from
/// any thread, several at once, while the backend computes something else; each call has finished when it returns.
/// </content>
public abstract partial class Backend
{
    /// <summary>
    /// Image linearly, labels by the largest indicator, ties to the smallest label (docs/method/augmentation.md §3.2). Taps
    /// outside the box count as image 0 and label −1; labels whose position leaves the initial patch are −1. From any thread.
    /// </summary>
    /// <param name="p">Sizes and the map from patch to box.</param>
    /// <param name="source">The voxels of the box.</param>
    /// <param name="patch">Receives the patch.</param>
    public void SampleAffine(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        p.Check(source, patch);
        SampleAffineCore(p, source, patch);
    }

    /// <summary>
    /// Image by cubic B-splines, their coefficients filtered with mirrored borders; labels by the largest whose linear indicator
    /// reaches one half, 0 where none does (docs/method/augmentation.md §3.2). Image and labels are 0 where the position leaves
    /// the initial patch. From any thread.
    /// </summary>
    /// <param name="p">Sizes, the map from patch to box, and the displacement.</param>
    /// <param name="source">The voxels of the box.</param>
    /// <param name="patch">Receives the patch.</param>
    public void SampleSpline(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        p.Affine.Check(source, patch);
        SampleSplineCore(p, source, patch);
    }

    /// <summary>
    /// Highest device memory, bytes, that sampling within these limits takes: it grows with the first samples and then stays
    /// constant; 0 where the device is the host.
    /// </summary>
    public virtual long SamplingBytes(in SamplingLimits limits) => 0;

    /// <inheritdoc cref="SampleAffine"/>
    protected abstract void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch);

    /// <inheritdoc cref="SampleSpline"/>
    protected abstract void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch);
}
