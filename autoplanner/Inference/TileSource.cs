using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// What the tiles of a case are cut from: its preprocessed image in memory or on disk, alone or with a previous stage's labels.
/// </summary>
internal interface ITileSource
{
    /// <summary>Voxels (z, y, x).</summary>
    Extent Size { get; }

    /// <summary>The network's input channels.</summary>
    int Channels { get; }

    /// <summary>Reads a box.</summary>
    /// <param name="origin">First voxel.</param>
    /// <param name="size">Voxels; the box lies inside.</param>
    /// <param name="channelsLast">Receives (z, y, x, c).</param>
    void Read(Extent origin, Extent size, Span<float> channelsLast);
}

/// <summary>An image in memory.</summary>
/// <param name="image">Channels last (z, y, x, c).</param>
/// <param name="size">Voxels.</param>
/// <param name="channels">Channels.</param>
/// <exception cref="ShapeException">The image has not as many values.</exception>
internal sealed class ImageInMemory(ReadOnlyMemory<float> image, Extent size, int channels) : ITileSource
{
    private readonly ReadOnlyMemory<float> image = image.Length == size.Voxels * channels
        ? image
        : throw new ShapeException($"an image of {image.Length} values is not {size} voxels of {channels} channels");

    /// <inheritdoc/>
    public Extent Size => size;

    /// <inheritdoc/>
    public int Channels => channels;

    /// <inheritdoc/>
    public void Read(Extent origin, Extent box, Span<float> channelsLast)
    {
        var row = box.X * channels;
        for (var z = 0; z < box.Z; z++)
        {
            for (var y = 0; y < box.Y; y++)
            {
                var from = ((((long)(origin.Z + z) * size.Y) + origin.Y + y) * size.X) + origin.X;
                image.Span.Slice((int)(from * channels), row).CopyTo(channelsLast[(((z * box.Y) + y) * row)..]);
            }
        }
    }
}

/// <summary>A preprocessed case on disk.</summary>
internal sealed class StoredImage(StoredCase stored) : ITileSource
{
    /// <inheritdoc/>
    public Extent Size => stored.Shape;

    /// <inheritdoc/>
    public int Channels => stored.Channels;

    /// <inheritdoc/>
    public void Read(Extent origin, Extent size, Span<float> channelsLast) => stored.ReadImage(origin, size, channelsLast);
}

/// <summary>
/// The input of a cascade's second stage: the image's channels, then one 0/1 channel per foreground label of the first stage's
/// segmentation (docs/method/inference.md §7). They are joined tile by tile: whole, they would take a volume per label.
/// </summary>
/// <param name="image">The image.</param>
/// <param name="readLabels">Reads a box of the segmentation on the image's grid; what is not a label (background, −1) has no
/// channel.</param>
/// <param name="labels">Foreground labels, ascending.</param>
internal sealed class CascadeInput(ITileSource image, CascadeInput.LabelReader readLabels, IReadOnlyList<int> labels)
    : ITileSource
{
    private float[] picture = [];
    private short[] segmentation = [];

    /// <summary>Reads labels of a box (z, y, x).</summary>
    public delegate void LabelReader(Extent origin, Extent size, Span<short> voxels);

    /// <inheritdoc/>
    public Extent Size => image.Size;

    /// <inheritdoc/>
    public int Channels => image.Channels + labels.Count;

    /// <summary>A segmentation in memory.</summary>
    /// <exception cref="ShapeException">It does not lie on the image's grid.</exception>
    public static CascadeInput Of(ITileSource image, short[] segmentation, IReadOnlyList<int> labels) =>
        segmentation.LongLength == image.Size.Voxels
            ? new CascadeInput(image, (origin, size, voxels) => CopyBox(segmentation, image.Size, origin, size, voxels), labels)
            : throw new ShapeException(
                $"a segmentation of {segmentation.LongLength} voxels does not lie on an image of {image.Size}");

    /// <inheritdoc/>
    public void Read(Extent origin, Extent size, Span<float> channelsLast)
    {
        var voxels = (int)size.Voxels;
        int channels = image.Channels, width = Channels;
        if (segmentation.Length < voxels)
        {
            (picture, segmentation) = (new float[voxels * channels], new short[voxels]);
        }

        image.Read(origin, size, picture.AsSpan(0, voxels * channels));
        readLabels(origin, size, segmentation.AsSpan(0, voxels));
        for (var v = 0; v < voxels; v++)
        {
            var target = channelsLast.Slice(v * width, width);
            picture.AsSpan(v * channels, channels).CopyTo(target);
            for (var i = 0; i < labels.Count; i++)
            {
                target[channels + i] = segmentation[v] == labels[i] ? 1 : 0;
            }
        }
    }

    private static void CopyBox(short[] segmentation, Extent grid, Extent origin, Extent size, Span<short> voxels) =>
        NonZeroCrop.CopyBox(segmentation, grid, origin, size, voxels);
}
