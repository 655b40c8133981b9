namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// The bytes of an image file in order, gzip undone. Nothing in the file is trusted: <see cref="Require"/> refuses what the file
/// cannot hold before anything is allocated for it, and every failure becomes a <see cref="SharpSegException"/> that names the
/// file.
/// </summary>
internal sealed class ByteSource : IDisposable
{
    // No deflate stream expands by more than this (RFC 1951: at best 258 bytes from 2 bits).
    private const long MaxDeflateRatio = 1032;

    private const long MaxTextHeader = 1 << 20;

    private readonly FileStream file;
    private readonly Stream stream;
    private readonly Inflation? inflation;
    private readonly long maxLength;

    private ByteSource(string path, FileStream file, Inflation? inflation, long maxLength)
    {
        Path = path;
        this.file = file;
        this.inflation = inflation;
        this.maxLength = maxLength;
        stream = inflation?.Data ?? file;
    }

    /// <summary>The file's name, for messages.</summary>
    public string Path { get; }

    /// <summary>Bytes read so far, after decompression.</summary>
    public long Position { get; private set; }

    /// <summary>True if the length is only known by reading to the end.</summary>
    public bool Compressed => inflation is not null;

    /// <summary>Opens a file; gzip is recognised by its first two bytes, not by the name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mustBeGzip">The name promises gzip (.gz): anything else is an error.</param>
    /// <exception cref="SharpSegException">No such file, not readable, empty, or not gzip where that is promised.</exception>
    public static ByteSource Open(string path, bool mustBeGzip = false) => Open(path, mustBeGzip, mayBeGzip: true);

    /// <summary>Opens a file whose bytes are taken as they are, whatever they look like.</summary>
    /// <exception cref="SharpSegException">No such file, not readable, or empty.</exception>
    public static ByteSource OpenPlain(string path) => Open(path, mustBeGzip: false, mayBeGzip: false);

    private static ByteSource Open(string path, bool mustBeGzip, bool mayBeGzip)
    {
        FileStream file;
        try
        {
            // Before opening: a pipe has no length either, and opening it would wait for a writer.
            if (new FileInfo(path) is { Exists: true, Length: 0 })
            {
                throw new SharpSegException(
                    $"`{path}`: the file is empty, or it is a pipe or a device",
                    "copy or download it again; pipes cannot be read");
            }

            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SharpSegException($"`{path}`: no such file", null, error);
        }
        catch (Exception error)
            when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new SharpSegException($"`{path}`: cannot be read: {error.Message}", null, error);
        }

        try
        {
            int first = file.ReadByte(), second = file.ReadByte();
            file.Position = 0;
            if (mayBeGzip && first == 0x1f && second == 0x8b)
            {
                return Inflated(path, file, zlib: false);
            }

            if (mustBeGzip)
            {
                throw new SharpSegException(
                    $"`{path}`: the name says gzip, but the first two bytes are {first:x2} {Math.Max(second, 0):x2}, not 1f 8b",
                    "copy or download it again, or rename it if it is not compressed");
            }

            return new(path, file, null, file.Length);
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

    /// <summary>
    /// Wraps the rest of this source as gzip or zlib data, for formats with a plain header before compressed voxels.
    /// </summary>
    /// <param name="zlib">zlib (MetaImage) instead of gzip (NRRD).</param>
    public ByteSource Inflate(bool zlib)
    {
        file.Position = Position;
        return Inflated(Path, file, zlib);
    }

    private static ByteSource Inflated(string path, FileStream file, bool zlib)
    {
        var remaining = file.Length - file.Position;
        return new(path, file, new Inflation(file, zlib), checked((remaining + 1) * MaxDeflateRatio));
    }

    /// <summary>
    /// Refuses a size that the rest of the file cannot hold. For compressed data this is an upper bound; the actual length is
    /// known only after reading.
    /// </summary>
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

    /// <summary>
    /// Fills the span as far as the data go; returns the number of bytes read, less than asked only at the end.
    /// </summary>
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
            // The platform's message speaks of archive entries although the data are merely damaged; it would mislead.
            var what = error is InvalidDataException
                ? "the compressed data are damaged or cut off"
                : $"cannot be read: {error.Message}";
            throw new SharpSegException(
                $"`{Path}`: {what} (after {Position} bytes)",
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

    /// <summary>
    /// Reads a line of a text header, without its end (LF or CR LF). Bytes are taken as Latin-1, so that writing them restores
    /// them.
    /// </summary>
    /// <exception cref="SharpSegException">The file ends, or the header grows beyond any that is sensible.</exception>
    public string ReadLine()
    {
        const int longest = 1 << 16;
        var line = new System.Text.StringBuilder();
        Span<byte> one = stackalloc byte[1];
        while (true)
        {
            ReadExactly(one, "the header");
            if (one[0] == (byte)'\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            if (Position > MaxTextHeader || line.Length == longest)
            {
                throw new SharpSegException(
                    $"`{Path}`: the text header does not end", "this is no such image, or its header is damaged");
            }

            line.Append((char)one[0]);
        }
    }

    /// <summary>Skips to where only this many bytes are left; for headers that say only how long the data are.</summary>
    public void SkipToLast(Int128 bytes, string what)
    {
        Require(bytes, what);
        SkipTo(maxLength - (long)bytes, what);
    }

    /// <summary>
    /// Reads compressed data to their end and checks that it is their true end, with the right checksum, and that nothing but
    /// zeros follows: the platform's streams end silently where a file is cut off. Plain files are not read on.
    /// </summary>
    /// <returns>Bytes of the content from the beginning.</returns>
    /// <exception cref="SharpSegException">The data are damaged, cut off, or followed by something else.</exception>
    public long Finish()
    {
        if (inflation is null)
        {
            return maxLength;
        }

        Span<byte> window = stackalloc byte[4096 + Inflation.WantedLast];
        var kept = 0;
        for (int n; (n = ReadUpTo(window.Slice(kept, 4096))) > 0;)
        {
            var last = window[..(kept + n)];
            last = last[^Math.Min(Inflation.WantedLast, last.Length)..];
            last.CopyTo(window);
            kept = last.Length;
        }

        return inflation.Problem(window[..kept]) is { } problem
            ? throw new SharpSegException($"`{Path}`: {problem}", "copy or download the file again")
            : Position - inflation.MarkerLength;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        inflation?.Dispose();
        file.Dispose();
    }

    private SharpSegException TooShort(Int128 bytes, string what, string found) => new(
        $"`{Path}`: {what} needs {bytes} bytes, but the file {found} (at byte {Position})",
        "the file is cut off or its header is damaged: copy or download it again");
}
