namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// PNG as a 2D dataset's format: array (1, y, x), spacing (999, 1, 1), one channel a plane. A palette image becomes RGB, a
/// palette label map its indices (docs/method/datasets.md §6.7). Grey of less than 8 bits keeps its stored values.
/// </summary>
internal sealed class PngFormat : ImageFormat
{
    /// <inheritdoc/>
    public override string Name => "png";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".png"];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path)
    {
        var png = PngDecoder.ReadHeader(path, out var indexed);
        return new(Geometry(path, png), indexed ? 3 : png.Channels);
    }

    /// <inheritdoc/>
    public override MedicalImage Read(string path)
    {
        var png = Png.Read(path);
        var channels = new float[png.Palette is null ? png.Channels : 3][];
        for (var c = 0; c < channels.Length; c++)
        {
            var plane = channels[c] = new float[png.Width * png.Height];
            for (var i = 0; i < plane.Length; i++)
            {
                plane[i] = png.Palette is null ? png.Samples[(i * channels.Length) + c] : png.Palette[(3 * png.Samples[i]) + c];
            }
        }

        return new(Geometry(path, png), channels);
    }

    /// <inheritdoc/>
    public override MedicalImage ReadLabelValues(string path)
    {
        var png = Png.Read(path);
        return png.Channels == 1
            ? new(Geometry(path, png), [Array.ConvertAll(png.Samples, value => (float)value)])
            : Read(path);
    }

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type)
    {
        if (geometry.Extent.Z != 1)
        {
            throw new SharpSegException(
                $"`{path}`: a volume of {geometry.Extent} voxels does not fit into a PNG file", "write .nii.gz instead");
        }

        var samples = new ushort[labels.Length];
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i] = (ushort)labels.Span[i];
        }

        if (type == VoxelType.UInt8)
        {
            Png.Write(path, geometry.Extent.X, geometry.Extent.Y, 1, Array.ConvertAll(samples, value => (byte)value));
        }
        else
        {
            Png.Write(path, geometry.Extent.X, geometry.Extent.Y, 1, samples);
        }
    }

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) =>
        throw new SharpSegException($"`{path}`: PNG cannot hold real numbers", "write .nii.gz instead");

    private ImageGeometry Geometry(string path, PngImage png) => new(
        CheckedExtent(path, png.Width, png.Height, 1), SliceSpacing(1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], Name, []);
}
