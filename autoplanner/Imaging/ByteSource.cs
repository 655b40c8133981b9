using System.IO.Compression;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The bytes of an image file in order, gzip undone. Nothing in the file is believed: <see cref="Require"/> refuses what the file cannot
/// hold before anything is allocated for it, and every failure becomes a <see cref="SharpSegException"/> that names the file.
/// </summary>
internal sealed class ByteSource : IDisposable
{
    // No deflate stream expands by more than this (RFC 1951: at best 258 bytes from 2 bits).
    private const long MaxDeflateRatio = 1032;

    private readonly FileStream file;
    private readonly Stream stream;
    private readonly long maxLength;

    private ByteSource(string path, FileStream file, Stream stream, long maxLength)
    {
        Path = path;
        this.file = file;
        this.stream = stream;
        this.maxLength = maxLength;
    }

    /// <summary>The file's name, for messages.</summary>
    public string Path { get; }

    /// <summary>Bytes read so far, after decompression.</summary>
    public long Position { get; private set; }

    /// <summary>True if the length is only known by reading to the end.</summary>
    public bool Compressed => stream != file;

    /// <summary>Opens a file; gzip is recognised by its first two bytes, not by the name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mustBeGzip">The name promises gzip (.gz): anything else is an error.</param>
    /// <exception cref="SharpSegException">No such file, not readable, empty, or not gzip where that is promised.</exception>
    public static ByteSource Open(string path, bool mustBeGzip = false)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SharpSegException($"`{path}`: no such file", null, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SharpSegException($"`{path}`: cannot be read: {error.Message}", null, error);
        }

        try
        {
            int first = file.ReadByte(), second = file.ReadByte();
            file.Position = 0;
            if (first < 0)
            {
                throw new SharpSegException($"`{path}`: the file is empty", "copy or download it again");
            }

            if (first == 0x1f && second == 0x8b)
            {
                return new(path, file, new GZipStream(new EndMarkedStream(file), CompressionMode.Decompress), checked((file.Length + 1) * MaxDeflateRatio));
            }

            if (mustBeGzip)
            {
                throw new SharpSegException(
                    $"`{path}`: the name says gzip, but the first two bytes are {first:x2} {Math.Max(second, 0):x2}, not 1f 8b",
                    "copy or download it again, or rename it if it is not compressed");
            }

            return new(path, file, file, file.Length);
        }
        catch (IOException error)
        {
            file.Dispose();
            throw new SharpSegException($"`{path}`: cannot be read: {error.Message}", null, error);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Wraps the rest of this source as gzip or zlib data, for formats with a plain header before compressed voxels.</summary>
    /// <param name="zlib">zlib (MetaImage) instead of gzip (NRRD).</param>
    public ByteSource Inflate(bool zlib)
    {
        var remaining = maxLength - Position;
        Stream inflated = zlib
            ? new ZLibStream(new EndMarkedStream(stream), CompressionMode.Decompress, leaveOpen: true)
            : new GZipStream(new EndMarkedStream(stream), CompressionMode.Decompress, leaveOpen: true);
        return new(Path, file, inflated, checked((remaining + 1) * MaxDeflateRatio));
    }

    /// <summary>Refuses a size that the rest of the file cannot hold. For compressed data this is an upper bound; the truth comes with reading.</summary>
    /// <param name="bytes">Bytes needed from here on; negative means that the product overflowed.</param>
    /// <param name="what">What needs them, for the message.</param>
    public void Require(Int128 bytes, string what)
    {
        if (bytes > maxLength - Position)
        {
            throw TooShort(bytes, what, $"{(Compressed ? "can have at most" : "has")} {maxLength - Position} left");
        }
    }

    /// <summary>Fills the span.</summary>
    /// <exception cref="SharpSegException">The file ends before, or its compressed data are damaged.</exception>
    public void ReadExactly(Span<byte> bytes, string what)
    {
        var done = ReadUpTo(bytes);
        if (done < bytes.Length)
        {
            throw TooShort(bytes.Length, what, $"ended after {done} of them");
        }
    }

    /// <summary>Fills the span as far as the data go; returns the number of bytes read, less than asked only at the end.</summary>
    /// <exception cref="SharpSegException">The compressed data are damaged or cut off.</exception>
    public int ReadUpTo(Span<byte> bytes)
    {
        try
        {
            var done = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            Position += done;
            return done;
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new SharpSegException(
                $"`{Path}`: {(error is InvalidDataException ? "the compressed data are damaged or cut off" : "cannot be read")} " +
                $"(after {Position} bytes): {error.Message}",
                "copy or download the file again",
                error);
        }
    }

    /// <summary>Reads and forgets bytes up to a position.</summary>
    public void SkipTo(long position, string what)
    {
        Require((Int128)position - Position, what);
        Span<byte> scratch = stackalloc byte[4096];
        while (Position < position)
        {
            ReadExactly(scratch[..(int)Math.Min(scratch.Length, position - Position)], what);
        }
    }

    /// <summary>Reads compressed data to their end, so that the checksum behind them is checked. Plain files are not read on.</summary>
    public void Finish()
    {
        if (!Compressed)
        {
            return;
        }

        Span<byte> scratch = stackalloc byte[4096];
        while (ReadUpTo(scratch) > 0)
        {
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stream.Dispose();
        file.Dispose();
    }

    private SharpSegException TooShort(Int128 bytes, string what, string found) => new(
        $"`{Path}`: {what} needs {bytes} bytes, but the file {found} (at byte {Position})",
        "the file is cut off or its header is damaged: copy or download it again");
}
