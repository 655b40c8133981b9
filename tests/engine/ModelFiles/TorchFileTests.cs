using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.ModelFiles;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.Engine.Tests.ModelFiles;

/// <summary>
/// Files of torch.save: what is understood, what is left alone, and one clear line for everything that is wrong.
/// </summary>
public sealed class TorchFileTests
{
    private static readonly float[] Six = [1, -2, 3.5f, 4, 5, 6.25f];

    [Theory]
    [InlineData("Float", CompressionLevel.NoCompression)]
    [InlineData("Half", CompressionLevel.Optimal)]
    [InlineData("BFloat16", CompressionLevel.NoCompression)]
    [InlineData("Double", CompressionLevel.Fastest)]
    public void Tensors_of_all_floating_types_come_back(string type, CompressionLevel level)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        TorchFileWriter.Write(path, Root(new TorchTensorToWrite(Six, [2, 3], Type: type)), level); // all exact in all types
        using var file = TorchFile.Open(path);
        Assert.Equal(Six, Read(file, out var shape));
        Assert.Equal([2, 3], shape);
    }

    [Fact]
    public void Strides_offsets_and_shared_storages_are_honoured()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        TorchFileWriter.Write(path, new Dictionary<string, object?>
        {
            ["transposed"] = new TorchTensorToWrite(Six, [3, 2], Stride: [1, 3]),
            ["tail"] = new TorchTensorToWrite(Six, [2], Offset: 4),
            ["repeated"] = new TorchTensorToWrite(Six, [2, 2], Stride: [0, 1], Offset: 1),
            ["scalar"] = new TorchTensorToWrite(Six, [], Offset: 2),
            ["nothing"] = new TorchTensorToWrite(Six, [0, 7]),
        });
        using var file = TorchFile.Open(path);
        Assert.Equal([1, 4, -2, 5, 3.5f, 6.25f], Read(file, out _, "transposed"));
        Assert.Equal([5, 6.25f], Read(file, out _, "tail"));
        Assert.Equal([-2, 3.5f, -2, 3.5f], Read(file, out _, "repeated"));
        Assert.Equal([3.5f], Read(file, out var shape, "scalar"));
        Assert.Empty(shape);
        Assert.Empty(Read(file, out _, "nothing"));
    }

    [Fact]
    public void Values_keep_their_kinds_and_unknown_classes_disturb_nothing()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        TorchFileWriter.Write(path, new Dictionary<string, object?>
        {
            ["text"] = "grün", ["number"] = -7, ["real"] = 0.25, ["yes"] = true, ["none"] = null,
            ["tuple"] = new object?[] { 0, 1 }, ["list"] = new List<object?> { "a", new NumpyScalarToWrite(3) },
        });
        using var file = TorchFile.Open(path);
        var root = Assert.IsType<OrderedDictionary<string, object?>>(file.Root);
        Assert.Equal(["text", "number", "real", "yes", "none", "tuple", "list"], root.Keys);
        Assert.Equal("grün", root["text"]);
        Assert.Equal(-7L, root["number"]);
        Assert.Equal(0.25, root["real"]);
        Assert.Equal(true, root["yes"]);
        Assert.Null(root["none"]);
        Assert.Equal([0L, 1L], Assert.IsType<object?[]>(root["tuple"]));
        var list = Assert.IsType<List<object?>>(root["list"]);
        Assert.Equal(new PickleOpaque("numpy.core.multiarray.scalar"), list[1]);
    }

    [Fact]
    public void Operations_of_newer_protocols_are_read()
    {
        // PROTO 4, FRAME, (dict) MEMOIZE, MARK, SHORT_BINUNICODE + MEMOIZE, LONG1, …, STACK_GLOBAL, NEWOBJ, SETITEMS, STOP.
        byte[] pickle =
        [
            0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, (byte)'}', 0x94, (byte)'(',
            0x8c, 1, (byte)'a', 0x94, 0x8a, 2, 0x00, 0xff,                                                   // -256
            // what MEMOIZE kept second
            0x8c, 1, (byte)'b', (byte)'h', 1,
            0x8c, 1, (byte)'c', 0x8c, 1, (byte)'m', 0x8c, 1, (byte)'n', 0x93, (byte)')', 0x81,
            0x8c, 1, (byte)'d', (byte)'C', 2, 7, 8,
            0x8c, 1, (byte)'e', 0x8f, (byte)'(', (byte)'K', 1, 0x90,
            (byte)'u', (byte)'.',
        ];
        var root = Assert.IsType<OrderedDictionary<string, object?>>(Pickle.Read(pickle));
        Assert.Equal(-256L, root["a"]);
        Assert.Equal("a", root["b"]);
        Assert.Equal(new PickleOpaque("m.n"), root["c"]);
        Assert.Equal([7, 8], Assert.IsType<byte[]>(root["d"]));
        Assert.IsType<PickleOpaque>(root["e"]);
    }

    [Fact]
    public void Nothing_is_called()
    {
        // What a malicious pickle does: os.system("touch …").
        using var folder = new TemporaryFolder();
        var witness = Path.Combine(folder.Path, "witness");
        var path = Path.Combine(folder.Path, "a.pth");
        Zip(
            path,
            ("archive/data.pkl", Encoding.ASCII.GetBytes($"\u0080\u0002cos\nsystem\n(X".Replace("\u0080", ""))
                .Prepend((byte)0x80).ToArray()));
        Assert.Throws<ModelFileException>(() => TorchFile.Open(path));
        byte[] text = Encoding.ASCII.GetBytes($"touch {witness}");
        byte[] call =
            [0x80, 2, .. Encoding.ASCII.GetBytes("cposix\nsystem\n"), 0x8c, (byte)text.Length, .. text, 0x85,
                (byte)'R', (byte)'.'];
        Zip(path, ("archive/data.pkl", call));
        using (var file = TorchFile.Open(path))
        {
            Assert.Equal(new PickleOpaque("posix.system"), file.Root);
        }

        Assert.False(File.Exists(witness));
    }

    [Theory]
    [InlineData("8002", "ends where 1 more bytes")]
    [InlineData("80022E", "empty stack")]
    [InlineData("8002742E", "never began")]
    [InlineData("800228303F2E", "empty stack")]                                                             // POP below a MARK
    [InlineData("80025800FFFFFF2E", "claims a length")]
    [InlineData("80025800FFFF002E", "more bytes are expected")]
    [InlineData("8002682A2E", "never kept")]
    [InlineData("80024D00", "more bytes")]
    [InlineData("8002692E", "operation 0x69")]                                                              // INST, of protocol 0
    [InlineData("80637D2E", "protocol 99")]
    [InlineData("80027D284B01752E", "without a value")]
    [InlineData("800263616263", "inside a name")]
    public void A_damaged_pickle_is_one_line(string hex, string expected)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        Zip(path, ("archive/data.pkl", Convert.FromHexString(hex)));
        var error = Assert.Throws<ModelFileException>(() => TorchFile.Open(path));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void What_is_no_such_file_is_told_apart()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        Expect([], "the file is empty");
        Expect("hello world, no zip"u8.ToArray(), "not a file of torch.save");
        Expect(
            [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
            "torch.save(torch.load(file), file)");
        Expect("PK\u0003\u0004 and then nothing"u8.ToArray(), "a.pth: ");
        Zip(path, ("archive/other", [1]));
        Fails("no data.pkl");
        Zip(path, ("a/data.pkl", [0x80, 2, (byte)'N', (byte)'.']), ("b/data.pkl", [1]));
        Fails("several data.pkl");
        Zip(path, ("a/data.pkl", [0x80, 2, (byte)'N', (byte)'.']), ("a/data.pkl", [1]));
        Fails("twice");
        Zip(path, ("a/data.pkl", [0x80, 2, (byte)'N', (byte)'.']), ("a/byteorder", "big"u8.ToArray()));
        Fails("big-endian");
        Zip(path, ("a/data.pkl", new byte[Pickle.MostBytes + 1]));
        Fails("claims to unpack");

        void Expect(byte[] bytes, string message)
        {
            File.WriteAllBytes(path, bytes);
            Fails(message);
        }

        void Fails(string message) =>
            Assert.Contains(
                message, Assert.Throws<ModelFileException>(() => TorchFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_that_lie_are_refused_when_they_are_wanted()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        TorchFileWriter.Write(path, new Dictionary<string, object?>
        {
            ["beyond"] = new TorchTensorToWrite(Six, [7]),
            ["negative"] = new TorchTensorToWrite(Six, [2], Stride: [-1], Offset: 3),
            ["huge"] = new TorchTensorToWrite(Six, [int.MaxValue, int.MaxValue, int.MaxValue], Stride: [0, 0, 0]),
            ["counts"] = new TorchTensorToWrite([1, 2], [2], Type: "Long"),
        });
        using var file = TorchFile.Open(path);
        var root = (OrderedDictionary<string, object?>)file.Root!;
        Assert.Contains("reaches to element 6", Assert.IsType<PickleOpaque>(root["beyond"]).What, StringComparison.Ordinal);
        Assert.IsType<PickleOpaque>(root["negative"]);
        Assert.IsType<PickleOpaque>(root["huge"]);
        var counts = Assert.IsType<TorchTensor>(root["counts"]);
        Assert.Contains(
            "type Long", Assert.Throws<ModelFileException>(() => file.Read("counts", counts, new float[2])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_byte_of_the_data_is_found()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "a.pth");
        TorchFileWriter.Write(path, Root(new TorchTensorToWrite(Six, [6])));
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf(BitConverter.GetBytes(6.25f));
        bytes[at + 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var file = TorchFile.Open(path);
        Assert.Contains("damaged", Assert.Throws<ModelFileException>(() => Read(file, out _)).Message, StringComparison.Ordinal);
    }

    [SharedFact]
    public void A_checkpoint_of_nnUNet_is_read_whole()
    {
        using var file = TorchFile.Open(
            SharedFolder.At("golden", "predict", "hip_3d", "model", "fold_0", "checkpoint_final.pth"));
        var root = Assert.IsType<OrderedDictionary<string, object?>>(file.Root);
        Assert.Equal("3d_fullres", ((OrderedDictionary<string, object?>)root["init_args"]!)["configuration"]);
        var weights = Assert.IsType<OrderedDictionary<string, object?>>(root["network_weights"]);
        Assert.All(weights, pair => Assert.IsType<TorchTensor>(pair.Value));
        foreach (var (name, tensor) in weights.Select(pair => (pair.Key, (TorchTensor)pair.Value!)))
        {
            var values = new float[tensor.Length];
            file.Read(name, tensor, values);
            Assert.All(values, value => Assert.True(float.IsFinite(value)));
        }
    }

    private static Dictionary<string, object?> Root(TorchTensorToWrite tensor) => new() { ["w"] = tensor };

    private static float[] Read(TorchFile file, out IReadOnlyList<int> shape, string name = "w")
    {
        var tensor = Assert.IsType<TorchTensor>(((OrderedDictionary<string, object?>)file.Root!)[name]);
        shape = tensor.Shape;
        var values = new float[tensor.Length];
        file.Read(name, tensor, values);
        return values;
    }

    private static void Zip(string path, params (string Name, byte[] Bytes)[] entries)
    {
        using var file = new FileStream(path, FileMode.Create);
        using var zip = new ZipArchive(file, ZipArchiveMode.Create);
        foreach (var (name, bytes) in entries)
        {
            using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }
    }
}
