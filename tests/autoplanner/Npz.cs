using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Tests;

/// <summary>One array of a NumPy file, as doubles in C order.</summary>
public sealed record NpyArray(int[] Shape, string Type, double[] Values)
{
    public float[] Floats => [.. Values.Select(value => (float)value)];

    public short[] Labels => [.. Values.Select(value => (short)value)];
}

/// <summary>
/// Reads NumPy's .npz (a zip of .npy, little endian, C order): floats of 2, 4, 8 bytes, integers of 1, 2, 4, 8 bytes, bool.
/// </summary>
public static partial class Npz
{
    public static IReadOnlyDictionary<string, NpyArray> Read(string path)
    {
        using var zip = ZipFile.OpenRead(path);
        var arrays = new Dictionary<string, NpyArray>();
        foreach (var entry in zip.Entries)
        {
            using var stream = entry.Open();
            using var memory = new MemoryStream();
            stream.CopyTo(memory);
            arrays[entry.FullName.Replace(".npy", "", StringComparison.Ordinal)] = Parse(
                memory.ToArray(), $"{path}:{entry.FullName}");
        }

        return arrays;
    }

    private static NpyArray Parse(byte[] bytes, string name)
    {
        var isLong = bytes[6] >= 2;
        var headerLength = isLong
            ? BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8))
            : BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        var dataStart = (isLong ? 12 : 10) + headerLength;
        var header = Encoding.ASCII.GetString(bytes, isLong ? 12 : 10, headerLength);
        if (header.Contains("'fortran_order': True", StringComparison.Ordinal))
        {
            throw new NotSupportedException($"{name}: Fortran order");
        }

        var type = TypePattern().Match(header).Groups[1].Value;
        int[] shape =
        [
            .. ShapePattern().Match(header).Groups[1].Value.Split(
                ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(size => int.Parse(size, System.Globalization.CultureInfo.InvariantCulture)),
        ];
        var size = int.Parse(type[2..], System.Globalization.CultureInfo.InvariantCulture);
        var values = new double[shape.Aggregate(1, (product, length) => product * length)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Value(bytes.AsSpan(dataStart + i * size, size), type, name);
        }

        return new NpyArray(shape, type, values);
    }

    private static double Value(ReadOnlySpan<byte> bytes, string type, string name) => type[1..] switch
    {
        "f2" => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
        "f4" => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        "f8" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        "b1" or "u1" => bytes[0],
        "i1" => (sbyte)bytes[0],
        "i2" => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        "u2" => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        "i4" => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        "i8" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        _ => throw new NotSupportedException($"{name}: element type {type}"),
    };

    [GeneratedRegex("'descr': '([^']+)'")]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"'shape': \(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
