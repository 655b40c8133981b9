using System.Text.Json.Nodes;
using BitMiracle.LibTiff.Classic;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// TIFF as nnU-Net reads it, through LibTiff.NET. One page is a 2D image with a channel per sample (NaturalImage2DIO); several
/// pages of one sample are a volume whose spacing (z, y, x) stands in <c>CASE.json</c> beside it, else is 1 mm (Tiff3DIO). Stored
/// values are taken as they are: palettes and inverted grey are not undone.
/// </summary>
internal sealed class TiffFormat : ImageFormat
{
    private const int MostPages = short.MaxValue; // what the library counts with
    private const long LargestExpansion = 2000;                         // times; more than deflate, LZW or PackBits give

    static TiffFormat() => Tiff.SetErrorHandler(new Silence());

    /// <inheritdoc/>
    public override string Name => "tiff";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Endings { get; } = [".tiff", ".tif"];

    /// <inheritdoc/>
    public override ImageHeader ReadHeader(string path) => Guarded(path, tiff => Describe(path, tiff).Header);

    /// <inheritdoc/>
    public override MedicalImage Read(string path) => Guarded(path, tiff =>
    {
        var (header, page, pages) = Describe(path, tiff);
        var channels = new float[header.Channels][];
        for (var c = 0; c < channels.Length; c++)
        {
            channels[c] = new float[header.Geometry.Extent.Voxels];
        }

        for (var z = 0; z < pages; z++)
        {
            // One page after the other: to go to a page by its number is to walk there from the first.
            if (!(z == 0 ? tiff.SetDirectory(0) : tiff.ReadDirectory()) || Page.Of(path, tiff) != page)
            {
                throw Damaged(path, $"page {z + 1} has another size or type than the first, or is cut off");
            }

            ReadPage(path, tiff, page, channels, z * page.Width * page.Height);
        }

        return new MedicalImage(header.Geometry, channels);
    });

    /// <inheritdoc/>
    public override string? DataFile(string path) => SpacingFile(path);

    /// <inheritdoc/>
    public override string WrittenBeside(string path) => Path.ChangeExtension(path, ".json");

    /// <inheritdoc/>
    public override void WriteLabels(string path, ReadOnlyMemory<short> labels, ImageGeometry geometry, VoxelType type)
    {
        var size = type == VoxelType.UInt8 ? 1 : 2;
        var bytes = new byte[labels.Length * size];
        for (var i = 0; i < labels.Length; i++)
        {
            bytes[i * size] = (byte)labels.Span[i];
            if (size == 2)
            {
                bytes[(2 * i) + 1] = (byte)(labels.Span[i] >> 8);
            }
        }

        Write(path, bytes, geometry, 8 * size, SampleFormat.UINT);
    }

    /// <inheritdoc/>
    public override void WriteFloats(string path, ReadOnlySpan<float> voxels, ImageGeometry geometry) =>
        Write(path, System.Runtime.InteropServices.MemoryMarshal.AsBytes(voxels).ToArray(), geometry, 32, SampleFormat.IEEEFP);

    private void Write(string path, byte[] bytes, ImageGeometry geometry, int bits, SampleFormat format)
    {
        var extent = geometry.Extent;
        using var memory = new MemoryStream();
        using (var tiff = Tiff.ClientOpen(path, "wl", memory, new TiffStream())!)
        {
            var row = new byte[extent.X * bits / 8];
            for (var z = 0; z < extent.Z; z++)
            {
                tiff.SetField(TiffTag.IMAGEWIDTH, extent.X);
                tiff.SetField(TiffTag.IMAGELENGTH, extent.Y);
                tiff.SetField(TiffTag.SAMPLESPERPIXEL, 1);
                tiff.SetField(TiffTag.BITSPERSAMPLE, bits);
                tiff.SetField(TiffTag.SAMPLEFORMAT, format);
                tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
                tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
                tiff.SetField(TiffTag.COMPRESSION, Compression.ADOBE_DEFLATE);
                tiff.SetField(TiffTag.ROWSPERSTRIP, extent.Y);
                for (var y = 0; y < extent.Y; y++)
                {
                    Array.Copy(bytes, (long)((z * extent.Y) + y) * row.Length, row, 0, row.Length);
                    tiff.WriteScanline(row, y);
                }

                tiff.WriteDirectory();
            }
        }

        var content = memory.ToArray();
        AtomicFile.Write(path, file => file.Write(content));
        if (extent.Z > 1)
        {
            var json = new JsonObject { ["spacing"] = new JsonArray(geometry.Spacing.Z, geometry.Spacing.Y, geometry.Spacing.X) };
            AtomicFile.WriteText(WrittenBeside(path), JsonFile.ToText(json));
        }
    }

