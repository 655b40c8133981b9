using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>The input of a cascade's second stage: the image's channels, then one 0/1 channel per foreground label of the first stage's segmentation.</summary>
internal static class CascadeInput
{
    /// <summary>Joins image and segmentation.</summary>
    /// <param name="image">Channels last (z, y, x, c), preprocessed.</param>
    /// <param name="size">Voxels.</param>
    /// <param name="segmentation">One label a voxel on the same grid; what is not in <paramref name="labels"/> (background, −1) has no channel.</param>
    /// <param name="labels">Foreground labels, ascending.</param>
    /// <returns>Channels last, c + labels channels.</returns>
    public static float[] Join(ReadOnlySpan<float> image, Extent size, ReadOnlySpan<short> segmentation, IReadOnlyList<int> labels)
    {
        var voxels = (int)size.Voxels;
        if (segmentation.Length != voxels || image.Length % voxels != 0)
        {
            throw new ShapeException($"an image of {image.Length} values and a segmentation of {segmentation.Length} do not lie on {size} voxels");
        }

        var channels = image.Length / voxels;
        var width = channels + labels.Count;
        var joined = new float[checked(voxels * width)];
        for (var v = 0; v < voxels; v++)
        {
            var target = joined.AsSpan(v * width, width);
            image.Slice(v * channels, channels).CopyTo(target);
            for (var i = 0; i < labels.Count; i++)
            {
                target[channels + i] = segmentation[v] == labels[i] ? 1 : 0;
            }
        }

        return joined;
    }
}
