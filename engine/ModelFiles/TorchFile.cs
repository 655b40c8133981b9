using System.Buffers;
using System.IO.Compression;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// A file of torch.save since PyTorch 1.6: a zip of a pickle (<c>PREFIX/data.pkl</c>, <see cref="Pickle"/>), which describes
/// tensors, and one entry per storage with its little-endian elements (<c>PREFIX/data/KEY</c>). Nothing in it is executed;
/// storages are read when they are asked for, in pieces; every size is checked against the file before memory is taken for it.
/// </summary>
public sealed class TorchFile : IDisposable
{
    private const int PieceLength = 1 << 20;                            // bytes read at a time
    // times; deflate cannot do more (RFC 1951), a higher ratio is a lie
    private const long LargestExpansion = 1032;
    private const int LongestShown = 100;                               // characters of a name in a message

    // Torch's older format begins with a pickled magic number, and one before that is a tar file of "storages".
    private static ReadOnlySpan<byte> OldMagic =>
        [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    private readonly string path;
    private readonly ZipArchive zip;
    private readonly Dictionary<string, ZipArchiveEntry> entries = new(StringComparer.Ordinal);
    private readonly string prefix;

    private TorchFile(string path, FileStream file)
    {
        this.path = path;
        RequireZip(file);
        try
        {
            zip = new ZipArchive(file, ZipArchiveMode.Read);
            foreach (var entry in zip.Entries)
            {
                if (!entries.TryAdd(entry.FullName, entry))
                {
                    throw Bad($"it holds `{Show(entry.FullName)}` twice");
                }
            }

            const string pickleName = "data.pkl";
            var pickles = entries.Keys.Where(
                name => name == pickleName || name.EndsWith("/" + pickleName, StringComparison.Ordinal)).ToArray();
            if (pickles.Length != 1)
            {
                throw Bad(
                    pickles.Length == 0
                        ? "a zip file, but none of torch.save: it has no data.pkl"
                        : "a zip file with several data.pkl");
            }

            prefix = pickles[0][..^pickleName.Length];
            RequireLittleEndian();
            Root = Pickle.Read(Bytes(entries[pickles[0]], Pickle.MostBytes));
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Bad($"cut short or damaged: {e.Message}", e);
        }
    }

    /// <summary>What was saved; for the kinds of values see <see cref="Pickle"/>.</summary>
    public object? Root { get; }

    /// <summary>Opens a file and reads its pickle.</summary>
    /// <exception cref="ModelFileException">It is not a sound file of torch.save.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static TorchFile Open(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: 0 })
        {
            // opening a pipe would wait for a writer
            throw new ModelFileException(path, "the file is empty, or it is a pipe or a device");
        }

        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return new TorchFile(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor's elements as float32, row-major.</summary>
    /// <param name="name">What it is called, for messages.</param>
    /// <param name="tensor">One of this file.</param>
    /// <param name="target">Exactly as long as the tensor.</param>
    /// <exception cref="ModelFileException">It has no floating-point elements, its data are missing, damaged or shorter than it
    /// says.</exception>
    public void Read(string name, TorchTensor tensor, Span<float> target)
    {
        if (tensor.Length != target.Length)
        {
            throw Bad(
                $"tensor `{Show(name)}` has {tensor.Length} elements [{string.Join(", ", tensor.Shape)}], {target.Length} are "
                    + "expected");
        }

        var type = tensor.TypeName switch
        {
            "Float" => SafetensorsType.F32,
            "Half" => SafetensorsType.F16,
            "BFloat16" => SafetensorsType.BF16,
            "Double" => SafetensorsType.F64,
            var other =>
                throw Bad($"tensor `{Show(name)}` has elements of type {Show(other)}; Float, Half, BFloat16 and Double are read"),
        };
        var entry = entries.GetValueOrDefault($"{prefix}data/{tensor.Storage.Key}")
            ?? throw Bad($"the data of tensor `{Show(name)}` are missing (storage {Show(tensor.Storage.Key)})");
        if (entry.Length != (Int128)tensor.Storage.Length * type.Size())
        {
            throw Bad(
                $"the storage of tensor `{Show(name)}` has {entry.Length} bytes, {tensor.Storage.Length} elements are promised");
        }

        if (target.Length == 0)
        {
            return;
        }

        var window = new byte[tensor.IsContiguous ? 0 : WindowLength(entry, tensor, type)];
        try
        {
            if (tensor.IsContiguous)
            {
                Stream(entry, tensor, type, target);
            }
            else
            {
                Copy(entry, tensor.Offset * type.Size(), window);
                Gather(tensor, type, window, target);
            }
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Bad($"the data of tensor `{Show(name)}` are damaged: {e.Message}", e);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => zip.Dispose();

    /// <summary>A text of the file as it may stand in a message: no control characters, not endless.</summary>
    internal static string Show(string text)
    {
        var clean = new string([.. text.Take(LongestShown).Select(c => char.IsControl(c) ? '?' : c)]);
        return text.Length > LongestShown ? clean + "…" : clean;
    }

    private void RequireZip(FileStream file)
    {
        Span<byte> start = stackalloc byte[OldMagic.Length];
        var length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = 0;
        if (start[..length].SequenceEqual(OldMagic))
        {
            throw Bad(
                "it is in PyTorch's format of before version 1.6; load and save it once with a newer PyTorch: "
                    + "torch.save(torch.load(file), file)");
        }

        if (length < 4 || !start[..2].SequenceEqual("PK"u8))
        {
            throw Bad(length == 0 ? "the file is empty" : "not a file of torch.save: it does not begin like a zip");
        }
    }

    private void RequireLittleEndian()
    {
        if (entries.GetValueOrDefault(prefix + "byteorder") is { } entry && !Bytes(entry, 64).AsSpan().SequenceEqual("little"u8))
        {
            throw Bad("it was saved on a big-endian machine, which is not supported; load and save it on a common one");
        }
    }

    private byte[] Bytes(ZipArchiveEntry entry, int most)
    {
        if (entry.Length > most || entry.Length < 0 || entry.Length / LargestExpansion > entry.CompressedLength)
        {
            throw Bad(
                $"`{Show(entry.FullName)}` claims to unpack from {entry.CompressedLength} to {entry.Length} bytes; at most "
                    + $"{most} are read");
        }

        var bytes = new byte[entry.Length];
        Copy(entry, 0, bytes);
        return bytes;
    }

    private int WindowLength(ZipArchiveEntry entry, TorchTensor tensor, SafetensorsType type)
    {
        var length = (tensor.End - tensor.Offset) * type.Size();
        return length <= Array.MaxLength && length / LargestExpansion <= entry.CompressedLength
            ? (int)length
            : throw Bad(
                $"storage {Show(tensor.Storage.Key)} claims to unpack from {entry.CompressedLength} bytes to {length} or more");
    }

    /// <summary>Elements in their own order, decoded piece by piece.</summary>
    private static void Stream(ZipArchiveEntry entry, TorchTensor tensor, SafetensorsType type, Span<float> target)
    {
        var size = type.Size();
        var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        try
        {
            using var data = new CheckedEntry(entry);
            data.Skip(tensor.Offset * size);
            for (var done = 0; done < target.Length;)
            {
                var count = Math.Min(target.Length - done, PieceLength / size);
                var bytes = piece.AsSpan(0, count * size);
                data.ReadExactly(bytes);
                type.Decode(bytes, target.Slice(done, count));
                done += count;
            }

            data.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <summary>Elements by their strides out of the window from the tensor's first position to its last.</summary>
    private static void Gather(TorchTensor tensor, SafetensorsType type, byte[] window, Span<float> target)
    {
        var index = new int[tensor.Shape.Count];
        for (var i = 0; i < target.Length; i++)
        {
            var position = 0L;
            for (var axis = 0; axis < index.Length; axis++)
            {
                position += index[axis] * tensor.Stride[axis];
            }

            type.Decode(window.AsSpan((int)position * type.Size(), type.Size()), target.Slice(i, 1));
            for (var axis = index.Length - 1; axis >= 0 && ++index[axis] == tensor.Shape[axis]; axis--)
            {
                index[axis] = 0;
            }
        }
    }

    private static void Copy(ZipArchiveEntry entry, long offset, Span<byte> target)
    {
        using var data = new CheckedEntry(entry);
        data.Skip(offset);
        data.ReadExactly(target);
        data.Finish();
    }

    // What the platform's zip reader answers to bytes that are no zip, or no longer one.
    private static bool IsDamage(Exception e) =>
        e is InvalidDataException or EndOfStreamException or NotSupportedException or ArgumentException or OverflowException;

    private ModelFileException Bad(string problem, Exception? inner = null) => new(path, problem, inner);

    /// <summary>An entry's bytes in order, with its check value at the end.</summary>
    private sealed class CheckedEntry(ZipArchiveEntry entry) : IDisposable
    {
        private const int SmallPiece = 1 << 12;

        private readonly Stream stream = entry.Open();
        private uint check;

        public void ReadExactly(Span<byte> target)
        {
            stream.ReadExactly(target);
            check = Crc32.Append(check, target);
        }

        public void Skip(long count)
        {
            Span<byte> piece = stackalloc byte[SmallPiece];
            for (; count > 0; count -= piece.Length)
            {
                piece = count < piece.Length ? piece[..(int)count] : piece;
                ReadExactly(piece);
            }
        }

        /// <summary>Reads the rest. A check value of 0 is none: PyTorch can be told to leave it out.</summary>
        public void Finish()
        {
            Span<byte> piece = stackalloc byte[SmallPiece];
            for (int count; (count = stream.Read(piece)) > 0;)
            {
                check = Crc32.Append(check, piece[..count]);
            }

            if (entry.Crc32 != 0 && entry.Crc32 != check)
            {
                throw new InvalidDataException($"the bytes of `{Show(entry.FullName)}` are not those that were written");
            }
        }

        public void Dispose() => stream.Dispose();
    }
}