    private (ImageHeader Header, Page Page, int Pages) Describe(string path, Tiff tiff)
    {
        var page = Page.Of(path, tiff);
        int pages = tiff.NumberOfDirectories();
        if (pages > 1 && page.Samples > 1)
        {
            throw new SharpSegException(
                $"`{path}`: {pages} pages of {page.Samples} samples; volumes have one",
                "store each channel in a file of its own");
        }

        var extent = CheckedExtent(path, page.Width, page.Height, pages);
        var bytes = (Int128)extent.Voxels * page.Samples * page.Bits / 8;
        if (pages > MostPages || bytes > MostPixelBytes(path))
        {
            throw Damaged(path, $"it claims {bytes} bytes of pixels in {pages} pages");
        }

        if (tiff.GetField(TiffTag.IMAGEDESCRIPTION) is [var description, ..]
            && TiffDescription.Problem(
                description.ToString() ?? "", pages, (long)page.Width * page.Height * page.Samples, page.Samples) is { } problem)
        {
            throw new SharpSegException($"`{path}`: {problem}", "save one channel at one time in a file, each slice as a page");
        }

        var (spacing, affine) = pages == 1
            ? (SliceSpacing(1, 1), new double[] { 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0 })
            : VolumeSpacing(path);
        return (new(new(extent, spacing, affine, Name, []), page.Samples), page, pages);
    }

    private static (Spacing Spacing, double[] Affine) VolumeSpacing(string path)
    {
        var spacing = new Spacing(1, 1, 1);
        if (SpacingFile(path) is { } file)
        {
            var json = JsonFile.Read(file);
            var values = json.RequiredNumbers("spacing");
            spacing = values.Length == 3 && values.All(Spacing.IsPlausible)
                ? Spacing.FromArray(values)
                : throw json.Error("spacing", "expected three positive numbers, mm along z, y and x");
        }

        return (spacing, [spacing.X, 0, 0, 0, 0, spacing.Y, 0, 0, 0, 0, spacing.Z, 0]);
    }

    /// <summary>
    /// The file with a volume's spacing, named after the case: without ending and channel number. Null if there is none.
    /// </summary>
    private static string? SpacingFile(string path)
    {
        const int numberLength = 5; // _0000
        var stem = Path.ChangeExtension(path, null);
        string[] candidates = stem.Length > numberLength && stem[^numberLength] == '_' && stem[^4..].All(char.IsAsciiDigit)
            ? [stem[..^numberLength] + ".json", stem + ".json"]
            : [stem + ".json"];
        return candidates.FirstOrDefault(File.Exists);
    }

    private static void ReadPage(string path, Tiff tiff, Page page, float[][] channels, int first)
    {
        var planes = page.IsSeparate ? page.Samples : 1;
        var samples = page.IsSeparate ? 1 : page.Samples;
        for (var plane = 0; plane < planes; plane++)
        {
            if (tiff.IsTiled())
            {
                int width = Page.Int(tiff, TiffTag.TILEWIDTH, 0), height = Page.Int(tiff, TiffTag.TILELENGTH, 0);
                var tile = new byte[CheckedLength(path, tiff.TileSize(), (long)width * height * samples * page.Bits / 8)];
                for (var y = 0; y < page.Height; y += height)
                {
                    for (var x = 0; x < page.Width; x += width)
                    {
                        if (tiff.ReadTile(tile, 0, x, y, 0, (short)plane) < 0)
                        {
                            throw Damaged(path, $"the tile at ({x}, {y}) cannot be read");
                        }

                        for (var row = 0; row < Math.Min(height, page.Height - y); row++)
                        {
                            Decode(
                                page, tile, row * width, Math.Min(width, page.Width - x), samples, plane, channels,
                                first + ((y + row) * page.Width) + x);
                        }
                    }
                }

                continue;
            }

            var line = new byte[CheckedLength(path, tiff.ScanlineSize(), (long)page.Width * samples * page.Bits / 8)];
            for (var y = 0; y < page.Height; y++)
            {
                if (!tiff.ReadScanline(line, y, (short)plane))
                {
                    throw Damaged(path, $"row {y} cannot be read");
                }

                Decode(page, line, 0, page.Width, samples, plane, channels, first + (y * page.Width));
            }
        }
    }

    /// <summary>Samples of some pixels of a row, in host byte order, into their channels.</summary>
    private static void Decode(Page page, byte[] bytes, int from, int count, int samples, int plane, float[][] channels, int to)
    {
        var size = page.Bits / 8;
        for (var i = 0; i < count; i++)
        {
            for (var s = 0; s < samples; s++)
            {
                var value = bytes.AsSpan((((from + i) * samples) + s) * size, size);
                channels[plane + s][to + i] = (page.Format, page.Bits) switch
                {
                    (SampleFormat.UINT, 8) => value[0],
                    (SampleFormat.UINT, 16) => BitConverter.ToUInt16(value),
                    (SampleFormat.UINT, 32) => BitConverter.ToUInt32(value),
                    (SampleFormat.UINT, 64) => BitConverter.ToUInt64(value),
                    (SampleFormat.INT, 8) => (sbyte)value[0],
                    (SampleFormat.INT, 16) => BitConverter.ToInt16(value),
                    (SampleFormat.INT, 32) => BitConverter.ToInt32(value),
                    (SampleFormat.INT, 64) => BitConverter.ToInt64(value),
                    (SampleFormat.IEEEFP, 16) => (float)BitConverter.ToHalf(value),
                    (SampleFormat.IEEEFP, 32) => BitConverter.ToSingle(value),
                    _ => (float)BitConverter.ToDouble(value),
                };
            }
        }
    }

