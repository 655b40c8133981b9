using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>Places the voxels at hand in a larger box, on their way to the device; labels become float32.</summary>
/// <param name="size">Voxels at hand; all three 0 if there are none.</param>
/// <param name="at">Their first one in the larger box.</param>
/// <param name="padded">Voxels of the larger box.</param>
internal readonly struct PaddedBox(Extent size, Extent at, Extent padded)
{
    /// <summary>Image (z, y, x, c), 0 where nothing is at hand.</summary>
    public void Fill(ReadOnlySpan<float> source, int channels, Span<float> target)
    {
        if (size == padded)
        {
            source.CopyTo(target);
            return;
        }

        target.Clear();
        var length = size.X * channels;
        for (var row = 0; row < size.Z * size.Y; row++)
        {
            source.Slice(row * length, length).CopyTo(target[(Row(row) * channels)..]);
        }
    }

    /// <summary>Labels (z, y, x).</summary>
    public void Fill(ReadOnlySpan<short> source, short padding, Span<float> target)
    {
        if (size == padded)
        {
            ToFloats(source, target);
            return;
        }

        target.Fill(padding);
        for (var row = 0; row < size.Z * size.Y; row++)
        {
            ToFloats(source.Slice(row * size.X, size.X), target[Row(row)..]);
        }
    }

    // Where a row at hand begins in the larger box.
    private int Row(int row) => ((((at.Z + (row / size.Y)) * padded.Y) + at.Y + (row % size.Y)) * padded.X) + at.X;

    private static void ToFloats(ReadOnlySpan<short> labels, Span<float> target)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            target[i] = labels[i];
        }
    }
}
