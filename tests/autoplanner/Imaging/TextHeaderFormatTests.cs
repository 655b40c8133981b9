using System.IO.Compression;
using System.Text;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>MetaImage and NRRD.</summary>
public sealed class TextHeaderFormatTests : IDisposable
{
    // Axes x, y, z of 4×3×2 voxels, 0.5×0.75×2.5 mm; x runs to the patient's left, y to the front, z up.
    private const string MetaGeometry =
        "ObjectType = Image\nNDims = 3\nTransformMatrix = 1 0 0 0 -1 0 0 0 1\nOffset = 10 20 -30.125\nCenterOfRotation = 0 0 0\n" +
        "ElementSpacing = 0.5 0.75 2.5\nDimSize = 4 3 2\nAnatomicalOrientation = LAS\n";

    private const string NrrdGeometry =
        "space: left-posterior-superior\nsizes: 4 3 2\nspace directions: (0.5,0,0) (0,-0.75,0) (0,0,2.5)\nspace origin: "
            + "(10,20,-30.125)\n" +
        "kinds: domain domain domain\nunits: \"mm\" \"m m\" \"mm\"\npatient:=somebody: else\n";

    private static string Nrrd(string space) => $"NRRD0004\ntype: uchar\ndimension: 3\n{NrrdGeometry}encoding: raw\n\n"
        .Replace("left-posterior-superior", space, StringComparison.Ordinal);

