using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// The safetensors file format: eight bytes of header length (little endian), a JSON header
/// <c>{"name": {"dtype": "F32", "shape": […], "data_offsets": [begin, end]}, "__metadata__": {"key": "value"}}</c>, then the data
/// without gaps, little endian, row-major. Other programs read it too; nothing in it can be executed.
/// Beside the format, the metadata hold checksums of everything. Reading: <see cref="SafetensorsReader"/>.
/// </summary>
public static class Safetensors
{
    /// <summary>Header key of the metadata.</summary>
    internal const string MetadataKey = "__metadata__";

    /// <summary>
    /// Metadata key of the checksums: per tensor, in the order of the data, 16 hexadecimal digits of the <see cref="XxHash64"/>
    /// of its bytes; then those of the header itself, computed with zeros in their place.
    /// </summary>
    internal const string ChecksumsKey = "sharpseg.xxh64";

    /// <summary>Characters of one checksum.</summary>
    internal const int ChecksumLength = 16;

    private const int HeaderAlignment = 8;
    private const int CopyBytes = 1 << 20;                              // at a time

    /// <summary>
    /// Writes tensor by tensor, then the checksums into the header. Half a file must not be seen under its name: callers write
    /// under a temporary one.
    /// </summary>
    /// <param name="stream">Empty, and can be sought.</param>
    /// <param name="tensors">What to write, in this order; names must differ.</param>
    /// <param name="metadata">Text stored with the tensors.</param>
    public static void Write(
        Stream stream, IReadOnlyList<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Header(tensors, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        var checksums = Checksums(header, tensors.Count);
        for (var i = 0; i < tensors.Count; i++)
        {
            WriteChecksum(checksums.Slice(i * ChecksumLength, ChecksumLength), WriteTensor(stream, tensors[i]));
        }

        WriteChecksum(checksums[^ChecksumLength..], XxHash64.Of(header));
        stream.Position = sizeof(ulong);
        stream.Write(header);
        stream.Seek(0, SeekOrigin.End);
    }

    /// <summary>The checksums' place in a header.</summary>
    /// <param name="header">Bytes of the header.</param>
    /// <param name="tensors">Number of tensors.</param>
    /// <returns>Empty if the header has none, or not as many as it should.</returns>
    internal static Span<byte> Checksums(Span<byte> header, int tensors)
    {
        var start = header.IndexOf("\"sharpseg.xxh64\":\""u8) + "\"sharpseg.xxh64\":\"".Length;
        var length = (tensors + 1) * ChecksumLength;
        return start >= "\"sharpseg.xxh64\":\"".Length && start + length < header.Length && header[start + length] == (byte)'"'
            ? header.Slice(start, length)
            : [];
    }

    private static void WriteChecksum(Span<byte> target, ulong value) =>
        value.TryFormat(target, out _, "x16", System.Globalization.CultureInfo.InvariantCulture);

    private static ulong WriteTensor(Stream stream, SafetensorsEntry tensor)
    {
        if (tensor.Source is { } source)
        {
            return Copy(source, stream);
        }

        var length = checked((int)tensor.Length);
        var values = ArrayPool<float>.Shared.Rent(Math.Max(length, 1));
        var hash = new XxHash64();
        try
        {
            tensor.Fill(values.AsSpan(0, length));
            if (!BitConverter.IsLittleEndian)
            {
                var words = MemoryMarshal.Cast<float, int>(values.AsSpan(0, length));
                BinaryPrimitives.ReverseEndianness(words, words);
            }

            // In pieces: a span of bytes cannot be longer than 2³¹.
            const int Piece = 1 << 24;
            for (var start = 0; start < length; start += Piece)
            {
                var bytes = MemoryMarshal.AsBytes(values.AsSpan(start, Math.Min(Piece, length - start)));
                hash.Append(bytes);
                stream.Write(bytes);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(values);
        }

        return hash.Value();
    }

    private static ulong Copy(Stream from, Stream to)
    {
        var hash = new XxHash64();
        var piece = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            from.Position = 0;
            for (int count; (count = from.Read(piece)) > 0;)
            {
                hash.Append(piece.AsSpan(0, count));
                to.Write(piece.AsSpan(0, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        return hash.Value();
    }

    private static byte[] Header(IReadOnlyList<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            {
                json.WriteString(key, value);
            }

            json.WriteString(ChecksumsKey, new string('0', (tensors.Count + 1) * ChecksumLength));
            json.WriteEndObject();

            var names = new HashSet<string>(StringComparer.Ordinal) { MetadataKey };
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"two tensors are named '{tensor.Name}'", nameof(tensors));
                }

                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.IsBytes ? "U8" : "F32");
                json.WriteStartArray("shape");
                foreach (var extent in tensor.Shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.Length * (tensor.IsBytes ? 1 : sizeof(float));
                json.WriteNumberValue(offset);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces to the next multiple of 8, so that the data are aligned when the file is mapped.
        while (buffer.Length % HeaderAlignment != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        return buffer.ToArray();
    }
}

/// <summary>Fills a span with the values of one tensor, row-major.</summary>
public delegate void TensorSource(Span<float> target);

/// <summary>One tensor to be written.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Its extents; an empty list is a scalar.</param>
/// <param name="Fill">Provides its values when they are written, so that no two tensors need host memory at once.</param>
public sealed record SafetensorsEntry(string Name, IReadOnlyList<int> Shape, TensorSource Fill)
{
    /// <summary>A list of bytes instead of a tensor of float32 (U8).</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="bytes">Can be sought; read from its beginning when it is written; at most 2³¹ − 1 bytes.</param>
    public SafetensorsEntry(string name, Stream bytes)
        : this(name, [checked((int)bytes.Length)], bytes) => IsBytes = true;

    /// <summary>A tensor of float32 whose bytes, little endian, wait in a stream.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="shape">Its extents.</param>
    /// <param name="values">Can be sought; read from its beginning when it is written.</param>
    public SafetensorsEntry(string name, IReadOnlyList<int> shape, Stream values)
        : this(name, shape, _ => throw new InvalidOperationException("the values wait in a stream")) => Source = values;

    /// <summary>What is written, if it waits in a stream.</summary>
    public Stream? Source { get; }

    /// <summary>It is a list of bytes.</summary>
    public bool IsBytes { get; }

    /// <summary>Number of values.</summary>
    public long Length => Shape.Aggregate(1L, (product, extent) => checked(product * extent));
}

/// <summary>A model file that cannot be read. The message names the file and what is wrong with it.</summary>
public sealed class ModelFileException(string path, string problem, Exception? inner = null)
    : Exception($"{path}: {problem}", inner)
{
    /// <summary>The file.</summary>
    public string Path { get; } = path;
}