    private static int CheckedLength(string path, int stored, long needed) =>
        stored < needed || needed <= 0 ? throw Damaged(path, $"rows of {stored} bytes where {needed} are needed")
        : stored > MostPixelBytes(path) ? throw Damaged(path, $"it claims tiles of {stored} bytes")
        : stored;

    /// <summary>What the pixels of a file can be, decompressed.</summary>
    private static Int128 MostPixelBytes(string path) => (Int128)new FileInfo(path).Length * LargestExpansion;

    private static T Guarded<T>(string path, Func<Tiff, T> read)
    {
        using (ByteSource.OpenPlain(path))
        {
            // A missing, empty or unreadable file is told as in every other format.
        }

        using (var file = new BufferedStream(File.OpenRead(path)))
        {
            if (TiffDirectories.Problem(file, MostPages) is { } problem)
            {
                throw Damaged(path, problem);
            }
        }

        try
        {
            using var tiff = Tiff.Open(path, "r") ?? throw Damaged(path, "it is no TIFF file, or damaged");
            return read(tiff);
        }
        catch (Exception error) when (error is not (SharpSegException or OutOfMemoryException))
        {
            throw Damaged(path, $"it is damaged: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private static SharpSegException Damaged(string path, string problem, Exception? inner = null) =>
        new($"`{path}`: {problem}", "save it again as an ordinary TIFF file, or as PNG or .nii.gz", inner);

    /// <summary>What the pages of a file have in common.</summary>
    private readonly record struct Page(int Width, int Height, int Samples, int Bits, SampleFormat Format, bool IsSeparate)
    {
        public static Page Of(string path, Tiff tiff)
        {
            var page = new Page(
                Int(tiff, TiffTag.IMAGEWIDTH, 0), Int(tiff, TiffTag.IMAGELENGTH, 0), Int(tiff, TiffTag.SAMPLESPERPIXEL, 1),
                Int(tiff, TiffTag.BITSPERSAMPLE, 1),
                (SampleFormat)Int(tiff, TiffTag.SAMPLEFORMAT, (int)SampleFormat.UINT),
                Int(tiff, TiffTag.PLANARCONFIG, 1) == (int)PlanarConfig.SEPARATE);
            var isKnown = page.Format switch
            {
                SampleFormat.UINT or SampleFormat.INT => page.Bits is 8 or 16 or 32 or 64,
                SampleFormat.IEEEFP => page.Bits is 16 or 32 or 64,
                _ => false,
            };
            if (Int(tiff, TiffTag.PHOTOMETRIC, 1) == (int)Photometric.YCBCR)
            {
                throw new SharpSegException($"`{path}`: YCbCr colours are not supported", "save it as RGB");
            }

            if (!isKnown)
            {
                throw new SharpSegException(
                    $"`{path}`: samples of {page.Bits} bits ({page.Format}) are not supported",
                    "integers of 8 to 64 bits and real numbers of 16, 32 and 64 are");
            }

            var compression = (Compression)Int(tiff, TiffTag.COMPRESSION, (int)Compression.NONE);
            if (!tiff.IsCodecConfigured(compression))
            {
                throw new SharpSegException(
                    $"`{path}`: its compression, number {(int)compression}, is not supported",
                    "save it with LZW, deflate or PackBits, or without compression");
            }

            return page.Samples is not (>= 1 and <= 64) ? throw Damaged(path, $"{page.Samples} samples a pixel")
                : !HoldsItsPixels(path, tiff) ? throw Damaged(path, "a strip or tile reaches beyond the end of the file")
                : page;
        }

        /// <summary>
        /// Whether every strip or tile lies in the file, by the numbers that the library goes by: it takes memory for one as long
        /// as it says, and where lengths are missing or cannot be true, it has estimated them.
        /// </summary>
        private static bool HoldsItsPixels(string path, Tiff tiff)
        {
            var length = (ulong)new FileInfo(path).Length;
            return tiff.GetField(TiffTag.STRIPOFFSETS) is [{ Value: ulong[] offsets }, ..]
                && tiff.GetField(TiffTag.STRIPBYTECOUNTS) is [{ Value: ulong[] counts }, ..]
                && offsets.Zip(counts).All(piece => piece.First <= length && piece.Second <= length - piece.First);
        }

        public static int Int(Tiff tiff, TiffTag tag, int otherwise) =>
            tiff.GetField(tag) is [var value, ..] ? value.ToInt() : otherwise;
    }

    /// <summary>The library would print what it finds; we say it in one line ourselves.</summary>
    private sealed class Silence : TiffErrorHandler
    {
        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }
    }
}
