using System.Buffers.Binary;
using System.IO.Compression;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>Writes NIfTI files field by field, independently of the product's writer.</summary>
internal sealed class NiftiBytes
{
    public bool LittleEndian { get; init; } = true;

    public bool Second { get; init; }

    public long[] Dim { get; init; } = [3, 4, 3, 2, 1, 1, 1, 1];

    public int DataType { get; init; } = 16;

    public double[] PixDim { get; init; } = [1, 0.5, 0.75, 2.5, 0, 0, 0, 0];

    public double Slope { get; init; } = 1;

    public double Inter { get; init; }

    public int Qform { get; init; }

    public int Sform { get; init; }

    public double[] Quaternion { get; init; } = [0, 0, 0, 0, 0, 0];

    public double[] Srow { get; init; } = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    public string Magic { get; init; } = "n+1\0";

    public int Extension { get; init; } = 4;

    public static int Size(int dataType) => dataType switch { 2 or 256 => 1, 4 or 512 => 2, 8 or 16 or 768 => 4, _ => 8 };

    public byte[] Build(params double[] values)
    {
        var size = Second ? 540 : 348;
        var bytes = new byte[size + Extension + (values.Length * Size(DataType))];
        Put(bytes, 0, 'i', size);
        if (Second)
        {
            "n+2\0\r\n\u001a\n"u8.CopyTo(bytes.AsSpan(4));
            Put(bytes, 12, 's', DataType);
            Put(bytes, 14, 's', 8 * Size(DataType));
            Each(Dim, (i, v) => Put(bytes, 16 + (8 * i), 'l', v));
            Each(PixDim, (i, v) => Put(bytes, 104 + (8 * i), 'd', v));
            Put(bytes, 168, 'l', size + Extension);
            Put(bytes, 176, 'd', Slope);
            Put(bytes, 184, 'd', Inter);
            Put(bytes, 192, 'd', 77);
            Put(bytes, 200, 'd', 66);
            Put(bytes, 344, 'i', Qform);
            Put(bytes, 348, 'i', Sform);
            Each(Quaternion, (i, v) => Put(bytes, 352 + (8 * i), 'd', v));
            Each(Srow, (i, v) => Put(bytes, 400 + (8 * i), 'd', v));
            Put(bytes, 500, 'i', 10);
        }
        else
        {
            Each(Dim, (i, v) => Put(bytes, 40 + (2 * i), 's', v));
            Put(bytes, 68, 's', 5);
            Put(bytes, 70, 's', DataType);
            Put(bytes, 72, 's', 8 * Size(DataType));
            Each(PixDim, (i, v) => Put(bytes, 76 + (4 * i), 'f', v));
            Put(bytes, 108, 'f', size + Extension);
            Put(bytes, 112, 'f', Slope);
            Put(bytes, 116, 'f', Inter);
            bytes[123] = 10;
            Put(bytes, 124, 'f', 77);
            Put(bytes, 128, 'f', 66);
            "a description"u8.CopyTo(bytes.AsSpan(148));
            Put(bytes, 252, 's', Qform);
            Put(bytes, 254, 's', Sform);
            Each(Quaternion, (i, v) => Put(bytes, 256 + (4 * i), 'f', v));
            Each(Srow, (i, v) => Put(bytes, 280 + (4 * i), 'f', v));
            System.Text.Encoding.ASCII.GetBytes(Magic).CopyTo(bytes, 344);
        }

        var kind =
            DataType switch
            {
                2 => 'B',
                256 => 'b',
                512 => 'S',
                4 => 's',
                768 => 'I',
                8 => 'i',
                16 => 'f',
                64 => 'd',
                1024 => 'l',
                1280 => 'L',
                _ => 'i'
            };
        Each(values, (i, v) => Put(bytes, size + Extension + (i * Size(DataType)), kind, v));
        return bytes;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return buffer.ToArray();
    }

    private static void Each<T>(T[] values, Action<int, T> action)
    {
        for (var i = 0; i < values.Length; i++)
        {
            action(i, values[i]);
        }
    }

    private void Put(byte[] bytes, int offset, char kind, double value)
    {
        byte[] field = kind switch
        {
            'B' => [(byte)value],
            'b' => [(byte)(sbyte)value],
            's' => BitConverter.GetBytes((short)value),
            'S' => BitConverter.GetBytes((ushort)value),
            'i' => BitConverter.GetBytes((int)value),
            'I' => BitConverter.GetBytes((uint)value),
            'l' => BitConverter.GetBytes((long)value),
            'L' => BitConverter.GetBytes((ulong)value),
            'f' => BitConverter.GetBytes((float)value),
            _ => BitConverter.GetBytes(value),
        };
        if (!LittleEndian)
        {
            Array.Reverse(field);
        }

        field.CopyTo(bytes, offset);
    }
}
