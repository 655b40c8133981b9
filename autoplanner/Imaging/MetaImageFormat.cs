using System.IO.Compression;
using System.Text;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// MetaImage: .mha with the voxels after the header, .mhd with the voxels in a file beside it. x is fastest; channels are
/// interleaved or a fourth axis. Outputs are always one file (a .mhd then has its voxels inside), compressed with zlib.
/// </summary>
internal sealed class MetaImageFormat : TextHeaderFormat<MetaImageHeader>
{
    /// <inheritdoc/>
    public override string Name => "metaimage";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".mha", ".mhd"];

    /// <inheritdoc/>
    protected override MetaImageHeader Parse(ByteSource source) => MetaImageHeader.Read(source);

    /// <inheritdoc/>
    protected override ImageHeader Stream(
        string path, ByteSource source, MetaImageHeader header, ImageHeader described, BeginVoxels begin)
    {
        var (geometry, channels) = described;
        using var data = header.DataFile.Equals("LOCAL", StringComparison.OrdinalIgnoreCase)
            ? null
            : OpenBeside(path, header.DataFile);
        var stored = data ?? source;
        var bytes = (Int128)geometry.Extent.Voxels * channels * VoxelCodec.Size(header.Type);
        if (header.Compressed)
        {
            if (header.HeaderSize == -1)
            {
                stored.SkipToLast(
                    header.CompressedSize ?? throw new SharpSegException(
                        $"`{path}`: `HeaderSize = -1` with compressed voxels needs `CompressedDataSize`",
                        "convert it to .mha or .nii.gz"),
                    "the compressed voxel data");
            }
            else
            {
                stored.SkipTo(stored.Position + header.HeaderSize, "the data file's own header");
            }

            using var inflated = stored.Inflate(zlib: true);
            return Voxels(inflated);
        }

        if (header.HeaderSize == -1)
        {
            stored.SkipToLast(bytes, "the voxel data");
        }
        else if (header.HeaderSize > 0)
        {
            stored.SkipTo(stored.Position + header.HeaderSize, "the data file's own header");
        }

        return Voxels(stored);

        ImageHeader Voxels(ByteSource from)
        {
            var voxels = geometry.Extent.Voxels;
            var interleaved = header.Interleaved > 1;
            VoxelCodec.Decode(
                from, header.Type, header.LittleEndian, 1, 0, interleaved ? voxels : 1, channels, interleaved ? 1 : voxels,
                begin(described, !from.Compressed));
            from.Finish();
            return described;
        }
    }

    /// <inheritdoc/>
    protected override void Write(string path, ImageGeometry geometry, VoxelType type, Action<Stream> voxels)
    {
        using var compressed = new MemoryStream(); // the header holds its length
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            voxels(zlib);
        }

        AtomicFile.Write(path, file =>
        {
            file.Write(Encoding.Latin1.GetBytes(MetaImageHeader.ForOutput(geometry, type, (int)compressed.Length)));
            compressed.WriteTo(file);
        });
    }

    // Only a name beside the header: a header from elsewhere must not reach into other folders.
    private static ByteSource OpenBeside(string path, string dataFile) => DataFileBeside(path, dataFile) is { } beside
        ? ByteSource.OpenPlain(beside)
        : throw new SharpSegException(
            $"`{path}`: its voxels are in `{dataFile}`; only one file in the same folder is supported",
            "convert it to .mha or .nii.gz");

    /// <summary>
    /// The file with the voxels of a header that is not LOCAL; null if it would lie anywhere but in the same folder.
    /// </summary>
    private static string? DataFileBeside(string path, string dataFile)
    {
        var name = dataFile.StartsWith("./", StringComparison.Ordinal) ? dataFile[2..] : dataFile;
        return Path.GetFileName(name) == name && name.Length > 0 && name != "LIST" && name.IndexOfAny(['%', '\\', '\0']) < 0
            ? Path.Combine(Path.GetDirectoryName(path) ?? "", name)
            : null;
    }

    /// <inheritdoc/>
    public override string? DataFile(string path)
    {
        using var source = ByteSource.OpenPlain(path);
        var name = MetaImageHeader.Read(source).DataFile;
        return name.Equals("LOCAL", StringComparison.OrdinalIgnoreCase) ? null : DataFileBeside(path, name);
    }

    /// <inheritdoc/>
    protected override ImageHeader Describe(string path, MetaImageHeader header)
    {
        var size = header.Size;
        var extent = CheckedExtent(path, size[0], size[1], header.Axes > 2 ? size[2] : 1);
        if (header.Axes == 4 && header.Interleaved > 1)
        {
            throw new SharpSegException($"`{path}`: channels both interleaved and as a fourth axis");
        }

        var channels = CheckedChannels(path, header.Axes == 4 ? size[3] : header.Interleaved);
        var spacing = SpacingOf(path, extent, header.Spacing(), Math.Min(3, header.Axes));
        var affines = header.Affines(spacing.Spacing);
        return new(Placement.Of(path, extent, spacing, "ElementSpacing", affines, Name, header.Bytes), channels)
        {
            IsFloat = VoxelCodec.IsFloat(header.Type),
        };
    }
}
