using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// The safetensors file format: eight bytes of header length (little endian), a JSON header
/// <c>{"name": {"dtype": "F32", "shape": […], "data_offsets": [begin, end]}, "__metadata__": {"key": "value"}}</c>, then the data without
/// gaps, little endian, row-major. Other programs read it too; nothing in it can be executed.
/// Reading: <see cref="SafetensorsReader"/>.
/// </summary>
public static class Safetensors
{
    /// <summary>Header key of the metadata.</summary>
    internal const string MetadataKey = "__metadata__";

    private const int HeaderAlignment = 8;

    /// <summary>
    /// Writes a file tensor by tensor, under a temporary name in the same folder, and renames it when it is complete and flushed: a
    /// reader never sees half a file, and a crash leaves the old one.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">What to write, in this order; names must differ.</param>
    /// <param name="metadata">Text stored with the tensors.</param>
    public static void Write(string path, IReadOnlyList<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Header(tensors, metadata);
        var temporary = path + ".tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16))
            {
                Span<byte> length = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
                file.Write(length);
                file.Write(header);
                foreach (var tensor in tensors)
                {
                    WriteTensor(file, tensor);
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (ArgumentOutOfRangeException error) when (error.ParamName == "value")
        {
            // .NET's answer to EFBIG: a file system's longest file, or a user's limit (ulimit -f).
            File.Delete(temporary);
            throw new IOException($"'{path}': the file system or a limit does not allow a file of this length", error);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void WriteTensor(FileStream file, SafetensorsEntry tensor)
    {
        var length = checked((int)tensor.Length);
        var values = ArrayPool<float>.Shared.Rent(Math.Max(length, 1));
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
                file.Write(MemoryMarshal.AsBytes(values.AsSpan(start, Math.Min(Piece, length - start))));
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(values);
        }
    }

    private static byte[] Header(IReadOnlyList<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var names = new HashSet<string>(StringComparer.Ordinal) { MetadataKey };
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                {
                    throw new ArgumentException($"two tensors are named '{tensor.Name}'", nameof(tensors));
                }

                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (var extent in tensor.Shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                offset += tensor.Length * sizeof(float);
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
