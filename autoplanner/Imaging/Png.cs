using System.Buffers.Binary;
using System.IO.Compression;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Portable network graphics, written and read by us on top of the platform's zlib. Source: PNG specification, third edition (W3C
/// 2025). Reading covers every colour type and depth without interlacing.
/// </summary>
internal static class Png
{
    /// <summary>Writes an 8-bit RGB image.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="rgb">(y, x, 3).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, ReadOnlySpan<byte> rgb) =>
        PngEncoder.Write(path, width, height, 3, rgb);

    /// <summary>Writes an 8-bit image of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="samples">(y, x, c).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<byte> samples) =>
        PngEncoder.Write(path, width, height, channels, samples);

    /// <summary>Writes a 16-bit image of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">1 to 4.</param>
    /// <param name="samples">(y, x, c).</param>
    /// <exception cref="SharpSegException">The file cannot be written.</exception>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<ushort> samples) =>
        PngEncoder.Write(path, width, height, channels, samples);

    /// <summary>Reads an image.</summary>
    /// <exception cref="SharpSegException">Missing, damaged, interlaced, or not a PNG file.</exception>
    public static PngImage Read(string path) => PngDecoder.Read(path);
}

/// <summary>
/// Writes PNG files: one header, one compressed data chunk, each row with the filter that leaves the smallest residuals.
/// </summary>
internal static class PngEncoder
{
    /// <summary>Writes 8-bit samples (y, x, c).</summary>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<byte> samples)
    {
        Check(width, height, channels, samples.Length);
        Write(path, width, height, channels, 8, samples.ToArray());
    }

    /// <summary>Writes 16-bit samples (y, x, c), most significant byte first.</summary>
    public static void Write(string path, int width, int height, int channels, ReadOnlySpan<ushort> samples)
    {
        Check(width, height, channels, samples.Length);
        var bytes = new byte[checked(2 * samples.Length)];
        for (var i = 0; i < samples.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2 * i), samples[i]);
        }

        Write(path, width, height, channels, 16, bytes);
    }

    /// <summary>The bytes of a file of 8-bit samples (y, x, c).</summary>
    public static byte[] Encode(int width, int height, int channels, ReadOnlySpan<byte> samples)
    {
        Check(width, height, channels, samples.Length);
        using var buffer = new MemoryStream();
        Write(buffer, width, height, channels, 8, samples.ToArray());
        return buffer.ToArray();
    }

    private static void Check(int width, int height, int channels, int samples)
    {
        if (width < 1 || height < 1 || channels is < 1 or > 4 || samples != (long)width * height * channels)
        {
            throw new ArgumentException($"{samples} samples for {width}×{height} pixels of {channels} channels");
        }
    }

    private static void Write(string path, int width, int height, int channels, int depth, byte[] rows) =>
        AtomicFile.Write(path, stream => Write(stream, width, height, channels, depth, rows));

    private static void Write(Stream stream, int width, int height, int channels, int depth, byte[] rows)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)depth;
        header[9] = (byte)(channels switch { 1 => 0, 2 => 4, 3 => 2, _ => 6 });
        var data = Compress(rows, height, channels * depth / 8);
        stream.Write(PngDecoder.Signature);
        WriteChunk(stream, "IHDR"u8, header);
        WriteChunk(stream, "IDAT"u8, data);
        WriteChunk(stream, "IEND"u8, []);
    }

    private static void WriteChunk(Stream stream, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        stream.Write(word);
        stream.Write(type);
        stream.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc32.Append(Crc32.Append(0, type), data));
        stream.Write(word);
    }

    private static byte[] Compress(byte[] rows, int height, int pixelBytes)
    {
        var stride = rows.Length / height;
        var above = new byte[stride];
        byte[] trial = new byte[stride + 1], best = new byte[stride + 1];
        using var buffer = new MemoryStream();
        using (var zlib = new ZLibStream(buffer, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                var row = rows.AsSpan(y * stride, stride);
                var least = long.MaxValue;
                for (var filter = 0; filter <= 4; filter++)
                {
                    trial[0] = (byte)filter;
                    var sum = 0L; // of the residuals' magnitudes: small ones compress well (specification, 12.7)
                    for (var i = 0; i < stride; i++)
                    {
                        var left = i >= pixelBytes ? row[i - pixelBytes] : 0;
                        var upperLeft = i >= pixelBytes ? above[i - pixelBytes] : 0;
                        var residual = (byte)(row[i] - PngDecoder.Predict(filter, left, above[i], upperLeft));
                        trial[i + 1] = residual;
                        sum += Math.Abs((int)(sbyte)residual);
                    }

                    if (sum < least)
                    {
                        least = sum;
                        (trial, best) = (best, trial);
                    }
                }

                zlib.Write(best);
                row.CopyTo(above);
            }
        }

        return buffer.ToArray();
    }
}

/// <summary>A decoded PNG file.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Channels">1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGBA.</param>
/// <param name="BitDepth">Bits of one stored sample: 1, 2, 4, 8 or 16.</param>
/// <param name="Samples">(y, x, c), as stored: not scaled to 8 or 16 bits.</param>
/// <param name="Palette">Red, green, blue of each index, if the samples are indices; else null.</param>
internal sealed record PngImage(int Width, int Height, int Channels, int BitDepth, ushort[] Samples, byte[]? Palette);
