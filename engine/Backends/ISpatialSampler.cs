using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <summary>
/// Rotates and scales training patches on a device, host memory in, host memory out, from any thread: augmentation's most expensive step,
/// for backends that offer it (<see cref="Backend.OpenSpatialSampler"/>).
/// </summary>
public interface ISpatialSampler : IDisposable
{
    /// <summary>
    /// Image linearly, labels by the largest indicator, ties to the smallest label (spec augmentation §3.2). Taps outside the box count
    /// as image 0 and label −1; labels whose position leaves the initial patch are −1.
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
    /// one half, 0 where none does (spec augmentation §3.2). Image and labels are 0 where the position leaves the initial patch.
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

/// <summary>A position or step (z, y, x) in voxels.</summary>
public readonly record struct VoxelPosition(double Z, double Y, double X);

/// <summary>
/// Where a patch's voxels are taken from: voxel (z, y, x) from First + z·StepZ + y·StepY + x·StepX, in voxels of the box.
/// </summary>
/// <param name="Patch">Voxels to make.</param>
/// <param name="Box">Voxels at hand; all three 0 if there are none.</param>
/// <param name="Origin">First voxel of the box in the initial patch.</param>
/// <param name="Initial">Voxels of the initial patch.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Planar">Slices by themselves: z of the map is taken for whole, and four taps instead of eight.</param>
/// <param name="First">Position of the patch's first voxel.</param>
/// <param name="StepZ">Step along z.</param>
/// <param name="StepY">Step along y.</param>
/// <param name="StepX">Step along x.</param>
public readonly record struct AffineSampling(
    Extent Patch, Extent Box, Extent Origin, Extent Initial, int Channels, bool Planar, VoxelPosition First, VoxelPosition StepZ,
    VoxelPosition StepY, VoxelPosition StepX)
{
    /// <summary>The same map into another box of the same initial patch.</summary>
    /// <param name="origin">First voxel of that box in the initial patch.</param>
    /// <param name="box">Its voxels.</param>
    public AffineSampling Into(Extent origin, Extent box) => this with
    {
        Origin = origin,
        Box = box,
        First = new(First.Z + Origin.Z - origin.Z, First.Y + Origin.Y - origin.Y, First.X + Origin.X - origin.X),
    };
}
