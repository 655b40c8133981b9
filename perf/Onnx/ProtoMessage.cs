using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace SharpSeg.Perf.Onnx;

/// <summary>
/// A message of Protocol Buffers being written: fields of a number and a value, in the binary encoding of
/// protobuf.dev/programming-guides/encoding. Lists are written as the same field several times, which every reader takes.
/// </summary>
internal sealed class ProtoMessage
{
    private const int Varint = 0, LengthDelimited = 2, FourBytes = 5;

    private readonly ArrayBufferWriter<byte> bytes = new();

    /// <summary>Adds an integer or an enumeration.</summary>
    public ProtoMessage Add(int field, long value)
    {
        WriteVarint(Key(field, Varint));
        WriteVarint((ulong)value);
        return this;
    }

    /// <summary>Adds a float.</summary>
    public ProtoMessage Add(int field, float value)
    {
        Span<byte> four = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(four, value);
        WriteVarint(Key(field, FourBytes));
        bytes.Write(four);
        return this;
    }

    /// <summary>Adds bytes.</summary>
    public ProtoMessage Add(int field, ReadOnlySpan<byte> value)
    {
        WriteVarint(Key(field, LengthDelimited));
        WriteVarint((ulong)value.Length);
        bytes.Write(value);
        return this;
    }

    /// <summary>Adds a text.</summary>
    public ProtoMessage Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Adds a message.</summary>
    public ProtoMessage Add(int field, ProtoMessage value) => Add(field, value.Bytes);

    /// <summary>Adds a list of integers.</summary>
    public ProtoMessage Add(int field, IEnumerable<int> values)
    {
        foreach (var value in values)
        {
            Add(field, (long)value);
        }

        return this;
    }

    /// <summary>What has been added, encoded.</summary>
    public ReadOnlySpan<byte> Bytes => bytes.WrittenSpan;

    private static ulong Key(int field, int wireType) => ((ulong)field << 3) | (uint)wireType;

    private void WriteVarint(ulong value)
    {
        for (; value > 0x7F; value >>= 7)
        {
            bytes.Write([(byte)(value | 0x80)]);
        }

        bytes.Write([(byte)value]);
    }
}
