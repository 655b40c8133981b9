namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>Everything that only SimpleITK reads. Nothing is written in these formats: outputs are NIfTI.</summary>
internal sealed class SimpleItkFormat : ImageFormat
{
    /// <inheritdoc/>
    public override string Name => "simpleitk";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path)
    {
        var image = Read(path); // the header alone is not worth a second code path
        return new(image.Geometry, image.Channels.Count);
    }

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => (SimpleItk.Installed ?? throw SimpleItk.Missing(path)).Read(path);

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlySpan<short> labels, ImageGeometry geometry, VoxelType type) => throw Unwritable(path);

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) => throw Unwritable(path);

    private static SharpSegException Unwritable(string path) =>
        new($"`{path}`: images of this format cannot be written", $"supported endings: {string.Join(", ", ImageFile.Endings)}");
}
