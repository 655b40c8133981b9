namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>A format whose header is text before plain voxels, in the same file or beside it.</summary>
/// <typeparam name="THeader">What the header says.</typeparam>
internal abstract class TextHeaderFormat<THeader> : ImageFormat
{
    /// <inheritdoc/>
    public sealed override ImageHeader ReadHeader(string path)
    {
        using var source = ByteSource.OpenPlain(path);
        return Describe(path, Parse(source));
    }

    /// <inheritdoc/>
    public sealed override MedicalImage Read(string path) => Collect(path);

    /// <inheritdoc/>
    public sealed override ImageHeader Stream(string path, bool labels, BeginVoxels begin)
    {
        using var source = ByteSource.OpenPlain(path);
        var header = Parse(source);
        return Stream(path, source, header, Describe(path, header), begin);
    }

    /// <inheritdoc/>
    public sealed override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type) =>
        Write(path, geometry, type, stream => VoxelCodec.WriteLabels(stream, labels.Span, type, littleEndian: true));

    /// <inheritdoc/>
    public sealed override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry)
    {
        var copy = voxels.ToArray();
        Write(path, geometry, VoxelType.Float32, stream => VoxelCodec.WriteFloats(stream, copy, littleEndian: true));
    }

    /// <summary>Reads the text, to its end.</summary>
    protected abstract THeader Parse(ByteSource source);

    /// <summary>Size, geometry and channels, checked.</summary>
    protected abstract ImageHeader Describe(string path, THeader header);

    /// <summary>Reads the voxels.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="source">Behind the header.</param>
    /// <param name="header">The header.</param>
    /// <param name="described">The same, checked.</param>
    /// <param name="begin">Receives the voxels.</param>
    protected abstract ImageHeader Stream(
        string path, ByteSource source, THeader header, ImageHeader described, BeginVoxels begin);

    /// <summary>Writes a file of one channel.</summary>
    /// <param name="path">The file.</param>
    /// <param name="geometry">Its grid.</param>
    /// <param name="type">Of the voxels.</param>
    /// <param name="voxels">Writes them.</param>
    protected abstract void Write(string path, ImageGeometry geometry, VoxelType type, Action<Stream> voxels);
}
