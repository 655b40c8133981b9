using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace SharpSeg.Tests;

/// <summary>A tensor to be written: a window of a storage that others may share.</summary>
/// <param name="Storage">All elements of the storage.</param>
/// <param name="Shape">Extents.</param>
/// <param name="Stride">Steps; null for row-major.</param>
/// <param name="Offset">First element.</param>
/// <param name="Type">Float, Half, BFloat16 or Double.</param>
public sealed record TorchTensorToWrite(
    float[] Storage, int[] Shape, int[]? Stride = null, int Offset = 0, string Type = "Float");

/// <summary>A value of a class that no reader knows, like numpy's scalars in training logs.</summary>
public sealed record NumpyScalarToWrite(double Value);

/// <summary>
/// Writes files as torch.save does (zip of a pickle of protocol 2, and storages), for tests. Values: null, bool, int, double,
/// string, object?[] (a tuple), other lists, dictionaries with text keys, <see cref="TorchTensorToWrite"/>,
/// <see cref="NumpyScalarToWrite"/>.
/// </summary>
public sealed class TorchFileWriter
{
    private readonly List<byte> pickle = [];
    private readonly List<(float[] Storage, string Type)> storages = [];

    /// <summary>Writes a file.</summary>
    public static void Write(
        string path, object root, CompressionLevel level = CompressionLevel.NoCompression, string prefix = "archive")
    {
        using var file = new FileStream(path, FileMode.Create);
        Write(file, root, level, prefix);
    }

    /// <summary>Writes into a stream.</summary>
    public static void Write(
        Stream target, object root, CompressionLevel level = CompressionLevel.NoCompression, string prefix = "archive")
    {
        var writer = new TorchFileWriter();
        writer.pickle.AddRange([0x80, 2]);
        writer.Add(root);
        writer.pickle.Add((byte)'.');
        using var zip = new ZipArchive(target, ZipArchiveMode.Create, leaveOpen: true);
        Entry(zip, $"{prefix}/data.pkl", writer.pickle.ToArray(), level);
        Entry(zip, $"{prefix}/byteorder", "little"u8.ToArray(), level);
        for (var i = 0; i < writer.storages.Count; i++)
        {
            Entry(zip, $"{prefix}/data/{i}", Encode(writer.storages[i].Storage, writer.storages[i].Type), level);
        }

        Entry(zip, $"{prefix}/version", "3\n"u8.ToArray(), level);
    }

    private static void Entry(ZipArchive zip, string name, byte[] bytes, CompressionLevel level)
    {
        using var stream = zip.CreateEntry(name, level).Open();
        stream.Write(bytes);
    }

    private static byte[] Encode(float[] values, string type)
    {
        if (type == "Float")
        {
            return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        }

        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var value in values)
        {
            switch (type)
            {
                case "Half": writer.Write((Half)value); break;
                case "BFloat16": writer.Write((ushort)(BitConverter.SingleToInt32Bits(value) >> 16)); break;
                case "Double": writer.Write((double)value); break;
                case "Long": writer.Write((long)value); break;
                default: throw new ArgumentException(type);
            }
        }

        return bytes.ToArray();
    }

    private void Add(object? value)
    {
        switch (value)
        {
            case null: Op('N'); break;
            case bool flag: pickle.Add(flag ? (byte)0x88 : (byte)0x89); break;
            case int number: Op('J'); Int(number); break;
            case double number:
                Op('G'); var bits =
                new byte[8]; BinaryPrimitives.WriteDoubleBigEndian(bits, number); pickle.AddRange(bits); break;
            case string text: Op('X'); var utf8 = Encoding.UTF8.GetBytes(text); Int(utf8.Length); pickle.AddRange(utf8); break;
            case TorchTensorToWrite tensor: Add(tensor); break;
            case NumpyScalarToWrite scalar: Add(scalar); break;
            case object?[] tuple: Op('('); AddAll(tuple); Op('t'); break;
            case IDictionary dictionary: AddDictionary(dictionary); break;
            case IEnumerable list: Op(']'); Op('('); AddAll(list); Op('e'); break;
            default: throw new ArgumentException($"{value.GetType()} cannot be written");
        }
    }

    private void AddDictionary(IDictionary dictionary)
    {
        Op('}');
        Op('(');
        foreach (DictionaryEntry entry in dictionary)
        {
            Add(entry.Key);
            Add(entry.Value);
        }

        Op('u');
    }

    private void Add(TorchTensorToWrite tensor)
    {
        var key = storages.FindIndex(s => ReferenceEquals(s.Storage, tensor.Storage));
        if (key < 0)
        {
            key = storages.Count;
            storages.Add((tensor.Storage, tensor.Type));
        }

        var stride = tensor.Stride
            ?? [.. tensor.Shape.Select((_, axis) => tensor.Shape.Skip(axis + 1).Aggregate(1, (product, n) => product * n))];
        Global("torch._utils", "_rebuild_tensor_v2");
        Op('(');
        Op('(');
        Add("storage");
        Global("torch", tensor.Type + "Storage");
        Add(key.ToString(CultureInfo.InvariantCulture));
        Add("cpu");
        Add(tensor.Storage.Length);
        Op('t');
        Op('Q');
        Add(tensor.Offset);
        Add(tensor.Shape.Cast<object?>().ToArray());
        Add(stride.Cast<object?>().ToArray());
        Add(false);
        Global("collections", "OrderedDict");
        Op(')');
        Op('R');
        Op('t');
        Op('R');
    }

    private void Add(NumpyScalarToWrite scalar)
    {
        Global("numpy.core.multiarray", "scalar");
        Op('(');
        Global("numpy", "dtype");
        Op('(');
        AddAll(new object?[] { "f8", false, true });
        Op('t');
        Op('R');
        Op('(');
        AddAll(new object?[] { 3, "<", null, null, null, -1, -1, 0 });
        Op('t');
        Op('b');
        Global("_codecs", "encode");
        Op('(');
        Add(Encoding.Latin1.GetString(BitConverter.GetBytes(scalar.Value)));
        Add("latin1");
        Op('t');
        Op('R');
        Op('t');
        Op('R');
    }

    private void AddAll(IEnumerable values)
    {
        foreach (var value in values)
        {
            Add(value);
        }
    }

    private void Global(string module, string name) => pickle.AddRange(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

    private void Op(char op) => pickle.Add((byte)op);

    private void Int(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        pickle.AddRange(bytes);
    }
}
