using System.IO.Compression;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// NRRD with its voxels in the same file, raw or gzip. Axes are given fastest first; the first spatial one is x. Outputs are gzip
/// and keep all fields that describe the geometry.
/// </summary>
internal sealed class NrrdFormat : TextHeaderFormat<NrrdHeader>
{
    /// <inheritdoc/>
    public override string Name => "nrrd";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".nrrd"];

    /// <inheritdoc/>
    protected override NrrdHeader Parse(ByteSource source) => NrrdHeader.Read(source);

    /// <inheritdoc/>
    protected override ImageHeader Stream(
        string path, ByteSource source, NrrdHeader header, ImageHeader described, BeginVoxels begin)
    {
        var (geometry, channels) = described;
        SkipLines(source, header);
        var bytes = (Int128)geometry.Extent.Voxels * channels * VoxelCodec.Size(header.Type);
        if (!header.Compressed)
        {
            if (header.ByteSkip == -1)
            {
                source.SkipToLast(bytes, "the voxel data");
            }
            else
            {
                source.SkipTo(source.Position + header.ByteSkip, "the skipped bytes");
            }

            return Voxels(source);
        }

        var skip = header.ByteSkip >= 0 ? header.ByteSkip : BytesBeforeTheLast(path, bytes);
        using var inflated = source.Inflate(zlib: false);
        inflated.SkipTo(skip, "the skipped bytes");
        return Voxels(inflated);

        ImageHeader Voxels(ByteSource from)
        {
            long inner = 1, outer = 1;
            foreach (var axis in header.SpatialAxes)
            {
                if (axis < (header.ChannelAxis ?? int.MaxValue))
                {
                    inner *= header.Sizes[axis];
                }
                else
                {
                    outer *= header.Sizes[axis];
                }
            }

            VoxelCodec.Decode(
                from, header.Type, header.LittleEndian, 1, 0, outer, channels, inner, begin(described, !from.Compressed));
            from.Finish();
            return described;
        }
    }

    /// <inheritdoc/>
    protected override void Write(string path, ImageGeometry geometry, VoxelType type, Action<Stream> voxels) =>
        AtomicFile.Write(path, file =>
    {
        file.Write(Encoding.Latin1.GetBytes(NrrdHeader.ForOutput(geometry, type)));
        using var gzip = new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true);
        voxels(gzip);
    });

    private static void SkipLines(ByteSource source, NrrdHeader header)
    {
        for (var line = header.LineSkip; line > 0; line--)
        {
            source.ReadLine();
        }
    }

    /// <summary>
    /// Byte skip −1 counts from the end of the inflated data, so they are inflated once to learn how many there are.
    /// </summary>
    private static long BytesBeforeTheLast(string path, Int128 bytes)
    {
        using var source = ByteSource.OpenPlain(path);
        SkipLines(source, NrrdHeader.Read(source));
        using var inflated = source.Inflate(zlib: false);
        var length = inflated.Finish();
        return length >= bytes
            ? length - (long)bytes
            : throw new SharpSegException(
                $"`{path}`: the voxel data need {bytes} bytes, but {length} come out of the file",
                "copy or download the file again");
    }

    /// <inheritdoc/>
    protected override ImageHeader Describe(string path, NrrdHeader header)
    {
        var size = header.SpatialAxes.Select(axis => header.Sizes[axis]).ToArray();
        var extent = CheckedExtent(path, size[0], size[1], size.Length == 3 ? size[2] : 1);
        var channels = CheckedChannels(path, header.ChannelAxis is { } axis ? header.Sizes[axis] : 1);
        var spacing = SpacingOf(path, extent, header.Spacing(), size.Length);
        var affines = header.Affines(spacing.Spacing);
        return new(Placement.Of(path, extent, spacing, "spacings", affines, Name, header.Bytes), channels)
        {
            IsFloat = VoxelCodec.IsFloat(header.Type),
        };
    }
}
