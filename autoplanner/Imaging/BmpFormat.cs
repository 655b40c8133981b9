using System.Buffers.Binary;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Windows bitmaps as 2D images: array (1, y, x), spacing (999, 1, 1). Uncompressed files of 8 bits with a palette (a channel
/// where the palette is the grey scale, else three; a label map's values are its indices), of 24 bits and of 32 bits (alpha is a
/// channel where the file names its bits). Source: BITMAPFILEHEADER, BITMAPINFOHEADER and its successors.
/// </summary>
internal sealed class BmpFormat : ImageFormat
{
    private const int FileHeader = 14, InfoHeader = 40, Uncompressed = 0, BitFields = 3;
    private const uint AlphaBits = 0xff000000;

    /// <inheritdoc/>
    public override string Name => "bmp";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".bmp"];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path)
    {
        using var source = ByteSource.OpenPlain(path);
        var header = Header.Read(path, source);
        return new(Geometry(path, header), header.Channels);
    }

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => Read(path, indices: false);

    /// <inheritdoc/>
    public override MedicalImage ReadLabelValues(string path) => Read(path, indices: true);

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type)
    {
        if (geometry.Extent.Z != 1 || type != VoxelType.UInt8)
        {
            throw new SharpSegException(
                $"`{path}`: {(geometry.Extent.Z == 1 ? "labels above 255 do" : "a volume does")} not fit into a BMP file",
                "write .nii.gz instead");
        }

        const int colours = 256;
        int width = geometry.Extent.X, height = geometry.Extent.Y, stride = (int)Stride(width, 8),
        start = FileHeader + InfoHeader + (4 * colours);
        var bytes = new byte[start + (stride * height)];
        "BM"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(2), bytes.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(10), start);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(14), InfoHeader);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(18), width);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(22), height);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(26), 1);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(28), 8);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(46), colours);
        for (var i = 0; i < colours; i++)
        {
            bytes.AsSpan(FileHeader + InfoHeader + (4 * i), 3).Fill((byte)i);
        }

        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                bytes[start + ((height - 1 - y) * stride) + x] = (byte)labels.Span[(y * width) + x]; // the last row comes first
            }
        }

        AtomicFile.Write(path, file => file.Write(bytes));
    }

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) =>
        throw new SharpSegException($"`{path}`: BMP cannot hold real numbers", "write .nii.gz instead");

    private MedicalImage Read(string path, bool indices)
    {
        using var source = ByteSource.OpenPlain(path);
        var header = Header.Read(path, source);
        var geometry = Geometry(path, header);
        int width = geometry.Extent.X, height = geometry.Extent.Y, size = header.Bits / 8;
        source.SkipTo(header.Start, "the pixels");
        source.Require((Int128)Stride(width, header.Bits) * height, "the pixels");
        var row = new byte[Stride(width, header.Bits)];
        var count = indices && header.Palette is not null ? 1 : header.Channels;
        var channels = new float[count][];
        for (var c = 0; c < count; c++)
        {
            channels[c] = new float[width * height];
        }

        for (var i = 0; i < height; i++)
        {
            source.ReadExactly(row, "the pixels");
            var to = (header.IsTopDown ? i : height - 1 - i) * width;
            for (var x = 0; x < width; x++)
            {
                for (var c = 0; c < count; c++)
                {
                    // Stored blue, green, red, alpha.
                    channels[c][to + x] = header.Palette is null ? row[(x * size) + (c < 3 ? 2 - c : c)]
                        : count == 1 ? row[x] : header.Palette[(4 * row[x]) + 2 - c];
                }
            }
        }

        return new(geometry, channels);
    }

    private ImageGeometry Geometry(string path, Header header) => new(
        CheckedExtent(path, header.Width, header.Height, 1), SliceSpacing(1, 1), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], Name, []);

    // Rows end on a multiple of four bytes.
    private static long Stride(int width, int bits) => (((long)width * bits) + 31) / 32 * 4;

    private sealed record Header(long Width, long Height, bool IsTopDown, int Bits, int Channels, byte[]? Palette, long Start)
    {
        public static Header Read(string path, ByteSource source)
        {
            var head = new byte[FileHeader + InfoHeader];
            source.ReadExactly(head, "a BMP header");
            var length = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(14));
            if (!head.AsSpan(0, 2).SequenceEqual("BM"u8) || length is < InfoHeader or > 1024)
            {
                throw new SharpSegException(
                    $"`{path}`: not a BMP file, or of a kind that is not supported", "save it again, or as PNG");
            }

            var rest = new byte[length - InfoHeader];
            source.ReadExactly(rest, "a BMP header");
            int bits = BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(28)),
            compression = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(30));
            if (!(bits is 8 or 24 or 32)
                || !(compression == Uncompressed || (compression == BitFields && bits == 32 && HasUsualMasks(rest))))
            {
                throw new SharpSegException(
                    $"`{path}`: a BMP file of {bits} bits a pixel, compression {compression}; 8, 24 and 32 without compression "
                        + "are supported", "save it as PNG");
            }

            var palette = bits == 8 ? ReadPalette(path, head, source) : null;
            var height = (long)BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(22));
            var hasAlpha = compression == BitFields && rest.Length >= 16
                && BinaryPrimitives.ReadUInt32LittleEndian(rest.AsSpan(12)) == AlphaBits;
            return new(
                BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(18)), Math.Abs(height), height < 0, bits,
                palette is null ? hasAlpha ? 4 : 3 : IsGreyScale(palette) ? 1 : 3, palette,
                BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(10)));
        }

        private static bool HasUsualMasks(byte[] rest) => rest.Length >= 12
            && BinaryPrimitives.ReadUInt32LittleEndian(rest) == 0x00ff0000
            && BinaryPrimitives.ReadUInt32LittleEndian(rest.AsSpan(4)) == 0x0000ff00
            && BinaryPrimitives.ReadUInt32LittleEndian(rest.AsSpan(8)) == 0x000000ff;

        /// <summary>256 colours of four bytes; what the file does not name is black.</summary>
        private static byte[] ReadPalette(string path, byte[] head, ByteSource source)
        {
            var used = BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(46));
            if (used > 256)
            {
                throw new SharpSegException($"`{path}`: a palette of {used} colours; 256 are the most", "the header is damaged");
            }

            var palette = new byte[1024];
            source.ReadExactly(palette.AsSpan(0, 4 * (used == 0 ? 256 : (int)used)), "the palette");
            return palette;
        }

        private static bool IsGreyScale(byte[] palette)
        {
            for (var i = 0; i < 256; i++)
            {
                if (palette[4 * i] != palette[(4 * i) + 1]
                    || palette[4 * i] != palette[(4 * i) + 2] || (palette[4 * i] != i && palette[4 * i] != 0))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
