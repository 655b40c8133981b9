using System.IO.Compression;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// <see cref="GZipStream"/> takes a file that is cut off anywhere for a whole one. So one more gzip member with a known content is put behind
/// the file: only if all members before are complete, with right checksums, does that content come out at the end.
/// </summary>
internal static class EndMarker
{
    private static readonly byte[] Member = Compress();

    /// <summary>What stands at the end of the decompressed data of a whole file.</summary>
    public static ReadOnlySpan<byte> Content => "SharpSeg: nothing was cut off \u0001\u0002"u8;

    /// <summary>The decompressed data of a gzip stream, then the marker.</summary>
    public static Stream Decompress(Stream compressed) =>
        new GZipStream(new Followed(compressed, Member), CompressionMode.Decompress);

    private static byte[] Compress()
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Content);
        }

        return buffer.ToArray();
    }

    /// <summary>A stream and then some bytes.</summary>
    private sealed class Followed(Stream first, byte[] then) : Stream
    {
        private int done;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var n = first.Read(buffer);
            if (n == 0)
            {
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
