using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace SharpSeg.AutoPlanner.Imaging;

/// <summary>
/// Stored values to float32 and back, in chunks.
/// </summary>
internal static class VoxelCodec
{
    private const int ChunkBytes = 1 << 16;

    /// <summary>Bytes of one stored value.</summary>
    public static int Size(VoxelType type) => type switch
    {
        VoxelType.UInt8 or VoxelType.Int8 => 1,
        VoxelType.UInt16 or VoxelType.Int16 => 2,
        VoxelType.UInt32 or VoxelType.Int32 or VoxelType.Float32 => 4,
        _ => 8,
    };

    /// <summary>Whether values are floating-point numbers.</summary>
    public static bool IsFloat(VoxelType type) => type is VoxelType.Float32 or VoxelType.Float64;

    /// <summary>
    /// Reads all values of an image, float32(stored·slope + inter) with the sum in float64, and hands them on in pieces. The
    /// channel axis lies anywhere: value (outer, channel, inner), inner fastest, is the channel's value outer·inner + inner.
    /// </summary>
    /// <exception cref="SharpSegException">The file cannot hold that many values.</exception>
    public static void Decode(
        ByteSource source, VoxelType type, bool littleEndian, double slope, double inter, long outer, int channels, long inner,
        TakeVoxels take)
    {
        var size = Size(type);
        source.Require((Int128)outer * channels * inner * size, "the voxel data");
        var most = ChunkBytes / size;                     // values in work
        var (chunk, values) = (new byte[ChunkBytes], new float[most]);
        if (channels > 1 && channels * inner <= most)
        {
            Interleaved();
            return;
        }

        for (long run = 0; run < outer * channels; run++)
        {
            for (long done = 0; done < inner;)
            {
                var n = (int)Math.Min(inner - done, most);
                take((int)(run % channels), (run / channels * inner) + done, Next(n));
                done += n;
            }
        }

        Span<float> Next(int count)
        {
            var bytes = chunk.AsSpan(0, count * size);
            source.ReadExactly(bytes, "the voxel data");
            Decode(bytes, type, littleEndian, slope, inter, values);
            return values.AsSpan(0, count);
        }

        // Short runs of every channel are brought together before they are handed on.
        void Interleaved()
        {
            var runs = (int)(most / (channels * inner));
            var own = new float[runs * inner];
            for (long first = 0; first < outer; first += runs)
            {
                var count = (int)Math.Min(runs, outer - first);
                var all = Next((int)(count * channels * inner));
                for (var c = 0; c < channels; c++)
                {
                    for (var run = 0; run < count; run++)
                    {
                        all.Slice((int)(((run * channels) + c) * inner), (int)inner).CopyTo(own.AsSpan((int)(run * inner)));
                    }

                    take(c, first * inner, own.AsSpan(0, (int)(count * inner)));
                }
            }
        }
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
        Span<byte> bytes, VoxelType type, bool littleEndian, double slope, double inter, Span<float> all)
    {
        var values = all[..(bytes.Length / Size(type))];
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
