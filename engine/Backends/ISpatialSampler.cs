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
    VoxelPosition StepY, VoxelPosition StepX);
