using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using SharpSeg.AutoPlanner.Tests;
using SharpSeg.Engine.ModelFiles;
using Xunit;

namespace SharpSeg.Engine.Tests.ModelFiles;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = folder.File("model.safetensors");
        float[] values = [1f, -0f, float.NaN, float.PositiveInfinity, 1e-40f, 3.14f];
        Save(
            path,
            [new("b", [2, 3], values.CopyTo), new("a", [], t => t[0] = 7f), new("empty", [0, 4], _ => { })],
            new Dictionary<string, string> { ["epoch"] = "12", ["name"] = "ü \"quoted\"" });
        using var reader = SafetensorsReader.Open(path);
        Assert.Equal(["b", "a", "empty"], reader.Names.OrderBy(n => n.Length == 1 ? 'z' - n[0] : 100));
        Assert.Equal([2, 3], reader.Shape("b"));
        Assert.Equal([0, 4], reader.Shape("empty"));
        var back = new float[6];
        reader.Read("b", back);
        Assert.Equal(values.Select(BitConverter.SingleToInt32Bits), back.Select(BitConverter.SingleToInt32Bits));
        reader.Read("a", back.AsSpan(0, 1));
        Assert.Equal(7f, back[0]);
        Assert.Equal("ü \"quoted\"", reader.Metadata["name"]);
        Assert.True(reader.HasChecksums);
        reader.Verify();
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        var path = folder.File("model.safetensors");
        Save(path, [new("w", [2], t => (t[0], t[1]) = (1f, 2f))]);
        var bytes = File.ReadAllBytes(path);
        var data = XxHash64.Of([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]).ToString("x16", CultureInfo.InvariantCulture);
        string Header(string own) => $$$"""{"__metadata__":{"sharpseg.xxh64":"{{{data}}}{{{own}}}"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";
        var zeros = Header(new string('0', 16));
        var sum = XxHash64.Of(Encoding.UTF8.GetBytes(zeros.PadRight((zeros.Length + 7) / 8 * 8)));
        var header = Header(sum.ToString("x16", CultureInfo.InvariantCulture));
        var padded = (header.Length + 7) / 8 * 8;
        Assert.Equal((ulong)padded, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        Assert.Equal(header.PadRight(padded), Encoding.UTF8.GetString(bytes, 8, padded));
        Assert.Equal([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], bytes[(8 + padded)..]);
    }

    [Fact]
    public void Half_and_double_precision_are_read_as_float32()
    {
        var path = folder.File("mixed.safetensors");
        byte[] data = [.. BitConverter.GetBytes((Half)1.5), 0xC0, 0x3F, .. BitConverter.GetBytes(0.1)];
        Write(path, """{"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},"d":{"dtype":"F64","shape":[1],"data_offsets":[4,12]}}""", data);
        using var reader = SafetensorsReader.Open(path);
        Assert.Equal([1.5f, 1.5f, 0.1f], new[] { "h", "b", "d" }.Select(name => Read(reader, name)));

        static float Read(SafetensorsReader r, string name)
        {
            var value = new float[1];
            r.Read(name, value);
            return value[0];
        }
    }

    [Theory]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "outside the file")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "should have")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "begins at byte 4")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "impossible extent")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", 4, "claims")]
    [InlineData("""{"w":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}""", 4, "the type I8")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1]}}""", 4, "lacks")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "begins at byte 0")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "twice")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "not valid Unicode")]
    [InlineData("""{"__metadata__": {"a": "\ud800"}}""", 0, "not valid Unicode")]
    [InlineData("""{"__metadata__": {"a": "1", "a": "2"}}""", 0, "twice")]
    [InlineData("""{"__metadata__": {"sharpseg.xxh64": "00"}}""", 0, "checksums")]
    [InlineData("""[1, 2]""", 0, "not a JSON object")]
    [InlineData("""{"__metadata__": {"a": 1}}""", 0, "not text")]
    [InlineData("""{"w": """, 0, "not valid JSON")]
    public void Damaged_files_are_refused_by_name(string header, int dataLength, string complaint)
    {
        var path = folder.File("damaged.safetensors");
        Write(path, header, new byte[dataLength]);
        var e = Assert.Throws<ModelFileException>(() => SafetensorsReader.Open(path));
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(complaint, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_shorter_than_its_header_is_refused()
    {
        var path = folder.File("short.safetensors");
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Throws<ModelFileException>(() => SafetensorsReader.Open(path));
        File.WriteAllBytes(path, [255, 255, 255, 255, 255, 255, 255, 127, 0]);
        Assert.Throws<ModelFileException>(() => SafetensorsReader.Open(path));
    }

    [Fact]
    public void Every_bit_that_flips_is_noticed()
    {
        var path = folder.File("model.safetensors");
        Save(
            path, [new("w", [3], t => (t[0], t[1], t[2]) = (1f, -2.5f, 1e-20f)), new("v", [2], t => (t[0], t[1]) = (0f, 4f))],
            new Dictionary<string, string> { ["mirror_axes"] = "[0,1,2]" });
        var bytes = File.ReadAllBytes(path);
        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, damaged);
            var error = Record.Exception(() =>
            {
                using var reader = SafetensorsReader.Open(path);
                Assert.True(reader.HasChecksums || !reader.Metadata.ContainsKey("sharpseg.xxh64"));
                reader.Verify();
                Assert.True(reader.HasChecksums, "the checksums' own name was hit");
            });
            Assert.True(
                error is ModelFileException or Xunit.Sdk.TrueException { Message: "the checksums' own name was hit" },
                $"bit {bit}: {error}");
        }
    }

    [Fact]
    public void A_damaged_tensor_is_noticed_when_it_is_read()
    {
        var path = folder.File("model.safetensors");
        Save(path, [new("w", [3], t => (t[0], t[1], t[2]) = (1f, 2f, 3f))]);
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var reader = SafetensorsReader.Open(path);
        Assert.Contains(
            "'w' is not the one that was written",
            Assert.Throws<ModelFileException>(() => reader.Read("w", new float[3])).Message, StringComparison.Ordinal);
        Assert.Throws<ModelFileException>(reader.Verify);
    }

    [Fact]
    public void Two_tensors_of_one_name_are_not_written() =>
        Assert.Throws<ArgumentException>(
            () => Save(folder.File("a.safetensors"), [new("w", [1], _ => { }), new("w", [1], _ => { })]));

    [Fact]
    public void A_wrong_name_or_length_is_refused()
    {
        var path = folder.File("model.safetensors");
        Save(path, [new("w", [2], t => t.Clear())]);
        using var reader = SafetensorsReader.Open(path);
        Assert.Throws<ModelFileException>(() => reader.Read("v", new float[2]));
        Assert.Throws<ModelFileException>(() => reader.Read("w", new float[3]));
    }

    public void Dispose() => folder.Dispose();

    private static void Save(string path, IReadOnlyList<SafetensorsEntry> tensors, Dictionary<string, string>? metadata = null)
    {
        using var file = File.Create(path);
        Safetensors.Write(file, tensors, metadata);
    }

    private static void Write(string path, string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((ulong)text.Length), .. text, .. data]);
    }
}
