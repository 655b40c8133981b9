using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// A case as the network sees it: transposed, cropped, normalised and resampled to its configuration's spacing.
/// </summary>
/// <param name="Shape">Voxels (z, y, x), in transposed axis order.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Image">Normalised intensities, channels last (z, y, x, c); a large case may have room behind them.</param>
/// <param name="Labels">One label per voxel, -1 outside the non-zero mask; without a label file only 0 and -1. A large case may
/// have room behind them.</param>
/// <param name="Locations">Per foreground class (label or region) in the order of the label scheme, then the annotated voxels if
/// there is an ignore label; empty without a label file.</param>
/// <param name="Properties">What export needs to go back to the original grid.</param>
internal sealed record PreprocessedCase(
    Extent Shape, int Channels, float[] Image, short[] Labels, IReadOnlyList<ClassLocations> Locations,
    CaseProperties Properties)
{
    /// <summary>The intensities alone.</summary>
    public ReadOnlyMemory<float> Values => Image.AsMemory(0, checked((int)(Shape.Voxels * Channels)));

    /// <summary>Reads labels of a box (z, y, x).</summary>
    public void ReadLabels(Extent origin, Extent size, Span<short> voxels) =>
        NonZeroCrop.CopyBox(Labels, Shape, origin, size, voxels);
}
