using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// One sample on its way through the augmentation: image planes (c, z, y, x), because most steps work on single channels, and
/// labels (z, y, x). Made once per worker and filled again and again.
/// </summary>
/// <param name="size">Patch in voxels.</param>
/// <param name="channels">Image channels.</param>
/// <param name="withPrevious">There is a second label, the segmentation of the previous cascade stage.</param>
internal sealed class PatchSample(Extent size, int channels, bool withPrevious)
{
    /// <summary>Patch in voxels.</summary>
    public Extent Size { get; } = size;

    /// <summary>Number of voxels.</summary>
    public int Voxels { get; } = checked((int)size.Voxels);

    /// <summary>Image channels.</summary>
    public int Channels { get; } = channels;

    /// <summary>All planes (c, z, y, x).</summary>
    public float[] Image { get; } = new float[checked((int)size.Voxels * channels)];

    /// <summary>The label to be learnt (z, y, x); −1 outside the case or its non-zero mask.</summary>
    public short[] Labels { get; } = new short[size.Voxels];

    /// <summary>The previous stage's label (z, y, x); null without a cascade.</summary>
    public short[]? Previous { get; } = withPrevious ? new short[size.Voxels] : null;

    /// <summary>All of it, as a backend fills it.</summary>
    public PatchVoxels Planes => new(Image, Labels, Previous);

    /// <summary>One plane of the image.</summary>
    public Span<float> Channel(int c) => Image.AsSpan(c * Voxels, Voxels);
}
