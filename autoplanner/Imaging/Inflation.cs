using System.IO.Compression;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Inflates data of which the true end must be known. The platform's streams take data that are cut off anywhere for whole ones,
/// and stop silently at bytes that do not belong to them. So a known piece of content is appended to a gzip file, as one
/// more member: only if all members before are complete, with right checksums, does it come out at the end. Towards its end the
/// file is handed over byte by byte: where inflating stops by itself, what follows is known to be padding (zeros, as block
/// devices and archives leave them) or foreign.
/// </summary>
internal sealed class Inflation : IDisposable
{
    private const int LongestTrailer = 8; // bytes of a gzip trailer, any of which may be zero

    private static readonly byte[] Marker = [.. "SharpSeg: nothing was cut off \u0001\u0002"u8];
    private static readonly byte[] MarkerMember = Compress();

    private readonly Tail tail;
    private readonly bool zlib;

    /// <summary>Begins at a file's position.</summary>
    /// <param name="file">The compressed data, to the end of the file.</param>
    /// <param name="zlib">zlib data, not gzip.</param>
    public Inflation(FileStream file, bool zlib)
    {
        this.zlib = zlib;
        tail = new Tail(file, EndOfContent(file), zlib ? [] : MarkerMember);
        Data = zlib ? new ZLibStream(tail, CompressionMode.Decompress) : new GZipStream(tail, CompressionMode.Decompress);
    }

    /// <summary>
    /// The inflated data; of a gzip file that ends with its last member, followed by the marker (<see cref="MarkerLength"/>).
    /// </summary>
    public Stream Data { get; }

    /// <summary>Bytes that follow the content at the end of <see cref="Data"/>.</summary>
    public int MarkerLength => !zlib && tail.AtEnd ? Marker.Length : 0;

    /// <summary>What is wrong with the end, after everything was read; null if nothing is.</summary>
    /// <param name="last">The last bytes that were read, as many as there were up to the marker's length.</param>
    public string? Problem(ReadOnlySpan<byte> last)
    {
        if (tail.AtEnd)
        {
            return !zlib && last.SequenceEqual(Marker)
                ? null
                : "the compressed data are damaged or cut off: their checksum is missing or wrong";
        }

        // gzip reads one more byte, to see whether another member follows.
        return tail.Position > tail.ContentEnd - (zlib ? 1 : 0)
            ? null
            : "bytes that do not belong to the compressed data follow them";
    }

    /// <summary>How many of the last bytes <see cref="Problem"/> wants to see.</summary>
    public static int WantedLast => Marker.Length;

    /// <inheritdoc/>
    public void Dispose() => Data.Dispose();

    /// <summary>Position beyond the last byte that is not zero.</summary>
    private static long EndOfContent(FileStream file)
    {
        var start = file.Position;
        var block = new byte[4096];
        for (var end = file.Length; end > start;)
        {
            var length = (int)Math.Min(block.Length, end - start);
            file.Position = end - length;
            length = file.ReadAtLeast(block.AsSpan(0, length), length, throwOnEndOfStream: false);
            var at = block.AsSpan(0, length).LastIndexOfAnyExcept((byte)0);
            if (at >= 0)
            {
                end = end - length + at + 1;
                file.Position = start;
                return end;
            }

            end -= Math.Max(1, length);
        }

        file.Position = start;
        return start;
    }

    private static byte[] Compress()
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Marker);
        }

        return buffer.ToArray();
    }

    /// <summary>A file in pieces that are single bytes towards its end, and then the marker.</summary>
    private sealed class Tail(FileStream file, long contentEnd, byte[] then) : Stream
    {
        private readonly long single = Math.Max(file.Position, contentEnd - LongestTrailer);
        private long position = file.Position;
        private int done;

        /// <summary>Everything in the file was asked for.</summary>
        public bool AtEnd { get; private set; }

        /// <summary>Where the padding begins, if there is any.</summary>
        public long ContentEnd => contentEnd;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            if (buffer.Length == 0)
            {
                return 0;
            }

            var most = position < single ? (int)Math.Min(buffer.Length, single - position) : 1;
            var n = AtEnd ? 0 : file.Read(buffer[..most]);
            position += n;
            if (n == 0)
            {
                AtEnd = true;
                n = Math.Min(then.Length - done, buffer.Length);
                then.AsSpan(done, n).CopyTo(buffer);
                done += n;
            }

            return n;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