    private static readonly double[] Affine = [-0.5, 0, 0, -10, 0, 0.75, 0, -20, 0, 0, 2.5, -30.125];

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string, string, bool> Types()
    {
        var data = new TheoryData<string, string, bool>();
        foreach (var (meta, nrrd) in new[]
        {
            ("MET_UCHAR", "uchar"), ("MET_CHAR", "signed char"), ("MET_SHORT", "short"), ("MET_USHORT", "unsigned short"),
            ("MET_INT", "int"),
            ("MET_UINT", "uint32"), ("MET_LONG_LONG", "long long"), ("MET_ULONG_LONG", "uint64_t"), ("MET_FLOAT", "float"),
            ("MET_DOUBLE", "double"),
        })
        {
            data.Add(meta, nrrd, true);
            data.Add(meta, nrrd, false);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_type_byte_order_and_encoding_is_read(string meta, string nrrd, bool littleEndian)
    {
        float[] values = [.. Enumerable.Range(0, 24).Select(i => (float)(i * 5))];
        var raw = Stored(values, meta, littleEndian);
        var zlib = Zlib(raw);
        var metaHeader = $"{MetaGeometry}BinaryDataByteOrderMSB = {!littleEndian}\nElementType = {meta}\n";
        var nrrdHeader =
            $"NRRD0005\n# a comment: ignored\ntype: {nrrd}\ndimension: 3\n{NrrdGeometry}endian: "
                + $"{(littleEndian ? "little" : "big")}\n";
        File.WriteAllBytes(folder.File("beside.raw"), [9, 9, .. raw]);
        (string Name, byte[] Bytes)[] files =
        [
            ("a.mha", [.. Latin(metaHeader + "ElementDataFile = LOCAL\n"), .. raw]),
            ("a.mha", [.. Latin(metaHeader + "CompressedData = True\nElementDataFile = LOCAL\n"), .. zlib]),
            ("a.mhd", Latin(metaHeader + "HeaderSize = 2\nElementDataFile = beside.raw\n")),
            ("a.mhd", Latin(metaHeader + "HeaderSize = -1\nElementDataFile = beside.raw\n")),
            ("a.nrrd", [.. Latin(nrrdHeader + "encoding: raw\n\n"), .. raw]),
            ("a.nrrd", [.. Latin(nrrdHeader.Replace("\n", "\r\n", StringComparison.Ordinal) + "encoding: raw\r\n\r\n"), .. raw]),
            ("a.nrrd", [.. Latin(nrrdHeader + "encoding: raw\nbyte skip: -1\n\n"), 1, 2, 3, .. raw]),
            ("a.nrrd",
                [.. Latin(nrrdHeader + "encoding: gzip\nbyte skip: 3\nline skip: 1\n\nskipped\n"),
                    .. NiftiBytes.Gzip([1, 2, 3, .. raw])]),
        ];
        foreach (var (name, bytes) in files)
        {
            var image = ImageFile.Read(Write(name, bytes));
            Assert.Equal(new Extent(2, 3, 4), image.Extent);
            Assert.Equal(new Spacing(2.5, 0.75, 0.5), image.Spacing);
            Assert.Equal(Affine, image.Geometry.Affine);
            Assert.Equal(values, Assert.Single(image.Channels));
        }
    }

    [Theory]
    [InlineData("left-posterior-superior")]
    [InlineData("Left-Posterior-Superior")]
    [InlineData("lps")]
    [InlineData("LPS")]
    [InlineData("LPST")]
    [InlineData("left-posterior-superior-time")]
    public void The_space_of_an_NRRD_is_known_in_any_spelling(string space)
    {
        var path = Write("a.nrrd", [.. Latin(Nrrd(space)), .. new byte[24]]);
        Assert.Equal(Affine, ImageFile.ReadGeometry(path).Affine);
        Assert.Equal(Affine, ImageFile.Read(path).Geometry.Affine);
    }

    [Fact]
    public void An_unknown_space_of_an_NRRD_is_an_error()
    {
        var path = Write("a.nrrd", [.. Latin(Nrrd("left-posterior-inferior")), .. new byte[24]]);
        Assert.Contains(
            "the space `left-posterior-inferior` is not known",
            Assert.Throws<SharpSegException>(() => ImageFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slice_cut_out_of_a_volume_has_two_axes_in_three_dimensions()
    {
        const string header =
            "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 4 3\nspace: left-posterior-superior\nspace directions: (1.5,0,0) "
                + "(0,2,0)\n" +
            "space origin: (-10,20,30)\nkinds: domain domain\nencoding: raw\n\n";
        byte[] voxels = [.. Enumerable.Range(0, 12).Select(i => (byte)i)];
        var image = ImageFile.Read(Write("a.nrrd", [.. Latin(header), .. voxels]));
        Assert.Equal(new Extent(1, 3, 4), image.Extent);
        Assert.Equal((2, 1.5), (image.Spacing.Y, image.Spacing.X));
        Assert.Equal([-1.5, 0, 0, 10, 0, -2, 0, -20, 0, 0, 1, 30], image.Geometry.Affine);
        var output = folder.File("out.nrrd");
        ImageFile.WriteLabels(output, new short[12], image.Geometry, 2);
        Assert.Equal(image.Geometry.Affine, ImageFile.Read(output).Geometry.Affine);

        // A coronal slice: x and z; the normal is y.
        var coronal = header.Replace("(0,2,0)", "(0,0,2)", StringComparison.Ordinal);
        Assert.Equal(
            [-1.5, 0, 0, 10, 0, 0, 1, -20, 0, 2, 0, 30],
            ImageFile.Read(Write("a.nrrd", [.. Latin(coronal), .. voxels])).Geometry.Affine);
    }

    [Fact]
    public void An_unsupported_encoding_is_named_for_what_it_is()
    {
        const string header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: ascii\n\n1 2 3 4 5 6 7 8";
        var path = Write("a.nrrd", Latin(header));
        Assert.Contains(
            "encoding `ascii` is not supported", Assert.Throws<SharpSegException>(() => ImageFile.Read(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("um", 0.001)]
    [InlineData("mm", 1)]
    [InlineData("cm", 10)]
    [InlineData("m", 1000)]
    public void Lengths_of_text_headers_are_read_in_their_unit(string unit, double millimetres)
    {
        double[] affine = [.. Affine.Select(value => value * millimetres)];
        var units = string.Join(' ', Enumerable.Repeat($"\"{unit}\"", 3));
        var nrrd = Nrrd("left-posterior-superior").Replace("kinds:", $"space units: {units}\nkinds:", StringComparison.Ordinal);
        (string Name, string Header)[] files = unit == "m"
            ? [("a.nrrd", nrrd)]
            : [("a.nrrd", nrrd), (
                "a.mha", $"{MetaGeometry}DistanceUnits = {unit}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n")];
        foreach (var (name, header) in files)
        {
            var geometry = ImageFile.Read(Write(name, [.. Latin(header), .. new byte[24]])).Geometry;
            Assert.Equal(
                affine.Zip(geometry.Affine).Select(_ => 0.0),
                affine.Zip(geometry.Affine).Select(pair => Math.Round(pair.First - pair.Second, 9)));
            Assert.Equal(0.5 * millimetres, geometry.Spacing.X, 1e-9);
            Assert.Equal(2.5 * millimetres, geometry.Spacing.Z, 1e-9);
        }

        const string spacings =
            "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\nspacings: 0.5 0.75 2.5\nunits: UNITS\nencoding: raw\n\n";
        var plain = ImageFile.Read(
            Write("a.nrrd", [.. Latin(spacings.Replace("UNITS", units, StringComparison.Ordinal)), .. new byte[24]]));
        Assert.Equal(0.75 * millimetres, plain.Spacing.Y, 1e-9);
    }

    [Fact]
    public void Voxels_that_are_the_last_bytes_are_found_in_compressed_data_too()
    {
        byte[] voxels = [.. Enumerable.Range(1, 24).Select(i => (byte)i)];
        byte[] preceded = [.. Enumerable.Repeat((byte)77, 64), .. voxels];
        var expected = voxels.Select(value => (float)value);
        var nrrd = Nrrd("LPS").Replace("encoding: raw", "encoding: gzip\nbyte skip: -1", StringComparison.Ordinal);
        Assert.Equal(expected, ImageFile.Read(Write("a.nrrd", [.. Latin(nrrd), .. NiftiBytes.Gzip(preceded)])).Channels[0]);
        Assert.Equal(expected, ImageFile.Read(Write("a.nrrd", [.. Latin(nrrd), .. NiftiBytes.Gzip(voxels)])).Channels[0]);
        var few = Write("a.nrrd", [.. Latin(nrrd), .. NiftiBytes.Gzip(voxels[1..])]);
        Assert.Contains(
            "need 24 bytes, but 23", Assert.Throws<SharpSegException>(() => ImageFile.Read(few)).Message,
            StringComparison.Ordinal);

        var zlib = Zlib(voxels);
        File.WriteAllBytes(folder.File("beside.zraw"), [9, 9, 9, .. zlib]);
        var meta =
            $"{MetaGeometry}CompressedData = True\nHeaderSize = -1\nElementType = MET_UCHAR\nSIZEElementDataFile = "
                + "./beside.zraw\n";
        var sized = meta.Replace("SIZE", $"CompressedDataSize = {zlib.Length}\n", StringComparison.Ordinal);
        Assert.Equal(expected, ImageFile.Read(Write("a.mhd", Latin(sized))).Channels[0]);
        var unsized = Write("a.mhd", Latin(meta.Replace("SIZE", "", StringComparison.Ordinal)));
        Assert.Contains(
            "CompressedDataSize", Assert.Throws<SharpSegException>(() => ImageFile.Read(unsized)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_of_zlib_data_is_their_true_end()
    {
        var whole = Zlib([.. Enumerable.Range(1, 24).Select(i => (byte)i)]);
        var header = Latin($"{MetaGeometry}CompressedData = True\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n");
        string At(byte[] data) => Write("a.mha", [.. header, .. data]);
        Assert.Equal(24f, ImageFile.Read(At([.. whole, .. new byte[512]])).Channels[0][23]);
        Assert.Contains(
            "do not belong", Assert.Throws<SharpSegException>(() => ImageFile.Read(At([.. whole, 7]))).Message,
            StringComparison.Ordinal);
        for (var length = 1; length < whole.Length; length++)
        {
            Assert.Throws<SharpSegException>(() => ImageFile.Read(At(whole[..length])));
        }
    }

    [Fact]
    public void A_detached_NRRD_header_is_named()
    {
        var path = Write("a.nhdr", Latin(Nrrd("LPS")));
        Assert.Contains(
            "in another file", Assert.Throws<SharpSegException>(() => ImageFile.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Channels_are_found_interleaved_and_as_an_axis()
    {
        // Value = 10·voxel + channel.
        byte[] interleaved = [.. Enumerable.Range(0, 12).SelectMany(v => new[] { (byte)(10 * v), (byte)((10 * v) + 1) })];
        byte[] planar = [.. Enumerable.Range(0, 2).SelectMany(c => Enumerable.Range(0, 12).Select(v => (byte)((10 * v) + c)))];
        byte[] middle =
            [.. Enumerable.Range(0, 3)
                .SelectMany(
                    z => Enumerable.Range(0, 2)
                        .SelectMany(c => Enumerable.Range(0, 4).Select(xy => (byte)((10 * ((4 * z) + xy)) + c))))];
        const string meta =
            "NDims = 3\nDimSize = 2 2 3\nElementType = MET_UCHAR\nElementNumberOfChannels = 2\nElementDataFile = LOCAL\n";
        const string meta4 =
            "NDims = 4\nDimSize = 2 2 3 2\nElementSpacing = 1 2 3 1\nOffset = 1 2 3 4\nElementType = MET_UCHAR\nElementDataFile "
                + "= LOCAL\n";
        const string nrrd = "NRRD0004\ntype: uchar\ndimension: 4\nencoding: raw\nsizes: ";
        const string directions = "space: RAS\nspace directions: ";
        (string Name, string Header, byte[] Data)[] files =
        [
            ("a.mha", meta, interleaved),
            ("a.mha", meta4, planar),
            ("a.nrrd", $"{nrrd}2 2 2 3\nkinds: vector domain domain domain\n\n", interleaved),
            ("a.nrrd", $"{nrrd}2 2 3 2\n{directions}(1,0,0) (0,2,0) (0,0,3) none\n\n", planar),
            ("a.nrrd", $"{nrrd}2 2 3 2\n\n", planar),
            ("a.nrrd", $"{nrrd}2 2 2 3\nkinds: domain domain list domain\n\n", middle),
        ];
        foreach (var (name, header, data) in files)
        {
            var path = Write(name, [.. Latin(header), .. data]);
            Assert.Equal(2, ImageFile.ChannelCount(path));
            var image = ImageFile.Read(path);
            Assert.Equal(new Extent(3, 2, 2), image.Extent);
            for (var c = 0; c < 2; c++)
            {
                Assert.Equal(Enumerable.Range(0, 12).Select(v => (float)((10 * v) + c)), image.Channels[c]);
            }

            short[] labels = [.. Enumerable.Range(0, 12).Select(i => (short)i)];
            var output = folder.File("out" + Path.GetExtension(name));
            ImageFile.WriteLabels(output, labels, image.Geometry, 11);
            var back = ImageFile.ReadLabels(output);
            Assert.Equal(labels, back.Voxels);
            Assert.Equal((image.Extent, image.Spacing), (back.Extent, back.Spacing));
            Assert.Equal(image.Geometry.Affine, back.Geometry.Affine);
        }
    }

    [Fact]
    public void Outputs_keep_the_lines_that_tell_the_geometry()
    {
        var raw = new byte[24];
        (string Name, string Header, string[] Kept)[] files =
        [
            ("a.mha", $"{MetaGeometry}ElementType = MET_UCHAR\nElementDataFile = LOCAL\n", MetaGeometry.Split('\n')),
            ("a.nrrd", $"NRRD0005\ntype: uchar\ndimension: 3\nencoding: raw\n{NrrdGeometry}\n", NrrdGeometry.Split('\n')),
        ];
        short[] labels = [.. Enumerable.Range(0, 24).Select(i => (short)(i * 20))];
        foreach (var (name, header, kept) in files)
        {
            var geometry = ImageFile.ReadGeometry(Write(name, [.. Latin(header), .. raw]));
            var output = folder.File("out" + Path.GetExtension(name));
            ImageFile.WriteLabels(output, labels, geometry, 460);
            Assert.Equal(labels, ImageFile.ReadLabels(output).Voxels);
            Assert.Equal(geometry.Affine, ImageFile.ReadGeometry(output).Affine);
            var written = Encoding.Latin1.GetString(File.ReadAllBytes(output)).Split('\n');
            Assert.All(kept.Where(line => line.Length > 0), line => Assert.Contains(line, written));
            ImageFile.WriteFloats(output, Array.ConvertAll(labels, label => label / 7f), geometry);
            Assert.Equal(Array.ConvertAll(labels, label => label / 7f), ImageFile.Read(output).Channels[0]);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    public void Geometry_survives_from_format_to_format(int rank)
    {
        var nifti = new NiftiBytes
        {
            Dim = [rank, 4, 3, rank == 2 ? 1 : 2, 1, 1, 1, 1], DataType = 2, Sform = rank == 3 ? 1 : 0,
            Srow = [-0.3, 0, 2, -10, 0.4, 0, 1.5, -20, 0, 0.75, 0, 30],
        };
        var count = rank == 2 ? 12 : 24;
        var geometry = ImageFile.ReadGeometry(Write("a.nii", nifti.Build(new double[count])));
        short[] labels = [.. Enumerable.Range(0, count).Select(i => (short)i)];
        foreach (var name in new[] { "out.mha", "out.mhd", "out.nrrd", "out.nii" })
        {
            foreach (var from in new[] { geometry, geometry with { Format = "other", RawHeader = [] } })
            {
                ImageFile.WriteLabels(folder.File(name), labels, from, 30);
                var back = ImageFile.ReadLabels(folder.File(name));
                Assert.Equal(labels, back.Voxels);
                Assert.Equal(geometry.Extent, back.Extent);
                Assert.Equal(geometry.Spacing.X, back.Spacing.X, 1e-6);
                Assert.Equal(geometry.Spacing.Z, back.Spacing.Z, rank == 2 ? 1e-3 : 1e-6);
                if (rank == 3)
                {
                    Assert.All(geometry.Affine.Zip(back.Geometry.Affine), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
                }
            }
        }
    }

    [Fact]
    public void Bad_files_are_refused_with_the_reason()
    {
        const string meta = "NDims = 3\nDimSize = 4 3 2\nElementType = MET_UCHAR\n";
        const string nrrd = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 4 3 2\n";
        var raw = new byte[24];
        Refused("not a MetaImage", "a.mha", "hello\nworld\n", raw);
        Refused("does not end", "a.mha", "Comment = " + new string('x', 100_000), raw);
        Refused("needs 24 bytes", "a.mha", meta + "ElementDataFile = LOCAL\n", raw[..23]);
        Refused("`NDims` is missing", "a.mha", "ObjectType = Image\nElementDataFile = LOCAL\n", raw);
        Refused(
            "`DimSize` is `4 3`", "a.mha",
            meta.Replace("4 3 2", "4 3", StringComparison.Ordinal) + "ElementDataFile = LOCAL\n", raw);
        Refused("MET_BOOL", "a.mha", meta.Replace("UCHAR", "BOOL", StringComparison.Ordinal) + "ElementDataFile = LOCAL\n", raw);
        Refused("as text", "a.mha", meta + "BinaryData = False\nElementDataFile = LOCAL\n", raw);
        Refused("only one file in the same folder", "a.mhd", meta + "ElementDataFile = ../../etc/passwd\n", []);
        Refused("only one file in the same folder", "a.mhd", meta + "ElementDataFile = LIST\n", []);
        Refused("no such file", "a.mhd", meta + "ElementDataFile = none.raw\n", []);
        Refused(
            "at most", "a.mha",
            meta.Replace("4 3 2", "4000 3000 2000", StringComparison.Ordinal) + "ElementDataFile = LOCAL\n", raw);
        Refused(
            "can have at most", "a.mha", meta.Replace("4 3 2", "400 300 200", StringComparison.Ordinal)
                + "CompressedData = True\nElementDataFile = LOCAL\n", Zlib(raw));
        Refused("checksum", "a.mha", meta + "CompressedData = True\nElementDataFile = LOCAL\n", Zlib(raw)[..^1]);
        Refused("does not start with", "a.nrrd", "PNG\nxx", raw);
        Refused("needs 24 bytes", "a.nrrd", nrrd + "encoding: raw\n\n", raw[..23]);
        Refused("`encoding` is missing", "a.nrrd", nrrd + "\n", raw);
        Refused("bzip2", "a.nrrd", nrrd + "encoding: bzip2\n\n", raw);
        Refused("another file", "a.nrrd", nrrd + "encoding: raw\ndata file: x.raw\n\n", raw);
        Refused(
            "`endian`", "a.nrrd", nrrd.Replace("uchar", "short", StringComparison.Ordinal) + "encoding: raw\n\n", new byte[48]);
        Refused("block", "a.nrrd", nrrd.Replace("uchar", "block", StringComparison.Ordinal) + "encoding: raw\n\n", raw);
        Refused("`sizes`", "a.nrrd", nrrd.Replace("4 3 2", "4 3 2 2", StringComparison.Ordinal) + "encoding: raw\n\n", raw);
        Refused("not spatial", "a.nrrd", nrrd + "kinds: vector list domain\nencoding: raw\n\n", raw);
        Refused("cut off", "a.nrrd", nrrd + "encoding: gzip\n\n", NiftiBytes.Gzip(raw)[..^4]);
    }

    [Trait("Tier", "slow")]
    [Fact]
    public void Damaged_files_only_ever_give_our_own_exception()
    {
        var random = new Random(11);
        var values = new float[24];
        (string Name, byte[] Bytes)[] seeds =
        [
            ("a.mha",
                [.. Latin($"{MetaGeometry}ElementType = MET_FLOAT\nElementDataFile = LOCAL\n"),
                    .. Stored(values, "MET_FLOAT", true)]),
            ("a.mha",
                [.. Latin($"{MetaGeometry}ElementType = MET_FLOAT\nCompressedData = True\nElementDataFile = LOCAL\n"),
                    .. Zlib(Stored(values, "MET_FLOAT", true))]),
            ("a.nrrd",
                [.. Latin($"NRRD0005\ntype: float\ndimension: 3\n{NrrdGeometry}endian: little\nencoding: raw\n\n"),
                    .. Stored(values, "MET_FLOAT", true)]),
            ("a.nrrd",
                [.. Latin($"NRRD0005\ntype: float\ndimension: 3\n{NrrdGeometry}endian: little\nencoding: gzip\n\n"),
                    .. NiftiBytes.Gzip(Stored(values, "MET_FLOAT", true))]),
        ];
        for (var round = 0; round < 3000; round++)
        {
            var (name, seed) = seeds[round % seeds.Length];
            var bytes = (byte[])seed.Clone();
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                // Digits, blanks and signs into the header make wild sizes; any byte anywhere makes the rest.
                bytes[random.Next(bytes.Length)] = random.Next(2) == 0
                    ? (byte)"0123456789 .-e\n="[random.Next(16)]
                    : (byte)random.Next(256);
            }

            if (random.Next(4) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            var path = Write(name, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImageFile.ReadGeometry(path);
                var image = ImageFile.Read(path);
                if (round % 16 < 4) // each write waits for the disk
                {
                    ImageFile.WriteLabels(
                        folder.File("out" + Path.GetExtension(name)), new short[image.Extent.Voxels], image.Geometry, 3);
                }
            }
            catch (SharpSegException)
            {
                // the expected answer; anything else fails the test
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 32 << 20, $"round {round}");
        }
    }

    public void Dispose() => folder.Dispose();

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);

    private static byte[] Zlib(byte[] bytes)
    {
        using var buffer = new MemoryStream();
        using (var zlib = new ZLibStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(bytes);
        }

        return buffer.ToArray();
    }

    private static byte[] Stored(float[] values, string type, bool littleEndian) => [.. values.SelectMany(value =>
    {
        byte[] one = type switch
        {
            "MET_UCHAR" => [(byte)value],
            "MET_CHAR" => [(byte)(sbyte)value],
            "MET_SHORT" => BitConverter.GetBytes((short)value),
            "MET_USHORT" => BitConverter.GetBytes((ushort)value),
            "MET_INT" => BitConverter.GetBytes((int)value),
            "MET_UINT" => BitConverter.GetBytes((uint)value),
            "MET_LONG_LONG" => BitConverter.GetBytes((long)value),
            "MET_ULONG_LONG" => BitConverter.GetBytes((ulong)value),
            "MET_FLOAT" => BitConverter.GetBytes(value),
            _ => BitConverter.GetBytes((double)value),
        };
        return littleEndian ? one : one.Reverse();
    })];

    private void Refused(string reason, string name, string header, byte[] data)
    {
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(Write(name, [.. Latin(header), .. data])));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private string Write(string name, byte[] bytes)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
