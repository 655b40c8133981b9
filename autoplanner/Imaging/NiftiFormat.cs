using System.IO.Compression;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// NIfTI-1 and NIfTI-2 single files, plain or gzip. Voxels are stored x fastest, so the file order already is the array (z, y,
/// x); a fourth (or ITK's fifth) dimension holds channels. Source: nifti1.h, nifti2.h; docs/method/datasets.md §6.
/// </summary>
internal sealed class NiftiFormat : ImageFormat
{
    private const string FormatName = "nifti";

    /// <inheritdoc/>
    public override string Name => FormatName;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".nii.gz", ".nii"];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path)
    {
        using var source = Open(path);
        return Describe(path, NiftiHeader.Read(source), source);
    }

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => Collect(path);

    /// <inheritdoc/>
    public override ImageHeader Stream(string path, bool labels, BeginVoxels begin)
    {
        using var source = Open(path);
        var header = NiftiHeader.Read(source);
        var described = Describe(path, header, source);
        source.SkipTo((long)header.VoxelOffset, "the header extension");
        VoxelCodec.Decode(
            source, header.Type!.Value, header.LittleEndian, header.Slope, header.Intercept, outer: 1, described.Channels,
            described.Geometry.Extent.Voxels, begin(described, !source.Compressed));
        source.Finish();
        return described;
    }

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type)
    {
        var header = OutputHeader(geometry, type);
        Write(path, header, stream => VoxelCodec.WriteLabels(stream, labels.Span, type, header.LittleEndian));
    }

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry)
    {
        var copy = voxels.ToArray();
        var header = OutputHeader(geometry, VoxelType.Float32);
        Write(path, header, stream => VoxelCodec.WriteFloats(stream, copy, header.LittleEndian));
    }

    /// <summary>Whether an image is a NIfTI file whose header does not say how the voxels lie in the patient.</summary>
    internal static bool HasNoOrientation(ImageGeometry geometry) =>
        geometry.Format == FormatName && NiftiHeader.FromBytes(geometry.RawHeader).HasNoOrientation;

    private static ByteSource Open(string path) =>
        ByteSource.Open(path, path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase));

    private NiftiHeader OutputHeader(ImageGeometry geometry, VoxelType type) =>
        (geometry.Format == Name ? NiftiHeader.FromBytes(geometry.RawHeader) : NiftiHeader.Create(geometry)).ForOutput(type);

    private static void Write(string path, NiftiHeader header, Action<Stream> voxels) => AtomicFile.Write(path, file =>
    {
        if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            WriteAll(file);
            return;
        }

        using var gzip = new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true);
        WriteAll(gzip);

        void WriteAll(Stream stream)
        {
            stream.Write(header.Bytes);
            stream.Write([0, 0, 0, 0]); // no header extension
            voxels(stream);
        }
    });

    private ImageHeader Describe(string path, NiftiHeader header, ByteSource source)
    {
        var rank = header.Rank;
        if (rank is < 2 or > 7)
        {
            throw new SharpSegException(
                $"`{path}`: {rank} dimensions; 2 to 5 are supported", "the header is damaged or this is no image");
        }

        if (header.Type is not { } type)
        {
            throw new SharpSegException(
                $"`{path}`: NIfTI data type {header.DataType} is not supported",
                "store integers or floats of 8 to 64 bits, one channel a volume");
        }

        // Unused dimensions hold anything; the used ones beyond the third hold channels: one of them may differ from 1.
        var extent = CheckedExtent(path, header.Dim(1), header.Dim(2), rank >= 3 ? header.Dim(3) : 1);
        Int128 channels = 1;
        for (var i = 4; i <= rank; i++)
        {
            if (channels != 1 && header.Dim(i) != 1)
            {
                throw new SharpSegException(
                    $"`{path}`: both dimension {i} and one before it are longer than 1; only one may hold channels");
            }

            channels *= header.Dim(i);
        }

        var channelCount = CheckedChannels(path, channels);
        var offset = header.VoxelOffset;
        if (!(offset >= header.Bytes.Length && offset <= 1L << 40))
        {
            throw new SharpSegException(
                $"`{path}`: the voxels are said to start at byte {offset}, inside the header or beyond any file");
        }

        source.Require(
            ((Int128)(long)offset) - source.Position + ((Int128)extent.Voxels * channelCount * VoxelCodec.Size(type)),
            "the image");
        var spacing = SpacingOf(
            path, extent, [.. Enumerable.Range(1, 3).Select(i => header.PixDim(i) * header.Millimetres)], (int)Math.Min(rank, 3));
        var affines = header.Affines(spacing.Spacing);
        return new(Placement.Of(path, extent, spacing, "pixdim", affines, Name, header.Bytes), channelCount)
        {
            IsFloat = VoxelCodec.IsFloat(type),
        };
    }
}
