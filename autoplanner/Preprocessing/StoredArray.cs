using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// One array on disk that is read box by box through a memory map: a header of 64 bytes, then the values in little-endian order,
/// channels last (z, y, x, c), so that a row of a box is one run of bytes.
/// <para>Header: magic "SSEGARR" and a zero byte; version (uint32); element type (uint32, <see cref="StoredElement"/>); z, y, x,
/// c (int32); bytes of the values (int64); their xxHash64; 16 bytes of zeros.</para>
/// <para>Reading is thread-safe and allocates nothing but one small stream object.</para>
/// </summary>
internal sealed class StoredArray : IDisposable
{
    private const int HeaderBytes = 64;
    private const uint Version = 1;
    private const int BlockBytes = 1 << 20;

    private readonly string path;
    private readonly MemoryMappedViewAccessor view;
    private readonly ulong checksum;
    private readonly int elementBytes;

    private StoredArray(
        string path, MemoryMappedViewAccessor view, StoredElement element, Extent shape, int channels, ulong checksum)
    {
        this.path = path;
        this.view = view;
        this.checksum = checksum;
        Element = element;
        Shape = shape;
        Channels = channels;
        elementBytes = BytesOf(element);
    }

    /// <summary>Type of one value.</summary>
    public StoredElement Element { get; }

    /// <summary>Voxels (z, y, x).</summary>
    public Extent Shape { get; }

    /// <summary>Values per voxel.</summary>
    public int Channels { get; }

    private static ReadOnlySpan<byte> Magic => "SSEGARR\0"u8;

