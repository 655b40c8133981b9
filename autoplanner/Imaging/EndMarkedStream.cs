namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// A stream with a few bytes 0xff behind its end. <see cref="System.IO.Compression.GZipStream"/> accepts data whose trailing checksum is cut
/// off as complete; with these bytes it reads a wrong checksum instead and complains, while it ignores them behind a whole file.
/// </summary>
internal sealed class EndMarkedStream(Stream inner) : Stream
{
    private int left = 16; // gzip's trailer has 8 bytes, zlib's 4

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var n = inner.Read(buffer);
        if (n == 0 && buffer.Length > 0)
        {
            n = Math.Min(left, buffer.Length);
            buffer[..n].Fill(0xff);
            left -= n;
        }

        return n;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
