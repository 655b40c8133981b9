using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>
/// The bytes of one tensor in a file, from the first to the last, so that they need not be in memory at once. Several of a file
/// may be read by turns. With the last byte the checksum is compared.
/// </summary>
public sealed class TensorStream : Stream
{
    private const int PieceLength = 1 << 20;                            // bytes read at a time

    private readonly SafeFileHandle file;
    private readonly SafetensorsType type;
    private readonly long begin, end;
    private readonly Action<ulong> requireChecksum;
    private readonly Func<Exception> endsInside;
    private readonly XxHash64 hash = new();
    private long at;

    internal TensorStream(
        SafeFileHandle file, SafetensorsType type, long begin, long end, Action<ulong> requireChecksum,
        Func<Exception> endsInside)
    {
        (this.file, this.type, this.begin, this.end) = (file, type, begin, end);
        (this.requireChecksum, this.endsInside) = (requireChecksum, endsInside);
        at = begin;
        if (begin == end)
        {
            requireChecksum(hash.Value());
        }
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => end - begin;

    /// <inheritdoc/>
    public override long Position
    {
        get => at - begin;
        set => throw new NotSupportedException();
    }

    /// <summary>Reads the next values, as float32.</summary>
    /// <param name="target">At most as long as what is left.</param>
    /// <exception cref="ModelFileException">The file has become shorter, or is damaged.</exception>
    public void ReadValues(Span<float> target)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
        try
        {
            for (var done = 0; done < target.Length;)
            {
                var count = Math.Min(target.Length - done, PieceLength / type.Size());
                var bytes = piece.AsSpan(0, count * type.Size());
                ReadExactly(bytes);
                type.Decode(bytes, target.Slice(done, count));
                done += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ModelFileException">The file has become shorter, or is damaged.</exception>
    public override int Read(Span<byte> buffer)
    {
        buffer = buffer[..(int)Math.Min(buffer.Length, end - at)];
        if (buffer.Length == 0)
        {
            return 0;
        }

        var count = RandomAccess.Read(file, buffer, at);
        if (count == 0)
        {
            throw endsInside();
        }

        hash.Append(buffer[..count]);
        at += count;
        if (at == end)
        {
            requireChecksum(hash.Value());
        }

        return count;
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
