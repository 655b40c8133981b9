using System.Buffers.Binary;

namespace SharpSeg.Engine.ModelFiles;

/// <summary>Element types that are read.</summary>
internal enum SafetensorsType
{
    F32,
    F16,
    BF16,
    F64,
    U8,
}

/// <summary>Names, sizes and decoding of the element types.</summary>
internal static class SafetensorsTypes
{
    /// <summary>The type of a header's name, or null.</summary>
    public static SafetensorsType? Parse(string name) => name switch
    {
        "F32" => SafetensorsType.F32,
        "F16" => SafetensorsType.F16,
        "BF16" => SafetensorsType.BF16,
        "F64" => SafetensorsType.F64,
        "U8" => SafetensorsType.U8,
        _ => null,
    };

    /// <summary>Bytes per element.</summary>
    public static int Size(this SafetensorsType type) => type switch
    {
        SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.F64 => 8,
        SafetensorsType.U8 => 1,
        _ => 4,
    };

    /// <summary>Little-endian bytes to float32; U8 are bytes of something else, which has no numbers.</summary>
    public static void Decode(this SafetensorsType type, ReadOnlySpan<byte> source, Span<float> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            var bytes = source[(i * type.Size())..];
            target[i] = type switch
            {
                SafetensorsType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes),
                SafetensorsType.BF16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes) << 16),
                SafetensorsType.F64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes),
                SafetensorsType.U8 => throw new InvalidOperationException("bytes are no float32"),
                _ => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            };
        }
    }
}
