using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Stored values to float32 and back, in chunks: memory grows with the bytes that are really there, not with what a header
/// claims.
/// </summary>
internal static class VoxelCodec
{
    private const int ChunkBytes = 1 << 16;
    private const int FirstAllocation = 1 << 20; // values; doubled while a compressed file keeps delivering
    private const int BelievedShare = 8;         // a file that has delivered an eighth of its values is believed the rest

    /// <summary>Bytes of one stored value.</summary>
    public static int Size(VoxelType type) => type switch
    {
        VoxelType.UInt8 or VoxelType.Int8 => 1,
        VoxelType.UInt16 or VoxelType.Int16 => 2,
        VoxelType.UInt32 or VoxelType.Int32 or VoxelType.Float32 => 4,
        _ => 8,
    };

    /// <summary>Reads <paramref name="count"/> values as float32(stored·slope + inter); the sum is made in float64.</summary>
    /// <exception cref="SharpSegException">The file cannot hold that many values, or more than an array can.</exception>
    public static float[] Read(ByteSource source, VoxelType type, bool littleEndian, double slope, double inter, long count)
    {
        var size = Size(type);
        source.Require((Int128)count * size, "the voxel data");
        if (count > Array.MaxLength)
        {
            throw new SharpSegException(
                $"`{source.Path}`: {count} values a channel are more than the {Array.MaxLength} that are supported");
        }

        var values = new float[source.Compressed ? Math.Min(count, FirstAllocation) : count];
        var chunk = new byte[ChunkBytes];
        for (long done = 0; done < count;)
        {
            var n = (int)Math.Min(count - done, ChunkBytes / size);
            var bytes = chunk.AsSpan(0, n * size);
            source.ReadExactly(bytes, "the voxel data");
            if (done + n > values.Length)
            {
                Array.Resize(ref values, (int)(done >= count / BelievedShare ? count : Math.Min(count, 2L * values.Length)));
            }

            Decode(bytes, type, littleEndian, slope, inter, values.AsSpan((int)done, n));
            done += n;
        }

        return values;
    }

    /// <summary>
    /// Reads all channels of an image whose channel axis lies anywhere: value (outer, channel, inner) with inner fastest becomes
    /// channel[outer·inner]. Interleaved data are read as a whole first, so they take twice the memory.
    /// </summary>
    public static IReadOnlyList<float[]> ReadChannels(
        ByteSource source, VoxelType type, bool littleEndian, long outer, int channels, long inner)
    {
        source.Require((Int128)outer * channels * inner * Size(type), "the voxel data");
        if (outer == 1)
        {
            return [.. Enumerable.Range(0, channels).Select(_ => Read(source, type, littleEndian, 1, 0, inner))];
        }

        var all = Read(source, type, littleEndian, 1, 0, checked(outer * channels * inner));
        if (channels == 1)
        {
            return [all];
        }

        var split = new float[channels][];
        for (var c = 0; c < channels; c++)
        {
            split[c] = new float[outer * inner];
            for (long o = 0; o < outer; o++)
            {
                all.AsSpan((int)(((o * channels) + c) * inner), (int)inner).CopyTo(split[c].AsSpan((int)(o * inner)));
            }
        }

        return split;
    }

    /// <summary>Writes labels as unsigned bytes or words.</summary>
    public static void WriteLabels(Stream stream, ReadOnlySpan<short> labels, VoxelType type, bool littleEndian)
    {
        var size = Size(type);
        var chunk = new byte[ChunkBytes];
        for (var done = 0; done < labels.Length;)
        {
            var n = Math.Min(labels.Length - done, ChunkBytes / size);
            for (var i = 0; i < n; i++)
            {
                var label = labels[done + i];
                if (size == 1)
                {
                    chunk[i] = checked((byte)label);
                }
                else if (littleEndian)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(chunk.AsSpan(2 * i), checked((ushort)label));
                }
                else
                {
                    BinaryPrimitives.WriteUInt16BigEndian(chunk.AsSpan(2 * i), checked((ushort)label));
                }
            }

            stream.Write(chunk, 0, n * size);
            done += n;
        }
    }

    /// <summary>Writes float32 values.</summary>
    public static void WriteFloats(Stream stream, ReadOnlySpan<float> values, bool littleEndian)
    {
        var chunk = new byte[ChunkBytes];
        for (var done = 0; done < values.Length;)
        {
            var n = Math.Min(values.Length - done, ChunkBytes / sizeof(float));
            var bytes = chunk.AsSpan(0, n * sizeof(float));
            MemoryMarshal.AsBytes(values.Slice(done, n)).CopyTo(bytes);
            ToHostOrder(bytes, sizeof(float), littleEndian);
            stream.Write(bytes);
            done += n;
        }
    }

    private static void Decode(
        Span<byte> bytes, VoxelType type, bool littleEndian, double slope, double inter, Span<float> values)
    {
        ToHostOrder(bytes, Size(type), littleEndian);
        switch (type)
        {
            case VoxelType.UInt8: Convert<byte>(bytes, slope, inter, values); break;
            case VoxelType.Int8: Convert<sbyte>(bytes, slope, inter, values); break;
            case VoxelType.UInt16: Convert<ushort>(bytes, slope, inter, values); break;
            case VoxelType.Int16: Convert<short>(bytes, slope, inter, values); break;
            case VoxelType.UInt32: Convert<uint>(bytes, slope, inter, values); break;
            case VoxelType.Int32: Convert<int>(bytes, slope, inter, values); break;
            case VoxelType.UInt64: Convert<ulong>(bytes, slope, inter, values); break;
            case VoxelType.Int64: Convert<long>(bytes, slope, inter, values); break;
            case VoxelType.Float32: Convert<float>(bytes, slope, inter, values); break;
            case VoxelType.Float64: Convert<double>(bytes, slope, inter, values); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }

    private static void Convert<T>(ReadOnlySpan<byte> bytes, double slope, double inter, Span<float> values)
        where T : unmanaged, INumberBase<T>
    {
        var stored = MemoryMarshal.Cast<byte, T>(bytes);
        if (slope == 1 && inter == 0)
        {
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = float.CreateTruncating(stored[i]);
            }
        }
        else
        {
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (float)((double.CreateTruncating(stored[i]) * slope) + inter);
            }
        }
    }

    private static void ToHostOrder(Span<byte> bytes, int size, bool littleEndian)
    {
        if (littleEndian == BitConverter.IsLittleEndian)
        {
            return;
        }

        switch (size)
        {
            case 2:
                var words = MemoryMarshal.Cast<byte, ushort>(bytes);
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 4:
                var doubleWords = MemoryMarshal.Cast<byte, uint>(bytes);
                BinaryPrimitives.ReverseEndianness(doubleWords, doubleWords);
                break;
            case 8:
                var quadWords = MemoryMarshal.Cast<byte, ulong>(bytes);
                BinaryPrimitives.ReverseEndianness(quadWords, quadWords);
                break;
        }
    }
}
