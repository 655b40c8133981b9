using System.Buffers.Binary;
using System.IO.Compression;
using SharpSeg.AutoPlanner;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Reads PNG files of unknown origin: chunk lengths are checked against the file, and rows are taken as they are decoded.
/// </summary>
internal static class PngDecoder
{
    /// <summary>The first eight bytes of every PNG file.</summary>
    public static ReadOnlySpan<byte> Signature => [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>
    /// What a row filter expects from the neighbours (specification, 9.2). 0 none, 1 left, 2 above, 3 mean, 4 Paeth.
    /// </summary>
    public static int Predict(int filter, int left, int above, int upperLeft)
    {
        switch (filter)
        {
            case 1: return left;
            case 2: return above;
            case 3: return (left + above) >> 1;
            case 4:
                var estimate = left + above - upperLeft;
                int toLeft = Math.Abs(estimate - left), toAbove = Math.Abs(estimate - above),
                toUpperLeft = Math.Abs(estimate - upperLeft);
                return toLeft <= toAbove && toLeft <= toUpperLeft ? left : toAbove <= toUpperLeft ? above : upperLeft;
            default: return 0;
        }
    }

    /// <summary>
    /// Reads only size, channels and depth; the samples are empty. <paramref name="indexed"/>: the samples are palette indices.
    /// </summary>
    public static PngImage ReadHeader(string path, out bool indexed)
    {
        using var source = OpenPng(path);
        var chunk = ReadChunk(source, out var type);
        (var image, indexed) = Header(path, type, chunk);
        return image;
    }

    /// <summary>Reads everything.</summary>
    public static PngImage Read(string path)
    {
        using var source = OpenPng(path);
        var chunk = ReadChunk(source, out var type);
        var (image, indexed) = Header(path, type, chunk);
        byte[]? palette = null;
        using var compressed = new MemoryStream();
        while (type != "IEND")
        {
            chunk = ReadChunk(source, out type);
            if (type == "IDAT")
            {
                compressed.Write(chunk);
            }
            else if (type == "PLTE")
            {
                palette = chunk.Length % 3 == 0 && chunk.Length is > 0 and <= 768
                    ? chunk
                    : throw Damaged(path, $"a palette of {chunk.Length} bytes");
            }
            else if (char.IsUpper(type[0]) && type != "IEND")
            {
                throw Damaged(path, $"an unknown critical chunk `{type}`"); // its meaning could change every pixel
            }
        }

        if (indexed && palette is null)
        {
            throw Damaged(path, "palette indices without a palette");
        }

        var samples = Inflate(path, image, compressed);
        if (indexed && samples.Any(index => 3 * index >= palette!.Length))
        {
            throw Damaged(path, $"an index beyond the palette's {palette!.Length / 3} colours");
        }

        return image with { Samples = samples, Palette = indexed ? palette : null };
    }

    private static ByteSource OpenPng(string path)
    {
        var source = ByteSource.Open(path);
        try
        {
            Span<byte> signature = stackalloc byte[8];
            if (source.Compressed || source.ReadUpTo(signature) < 8 || !signature.SequenceEqual(Signature))
            {
                throw new SharpSegException($"`{path}`: not a PNG file", "its first bytes are not PNG's signature");
            }

            return source;
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static byte[] ReadChunk(ByteSource source, out string type)
    {
        Span<byte> head = stackalloc byte[8];
        source.ReadExactly(head, "a PNG chunk");
        var length = BinaryPrimitives.ReadUInt32BigEndian(head);
        source.Require((Int128)length + 4, "a PNG chunk");
        foreach (var letter in head[4..])
        {
            if (!char.IsAsciiLetter((char)letter))
            {
                throw Damaged(source.Path, "a chunk without a name");
            }
        }

        type = System.Text.Encoding.ASCII.GetString(head[4..]);
        if (length > Array.MaxLength)
        {
            throw Damaged(source.Path, $"a chunk `{type}` of {length} bytes");
        }

        var data = new byte[length];
        source.ReadExactly(data, $"the PNG chunk `{type}`");
        var actual = Crc32.Append(Crc32.Append(0, head[4..]), data);
        source.ReadExactly(head[..4], "a PNG checksum");
        var stored = BinaryPrimitives.ReadUInt32BigEndian(head);
        return actual == stored
            ? data
            : throw Damaged(source.Path, $"the checksum of chunk `{type}` is {stored:x8}, its bytes give {actual:x8}");
    }

    private static (PngImage Image, bool Indexed) Header(string path, string type, byte[] chunk)
    {
        if (type != "IHDR" || chunk.Length != 13)
        {
            throw Damaged(path, "the header chunk is missing");
        }

        var width = BinaryPrimitives.ReadInt32BigEndian(chunk);
        var height = BinaryPrimitives.ReadInt32BigEndian(chunk.AsSpan(4));
        int depth = chunk[8], colour = chunk[9];
        if (width < 1 || height < 1)
        {
            throw Damaged(path, $"a size of {width}×{height} pixels");
        }

        var known = colour switch
        {
            0 => depth is 1 or 2 or 4 or 8 or 16,
            3 => depth is 1 or 2 or 4 or 8,
            2 or 4 or 6 => depth is 8 or 16,
            _ => false,
        };
        if (!known || chunk[10] != 0 || chunk[11] != 0 || chunk[12] > 1)
        {
            throw Damaged(path, $"colour type {colour} with {depth} bits, methods {chunk[10]}, {chunk[11]}, {chunk[12]}");
        }

        if (chunk[12] == 1)
        {
            throw new SharpSegException($"`{path}`: interlaced PNG files are not supported", "save it without interlacing");
        }

        var channels = colour switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        return (new(width, height, channels, depth, [], null), colour == 3);
    }

    private static ushort[] Inflate(string path, PngImage image, MemoryStream compressed)
    {
        var perRow = (long)image.Width * image.Channels;
        var stride = ((perRow * image.BitDepth) + 7) / 8;
        var all = (Int128)perRow * image.Height; // four samples of 2³¹ × 2³¹ pixels are more than 64 bits count
        if (all > Array.MaxLength || (Int128)(stride + 1) * image.Height > ((Int128)compressed.Length + 1) * 1032)
        {
            throw Damaged(path, $"{image.Width}×{image.Height} pixels cannot come out of {compressed.Length} compressed bytes");
        }

        var count = (long)all;

        compressed.Position = 0;
        var checksum = Adler32.Start;
        Span<byte> filter = stackalloc byte[1];
        var samples = new ushort[Math.Min(count, Math.Max(perRow, 1 << 20))];
        byte[] row = new byte[stride], above = new byte[stride];
        var pixelBytes = Math.Max(1, image.Channels * image.BitDepth / 8);
        try
        {
            using var zlib = new ZLibStream(compressed, CompressionMode.Decompress, leaveOpen: true);
            for (var y = 0; y < image.Height; y++)
            {
                if (zlib.Read(filter) == 0 || zlib.ReadAtLeast(row, row.Length, throwOnEndOfStream: false) < row.Length)
                {
                    throw Damaged(path, $"the pixels end in row {y} of {image.Height}");
                }

                if (filter[0] > 4)
                {
                    throw Damaged(path, $"row {y} has filter {filter[0]}");
                }

                checksum = Adler32.Append(Adler32.Append(checksum, filter), row);

                for (var i = 0; i < row.Length; i++)
                {
                    var (left, upperLeft) = i >= pixelBytes ? (row[i - pixelBytes], above[i - pixelBytes]) : ((byte)0, (byte)0);
                    row[i] = (byte)(row[i] + Predict(filter[0], left, above[i], upperLeft));
                }

                var start = y * perRow;
                if (start + perRow > samples.Length)
                {
                    Array.Resize(ref samples, (int)Math.Min(count, Math.Max(start + perRow, 2L * samples.Length)));
                }

                Unpack(row, image.BitDepth, samples.AsSpan((int)start, (int)perRow));
                (row, above) = (above, row);
            }

            if (zlib.ReadByte() >= 0)
            {
                throw Damaged(path, "more pixels than its size says");
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw Damaged(path, $"the compressed pixels: {error.Message}", error);
        }

        // The platform's stream ends silently where data are cut off.
        var stored = compressed.Length < 4
            ? 0
            : BinaryPrimitives.ReadUInt32BigEndian(compressed.GetBuffer().AsSpan((int)compressed.Length - 4));
        return stored == checksum ? samples : throw Damaged(path, "the checksum of the pixels is missing or wrong");
    }

    private static void Unpack(byte[] row, int depth, Span<ushort> samples)
    {
        for (var i = 0; i < samples.Length; i++)
        {
            samples[i] = depth switch
            {
                16 => BinaryPrimitives.ReadUInt16BigEndian(row.AsSpan(2 * i)),
                8 => row[i],
                // leftmost pixel in the high bits
                _ => (ushort)((row[i * depth / 8] >> (8 - depth - (i * depth % 8))) & ((1 << depth) - 1)),
            };
        }
    }

    private static SharpSegException Damaged(string path, string what, Exception? inner = null) =>
        new($"`{path}`: a damaged PNG file: {what}", "copy the file again", inner);
}

/// <summary>The checksum at the end of zlib data. Source: RFC 1950, section 8.</summary>
internal static class Adler32
{
    /// <summary>Value before the first byte.</summary>
    public const uint Start = 1;

    private const uint Modulus = 65521;
    private const int Block = 5552; // this many bytes fit before a sum overflows 32 bits (RFC 1950)

    /// <summary>The checksum after further bytes.</summary>
    public static uint Append(uint before, ReadOnlySpan<byte> bytes)
    {
        uint a = before & 0xffff, b = before >> 16;
        while (bytes.Length > 0)
        {
            var block = bytes[..Math.Min(Block, bytes.Length)];
            foreach (var value in block)
            {
                a += value;
                b += a;
            }

            (a, b) = (a % Modulus, b % Modulus);
            bytes = bytes[block.Length..];
        }

        return (b << 16) | a;
    }
}
