using System.Buffers.Binary;
using System.IO.Compression;
using SharpSeg.Engine.ModelFiles;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>Writes PNG files: one header, one compressed data chunk, each row with the filter that leaves the smallest residuals.</summary>
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

    private static void Check(int width, int height, int channels, int samples)
    {
        if (width < 1 || height < 1 || channels is < 1 or > 4 || samples != (long)width * height * channels)
        {
            throw new ArgumentException($"{samples} samples for {width}×{height} pixels of {channels} channels");
        }
    }

    private static void Write(string path, int width, int height, int channels, int depth, byte[] rows)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)depth;
        header[9] = (byte)(channels switch { 1 => 0, 2 => 4, 3 => 2, _ => 6 });
        var data = Compress(rows, height, channels * depth / 8);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(PngDecoder.Signature);
            WriteChunk(stream, "IHDR"u8, header);
            WriteChunk(stream, "IDAT"u8, data);
            WriteChunk(stream, "IEND"u8, []);
        });
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
