using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// Reads safetensors files (<see cref="Safetensors"/>). The header and every size in it are checked against the length of the
/// file before anything is allocated. F32, F16, BF16 and F64 are read, all as float32; U8 as bytes.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    private const long HighestHeaderLength = 100_000_000;               // bytes, as in the format's own implementation
    private const int PieceLength = 1 << 20;                            // bytes read at a time

    private readonly FileStream file;
    private readonly string path;
    private readonly long dataStart;
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private readonly List<string> names = [];
    private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ulong> checksums = new(StringComparer.Ordinal);

    private SafetensorsReader(string path, FileStream file)
    {
        this.path = path;
        this.file = file;
        var header = ReadHeader();
        dataStart = sizeof(ulong) + header.Length;
        try
        {
            StrictJson.Require(header);
            using var document = JsonDocument.Parse(header);
            ParseHeader(document.RootElement);
        }
        catch (JsonException e)
        {
            throw Bad($"the header is not valid JSON: {e.Message.Split(" LineNumber: ")[0]}", e);
        }

        CheckCoverage();
        ReadChecksums(header);
    }

    /// <summary>The tensors' names, in the order of their data.</summary>
    public IReadOnlyList<string> Names => names;

    /// <summary>Text stored with the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Opens a file and checks it.</summary>
    /// <exception cref="ModelFileException">It is not a valid safetensors file.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static SafetensorsReader Open(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: 0 })
        {
            // opening a pipe would wait for a writer
            throw new ModelFileException(path, "the file is empty, or it is a pipe or a device");
        }

        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        try
        {
            return new SafetensorsReader(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => entries.ContainsKey(name);

    /// <summary>Extents of a tensor.</summary>
    /// <exception cref="ModelFileException">There is no such tensor.</exception>
    public IReadOnlyList<int> Shape(string name) => Find(name).Shape;

    /// <summary>Reads a tensor's values, row-major.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="target">Exactly as long as the tensor.</param>
    /// <exception cref="ModelFileException">There is no such tensor, or the file has become shorter.</exception>
    public void Read(string name, Span<float> target)
    {
        var entry = Find(name);
        if (entry.Type == SafetensorsType.U8)
        {
            throw Bad($"tensor '{name}' has the type U8, numbers are expected");
        }

        if (entry.Length != target.Length)
        {
            throw Bad(
                $"tensor '{name}' has {entry.Length} values [{string.Join(", ", entry.Shape)}], {target.Length} are expected");
        }

        using var stream = Begin(name, entry);
        stream.ReadValues(target);
    }

    /// <summary>A tensor's values or bytes, to be read from the first to the last; as long as this reader is open.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isBytes">A list of bytes (U8) is expected, else numbers.</param>
    /// <exception cref="ModelFileException">There is no such tensor, or one of the other kind.</exception>
    public TensorStream Stream(string name, bool isBytes)
    {
        var entry = Find(name);
        return entry.Type == SafetensorsType.U8 == isBytes
            ? Begin(name, entry)
            : throw Bad(
                $"tensor '{name}' has {entry.Length} values of type {entry.Type}, {(isBytes ? "bytes (U8)" : "numbers")} are "
                    + "expected");
    }

    /// <summary>Whether the file carries checksums; others than ours do not.</summary>
    public bool HasChecksums => checksums.Count > 0 || entries.Count == 0;

    /// <summary>Reads everything and compares the checksums, if there are any.</summary>
    /// <exception cref="ModelFileException">A tensor is not the one that was written, or the file has become shorter.</exception>
    public void Verify()
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        try
        {
            foreach (var name in names)
            {
                using var stream = Begin(name, entries[name]);
                while (stream.Read(piece) > 0)
                {
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();

    private byte[] ReadHeader()
    {
        var fileLength = file.Length;
        if (fileLength < sizeof(ulong))
        {
            throw Bad($"not a safetensors file: it has {fileLength} bytes, the header's length alone takes {sizeof(ulong)}");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        file.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)Math.Min(HighestHeaderLength, fileLength - sizeof(ulong)))
        {
            throw Bad($"not a safetensors file, or cut short: the header claims {length} bytes, the file has {fileLength}");
        }

        var header = new byte[length];
        file.ReadExactly(header);
        return header;
    }

    private void ParseHeader(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Bad("the header is not a JSON object");
        }

        foreach (var property in root.EnumerateObject())
        {
            if (property.NameEquals(Safetensors.MetadataKey))
            {
                ParseMetadata(property.Value);
            }
            else
            {
                entries.Add(property.Name, ParseEntry(property.Name, property.Value));
            }
        }
    }

    private void ParseMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Bad("the metadata are not a JSON object");
        }

        foreach (var item in value.EnumerateObject())
        {
            metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String
                ? item.Value.GetString()!
                : throw Bad($"metadata '{item.Name}' is not text");
        }
    }

    private Entry ParseEntry(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out var offsets)
            || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
        {
            throw Bad($"the header entry of tensor '{name}' lacks dtype, shape or data_offsets");
        }

        var type = SafetensorsTypes.Parse(dtype.GetString()!)
            ?? throw Bad($"tensor '{name}' has the type {dtype.GetString()}; F32, F16, BF16, F64 and U8 are supported");
        var extents = new List<int>();
        var length = 1L;
        foreach (var item in shape.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out var extent) || extent < 0)
            {
                throw Bad($"tensor '{name}' has an impossible extent {item}");
            }

            extents.Add(extent);
            length = extent == 0 ? 0 : length * extent;
            if (length > file.Length)
            {
                throw Bad($"tensor '{name}' claims {length} values or more, the file has {file.Length} bytes");
            }
        }

        if (offsets[0].ValueKind != JsonValueKind.Number || offsets[1].ValueKind != JsonValueKind.Number
            || !offsets[0].TryGetInt64(out var begin) || !offsets[1].TryGetInt64(out var end)
            || begin < 0 || end < begin || end > file.Length - dataStart)
        {
            throw Bad($"tensor '{name}' lies outside the file: offsets {offsets}, {file.Length - dataStart} bytes of data");
        }

        if (end - begin != length * type.Size())
        {
            throw Bad(
                $"tensor '{name}' [{string.Join(", ", extents)}] needs {length * type.Size()} bytes, its offsets give "
                    + $"{end - begin}");
        }

        return new Entry(type, extents, length, begin, end);
    }

    /// <summary>The format leaves no gaps and no overlaps.</summary>
    private void CheckCoverage()
    {
        var position = 0L;
        foreach (var (name, entry) in entries.OrderBy(e => e.Value.Begin).ThenBy(e => e.Value.End))
        {
            if (entry.Begin != position)
            {
                throw Bad($"tensor '{name}' begins at byte {entry.Begin} of the data, expected {position}");
            }

            position = entry.End;
            names.Add(name);
        }

        if (dataStart + position != file.Length)
        {
            throw Bad($"the file should have {dataStart + position} bytes and has {file.Length}: cut short or damaged");
        }
    }

    /// <summary>The checksums, after that of the header itself.</summary>
    private void ReadChecksums(byte[] header)
    {
        if (!metadata.TryGetValue(Safetensors.ChecksumsKey, out var text))
        {
            return;
        }

        var place = Safetensors.Checksums(header, names.Count);
        if (place.Length != text.Length || text.AsSpan().ContainsAnyInRange('A', 'F'))
        {
            throw Bad($"the checksums of {names.Count} tensors are damaged");
        }

        ulong At(int index) => ulong.TryParse(
            text.AsSpan(index * Safetensors.ChecksumLength, Safetensors.ChecksumLength), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var value)
                ? value
                : throw Bad("the checksums are damaged");
        place[^Safetensors.ChecksumLength..].Fill((byte)'0');
        if (XxHash64.Of(header) != At(names.Count))
        {
            throw Bad("the header is not the one that was written: the file is damaged");
        }

        for (var i = 0; i < names.Count; i++)
        {
            checksums[names[i]] = At(i);
        }
    }

    private void RequireChecksum(string name, ulong found)
    {
        if (checksums.TryGetValue(name, out var written) && written != found)
        {
            throw Bad(
                $"tensor '{name}' is not the one that was written: checksum {found:x16}, expected {written:x16}: the file is "
                    + "damaged");
        }
    }

    private TensorStream Begin(string name, Entry entry) => new(
        file.SafeFileHandle, entry.Type, dataStart + entry.Begin, dataStart + entry.End,
        found => RequireChecksum(name, found), () => Bad($"the file ends inside tensor '{name}'"));

    private Entry Find(string name) =>
        entries.TryGetValue(name, out var entry) ? entry : throw Bad($"there is no tensor '{name}'");

    private ModelFileException Bad(string problem, Exception? inner = null) => new(path, problem, inner);

    private sealed record Entry(SafetensorsType Type, IReadOnlyList<int> Shape, long Length, long Begin, long End);
}