    /// <summary>Writes an array; the file appears under its name only when it is complete.</summary>
    /// <typeparam name="T">float, sbyte, short or int, as <paramref name="element"/> says.</typeparam>
    public static void Write<T>(string path, StoredElement element, Extent shape, int channels, ReadOnlyMemory<T> values)
        where T : unmanaged
    {
        var bytes = checked(shape.Voxels * channels * BytesOf(element));
        if (values.Length != shape.Voxels * channels || Marshal.SizeOf<T>() != BytesOf(element))
        {
            throw new ArgumentException(
                $"{values.Length} values of type {typeof(T).Name} do not fill {shape}×{channels} of {element}");
        }

        var hash = new XxHash64();
        foreach (var block in Blocks(values))
        {
            hash.Append(MemoryMarshal.AsBytes(block.Span));
        }

        AtomicFile.Write(path, stream =>
        {
            var header = new byte[HeaderBytes];
            Magic.CopyTo(header);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), (uint)element);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), shape.Z);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(20), shape.Y);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), shape.X);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(28), channels);
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(32), bytes);
            BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(40), hash.Value());
            stream.Write(header);
            foreach (var block in Blocks(values))
            {
                stream.Write(MemoryMarshal.AsBytes(block.Span));
            }
        });
    }

    /// <summary>Maps a file after checking its header against its length.</summary>
    /// <exception cref="SharpSegException">The file is missing, is no stored array, or has the wrong length.</exception>
    public static StoredArray Open(string path)
    {
        const string hint = "run `sharpseg preprocess` again; it rewrites damaged cases";
        if (!File.Exists(path))
        {
            throw new SharpSegException($"`{path}`: the file is missing", hint);
        }

        if (new FileInfo(path).Length == 0)
        {
            // opening a pipe would wait for a writer
            throw new SharpSegException($"`{path}`: the file is empty, or it is a pipe or a device", hint);
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
        var header = new byte[HeaderBytes];
        if (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes
            || !header.AsSpan(0, 8).SequenceEqual(Magic))
        {
            throw new SharpSegException($"`{path}`: not a preprocessed array (it does not start with SSEGARR)", hint);
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        var element = (StoredElement)BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
        var shape = new Extent(
            BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(16)),
            BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(20)),
            BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(24)));
        var channels = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(28));
        var bytes = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32));
        if (version != Version || !Enum.IsDefined(element))
        {
            throw new SharpSegException($"`{path}`: version {version} and element type {(uint)element} are not known here", hint);
        }

        // In 128 bits: a damaged header must not overflow into a plausible size.
        var expected = (Int128)shape.Z * shape.Y * shape.X * channels * BytesOf(element);
        var isPositive = shape.Z >= 0 && shape.Y >= 0 && shape.X >= 0 && channels > 0;
        if (!isPositive || expected != bytes || stream.Length != HeaderBytes + bytes)
        {
            throw new SharpSegException(
                $"`{path}`: {stream.Length} bytes long, but {shape} voxels of {channels} channels need {HeaderBytes + expected}",
                hint);
        }

        // The view keeps the mapping alive after the file's handles are closed: thousands of open cases need no file handles.
        using var map = MemoryMappedFile.CreateFromFile(
            stream, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        var view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        return new StoredArray(path, view, element, shape, channels, BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(40)));
    }

    /// <summary>Reads a box into size.Voxels·Channels values (z, y, x, c).</summary>
    /// <typeparam name="T">The element's type: float, sbyte, short or int.</typeparam>
    /// <exception cref="ArgumentException">The box does not lie inside, or the destination or its type does not fit.</exception>
    public void ReadBox<T>(Extent origin, Extent size, Span<T> destination)
        where T : unmanaged
    {
        CheckBox(origin, size, destination.Length);
        RequireLength();
        if (Marshal.SizeOf<T>() != elementBytes)
        {
            throw new ArgumentException($"the stored type is {Element}, not {typeof(T).Name}");
        }

        var target = MemoryMarshal.AsBytes(destination);
        using var stream = new UnmanagedMemoryStream(view.SafeMemoryMappedViewHandle, HeaderBytes, PayloadBytes, FileAccess.Read);
        var voxelBytes = Channels * elementBytes;

        // Rows, or whole slices, that follow each other without a gap are read in one go.
        var rowsPerRun = size.X == Shape.X ? size.Y : 1;
        var runBytes = rowsPerRun * size.X * voxelBytes;
        var at = 0;
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y += rowsPerRun)
            {
                stream.Position = (((long)(z + origin.Z) * Shape.Y + y + origin.Y) * Shape.X + origin.X) * voxelBytes;
                stream.ReadExactly(target.Slice(at, runBytes));
                at += runBytes;
            }
        }
    }

    /// <summary>Reads every value and compares the checksum.</summary>
    /// <exception cref="SharpSegException">The values are not the ones that were written.</exception>
    public void Verify()
    {
        RequireLength();
        var hash = new XxHash64();
        var block = new byte[BlockBytes];
        using var stream = new UnmanagedMemoryStream(view.SafeMemoryMappedViewHandle, HeaderBytes, PayloadBytes, FileAccess.Read);
        for (int count; (count = stream.Read(block)) > 0;)
        {
            hash.Append(block.AsSpan(0, count));
        }

        if (hash.Value() != checksum)
        {
            throw new SharpSegException(
                $"`{path}`: checksum {hash.Value():x16}, expected {checksum:x16}: the file is damaged",
                "run `sharpseg preprocess` again; it rewrites damaged cases");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => view.Dispose();

    private long PayloadBytes => Shape.Voxels * Channels * elementBytes;

    private static int BytesOf(StoredElement element) => element switch
    {
        StoredElement.Int8 => 1,
        StoredElement.Int16 => 2,
        _ => 4,
    };

    private static IEnumerable<ReadOnlyMemory<T>> Blocks<T>(ReadOnlyMemory<T> values)
    {
        for (var start = 0; start < values.Length; start += BlockBytes)
        {
            yield return values.Slice(start, Math.Min(BlockBytes, values.Length - start));
        }
    }

    /// <summary>What was cut off a mapped file cannot be read: the operating system would end the process.</summary>
    private void RequireLength()
    {
        if (new FileInfo(path) is { Exists: true } now && now.Length != HeaderBytes + PayloadBytes)
        {
            throw new SharpSegException(
                $"`{path}`: {now.Length} bytes long instead of {HeaderBytes + PayloadBytes}: it was changed while it was in use",
                "run `sharpseg preprocess` again; it rewrites damaged cases");
        }
    }

    private void CheckBox(Extent origin, Extent size, int capacity)
    {
        for (var axis = 0; axis < 3; axis++)
        {
            if (origin[axis] < 0 || size[axis] < 0 || origin[axis] + (long)size[axis] > Shape[axis])
            {
                throw new ArgumentException($"the box of {size} voxels at {origin} does not lie inside {Shape} (`{path}`)");
            }
        }

        if (capacity < size.Voxels * Channels)
        {
            throw new ArgumentException($"{capacity} values have no room for {size} voxels of {Channels} channels");
        }
    }
}

/// <summary>Element types of a <see cref="StoredArray"/>; the numbers are part of the file format.</summary>
internal enum StoredElement
{
    /// <summary>IEEE single precision.</summary>
    Float32 = 1,

    /// <summary>Signed byte: labels up to 127.</summary>
    Int8 = 2,

    /// <summary>Signed 16-bit number: labels above 127.</summary>
    Int16 = 3,

    /// <summary>Signed 32-bit number: coordinates.</summary>
    Int32 = 4,
}
