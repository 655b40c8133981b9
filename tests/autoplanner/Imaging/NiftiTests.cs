using System.IO.Compression;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class NiftiTests : IDisposable
{
    private static readonly Dictionary<int, (double Low, double High)> Ranges = new()
    {
        [2] = (0, 255), [256] = (-128, 127), [4] = (-32768, 32767), [512] = (0, 65535), [8] = (-2147483648, 2147483647),
        [768] = (0, 4294967295), [16] = (-1e30, 1e30), [64] = (-1e30, 1e30), [1024] = (-9e18, 9e18), [1280] = (0, 1.8e19),
    };

    private readonly TemporaryFolder folder = new();

    public static TheoryData<int, bool, bool> TypesAndOrders()
    {
        var data = new TheoryData<int, bool, bool>();
        foreach (var type in Ranges.Keys)
        {
            foreach (var little in new[] { true, false })
            {
                data.Add(type, little, false);
                data.Add(type, little, true);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(TypesAndOrders))]
    public void Values_of_every_type_and_byte_order_are_read(int type, bool littleEndian, bool second)
    {
        var random = new Random(type);
        var (low, high) = Ranges[type];
        double[] values =
            [low, high, .. Enumerable.Range(0, 22).Select(_ => Math.Round(low + (random.NextDouble() * (high - low))))];
        var nifti = new NiftiBytes { DataType = type, LittleEndian = littleEndian, Second = second };
        foreach (var (
            name, bytes) in new[] { ("a.nii", nifti.Build(values)), ("a.nii.gz", NiftiBytes.Gzip(nifti.Build(values))) })
        {
            var image = ImageFile.Read(Write(name, bytes));
            Assert.Equal(new Extent(2, 3, 4), image.Extent);
            Assert.Equal(new Spacing(2.5, 0.75, 0.5), image.Spacing);
            Assert.Equal(values.Select(value => (float)value), Assert.Single(image.Channels));
        }
    }

    [Theory]
    [InlineData(2, 5, 2, 5)]
    [InlineData(double.NaN, 5, 1, 0)]
    [InlineData(0, 5, 1, 0)]
    [InlineData(double.PositiveInfinity, 5, 1, 0)]
    [InlineData(2, double.NaN, 2, 0)]
    [InlineData(-0.5, 1000, -0.5, 1000)]
    public void Slope_and_intercept_follow_the_rules(double slope, double inter, double effectiveSlope, double effectiveInter)
    {
        var values = Enumerable.Range(0, 24).Select(i => i * 1000.0 - 10000).ToArray();
        var path = Write("a.nii", new NiftiBytes { DataType = 4, Slope = slope, Inter = inter }.Build(values));
        Assert.Equal(
            values.Select(value => (float)((value * effectiveSlope) + effectiveInter)), ImageFile.Read(path).Channels[0]);
    }

    [Fact]
    public void Fourth_and_fifth_dimension_hold_channels()
    {
        var values = Enumerable.Range(0, 48).Select(i => (double)i).ToArray();
        foreach (var dim in new long[][] { [4, 4, 3, 2, 2, 1, 1, 1], [5, 4, 3, 2, 1, 2, 1, 1] })
        {
            var path = Write("a.nii", new NiftiBytes { Dim = dim, DataType = 2 }.Build(values));
            Assert.Equal(2, ImageFile.ChannelCount(path));
            var image = ImageFile.Read(path);
            Assert.Equal(values[24..].Select(value => (float)value), image.Channels[1]);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_single_slice_keeps_its_thickness_and_a_2D_image_gets_the_coarsest_spacing_across(int rank)
    {
        var path = Write("a.nii", new NiftiBytes { Dim = [rank, 4, 3, 1, 1, 1, 1, 1], DataType = 2 }.Build(new double[12]));
        var image = ImageFile.Read(path);
        Assert.Equal(new Extent(1, 3, 4), image.Extent);
        Assert.Equal(new Spacing(rank == 2 ? 999 * 0.75 : 2.5, 0.75, 0.5), image.Spacing);
        var output = folder.File("out.nii");
        ImageFile.WriteLabels(output, new short[12], image.Geometry, 3);
        Assert.Equal(rank, BitConverter.ToInt16(File.ReadAllBytes(output), 40));
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 1)]
    [InlineData(3, 0.001)]
    [InlineData(0, 1)]
    [InlineData(8 + 3, 0.001)]
    public void Lengths_are_read_in_the_headers_unit(int unit, double millimetres)
    {
        foreach (var second in new[] { false, true })
        {
            var bytes =
                new NiftiBytes
                {
                    Second = second, DataType = 2, Sform = 1, Srow = [2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30],
                    PixDim = [1, 2, 3, 4, 0, 0, 0, 0]
                }.Build(new double[24]);
            bytes[second ? 500 : 123] = (byte)unit;
            var path = Write("a.nii", bytes);
            var image = ImageFile.Read(path);
            Assert.Equal(new Spacing(4 * millimetres, 3 * millimetres, 2 * millimetres), image.Spacing);
            double[] affine = [2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30];
            Assert.Equal(affine.Select(value => value * millimetres), image.Geometry.Affine);

            // An output of the same format keeps the unit; of another one it is in mm.
            ImageFile.WriteLabels(folder.File("out.nii"), new short[24], image.Geometry, 3);
            Assert.Equal(unit, File.ReadAllBytes(folder.File("out.nii"))[second ? 500 : 123]);
            ImageFile.WriteLabels(folder.File("out.mha"), new short[24], image.Geometry, 3);
            Assert.Equal(image.Spacing.X, ImageFile.Read(folder.File("out.mha")).Spacing.X, 1e-9);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(512)]
    [InlineData(70_000)]
    public void Zeros_behind_the_gzip_data_are_padding(int zeros)
    {
        double[] values = [.. Enumerable.Range(0, 24).Select(i => (double)i)];
        var whole = NiftiBytes.Gzip(new NiftiBytes { DataType = 2 }.Build(values));
        Assert.Equal(
            values.Select(value => (float)value), ImageFile.Read(Write("a.nii.gz", [.. whole, .. new byte[zeros]])).Channels[0]);

        // Two members, as parallel compressors write them.
        var raw = new NiftiBytes { DataType = 2 }.Build(values);
        byte[] members = [.. NiftiBytes.Gzip(raw[..100]), .. NiftiBytes.Gzip(raw[100..]), .. new byte[zeros]];
        Assert.Equal(values.Select(value => (float)value), ImageFile.Read(Write("a.nii.gz", members)).Channels[0]);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("garbage")]
    [InlineData("garbage that is longer than the trailer of a gzip member")]
    public void Other_bytes_behind_the_gzip_data_are_named(string garbage)
    {
        var whole = NiftiBytes.Gzip(new NiftiBytes { DataType = 2 }.Build(new double[24]));
        foreach (var padding in new[] { 0, 600 })
        {
            var path = Write("a.nii.gz", [.. whole, .. new byte[padding], .. System.Text.Encoding.ASCII.GetBytes(garbage)]);
            Assert.Contains(
                "bytes that do not belong", Assert.Throws<SharpSegException>(() => ImageFile.Read(path)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Gzip_data_that_are_cut_off_are_refused_at_every_length()
    {
        var whole = NiftiBytes.Gzip(new NiftiBytes { DataType = 2 }.Build([.. Enumerable.Range(0, 24).Select(i => (double)i)]));
        for (var length = 1; length < whole.Length; length++)
        {
            var path = Write("a.nii.gz", whole[..length]);
            Assert.Throws<SharpSegException>(() => ImageFile.Read(path));
            if (whole[length..].Any(value => value != 0))
            {
                Write("a.nii.gz", [.. whole[..length], .. new byte[600]]);
                Assert.Throws<SharpSegException>(() => ImageFile.Read(path));
            }
        }
    }

    [Fact]
    public void Sform_comes_before_quaternion_and_quaternion_before_spacing()
    {
        double[] srow = [0, 0.75, 0, 4, 0, 0, 2.5, 8, 0.5, 0, 0, 12];
        Assert.Equal(srow, Affine(new NiftiBytes { Sform = 1, Qform = 1, Srow = srow }));
        Assert.Equal([0.5, 0, 0, 0, 0, 0.75, 0, 0, 0, 0, 2.5, 0], Affine(new NiftiBytes { Srow = srow }));

        // Half a turn about z: x and y change sign; qfac −1 turns z.
        var turned = Affine(
            new NiftiBytes { Qform = 1, Quaternion = [0, 0, 1, 10, 20, 30], PixDim = [-1, 0.5, 0.75, 2.5, 0, 0, 0, 0] });
        Assert.Equal([-0.5, 0, 0, 10, 0, -0.75, 0, 20, 0, 0, -2.5, 30], turned);

        // A quarter turn about x (b = sin 45°): y → z, z → −y.
        var half = Math.Sqrt(0.5);
        var quarter = Affine(new NiftiBytes { Second = true, Qform = 1, Quaternion = [half, 0, 0, 0, 0, 0] });
        double[] expected = [0.5, 0, 0, 0, 0, 0, -2.5, 0, 0, 0.75, 0, 0];
        Assert.All(expected.Zip(quarter), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public void Written_labels_keep_the_header_byte_for_byte(bool second, bool littleEndian)
    {
        var nifti = new NiftiBytes
        {
            Second = second, LittleEndian = littleEndian, Dim = [4, 4, 3, 2, 2, 1, 1, 1], DataType = 64, Slope = 3, Inter = 4,
            Qform = 1, Sform = 2,
            Quaternion = [0.1, 0.2, 0.3, 1, 2, 3], Srow = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], Extension = 20,
        };
        var input = nifti.Build(new double[48]);
        var geometry = ImageFile.ReadGeometry(Write("in.nii", input));
        var labels = Enumerable.Range(0, 24).Select(i => (short)i).ToArray();
        var output = folder.File("out.nii.gz");
        foreach (var (highest, bytesEach) in new[] { (255, 1), (256, 2) })
        {
            ImageFile.WriteLabels(output, labels, geometry, highest);
            var written = Gunzip(output);
            var size = second ? 540 : 348;
            Assert.Equal(size + 4 + (24 * bytesEach), written.Length);
            (int Start, int Length)[] changed = second
                ? [(12, 4), (16, 64), (168, 40), (504, 4)]
                : [(40, 16), (68, 6), (108, 12), (124, 8)];
            for (var i = 0; i < size; i++)
            {
                if (!changed.Any(field => i >= field.Start && i < field.Start + field.Length))
                {
                    Assert.Equal(input[i], written[i]);
                }
            }

            Assert.All(written[size..(size + 4)], value => Assert.Equal(0, value));
            var back = ImageFile.ReadLabels(output);
            Assert.Equal(labels, back.Voxels);
            Assert.Equal(geometry.Extent, back.Extent);
            Assert.Equal(geometry.Spacing, back.Spacing);
            Assert.Equal(geometry.Affine, back.Geometry.Affine);
        }
    }

    [Fact]
    public void Written_floats_read_back_exactly()
    {
        foreach (var little in new[] { true, false })
        {
            var geometry = ImageFile.ReadGeometry(
                Write("in.nii", new NiftiBytes { LittleEndian = little, DataType = 4, Slope = 7 }.Build(new double[24])));
            var values = Enumerable.Range(0, 24).Select(i => MathF.Sin(i)).ToArray();
            ImageFile.WriteFloats(folder.File("out.nii.gz"), values, geometry);
            Assert.Equal(values, ImageFile.Read(folder.File("out.nii.gz")).Channels[0]);
        }
    }

    [Fact]
    public void Labels_may_be_floats_but_must_be_whole()
    {
        double[] values = [0, 1, 2, 0.9995, 2.0009, .. new double[19]];
        Assert.Equal([0, 1, 2, 1, 2], ImageFile.ReadLabels(Write("a.nii", new NiftiBytes().Build(values))).Voxels[..5]);
        foreach (var wrong in new[] { 0.5, 1.002, double.NaN, double.PositiveInfinity, 40000 })
        {
            values[^1] = wrong;
            var error = Assert.Throws<SharpSegException>(
                () => ImageFile.ReadLabels(Write("a.nii", new NiftiBytes().Build(values))));
            Assert.Contains("(1, 2, 3)", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bad_files_are_refused_with_the_reason()
    {
        var good = new NiftiBytes().Build(new double[24]);
        var gzip = NiftiBytes.Gzip(good);
        Refused("no such file", "missing.nii", null);
        Refused("empty", "a.nii", []);
        Refused("header", "a.nii", good[..200]);
        Refused("needs", "a.nii", good[..^1]);
        for (var missing = 1; missing <= 8; missing++)
        {
            Refused("cut off", "a.nii.gz", gzip[..^missing]); // inside the trailing checksum and size
        }

        Assert.Single(
            ImageFile.Read(Write("a.nii.gz", [.. NiftiBytes.Gzip(good[..400]), .. NiftiBytes.Gzip(good[400..])])).Channels);
        Refused("cut off", "a.nii.gz", gzip[..(gzip.Length / 2)]);
        Refused("not 1f 8b", "a.nii.gz", good);
        Refused("not a NIfTI file", "a.nii", new byte[1000]);
        Refused("pair", "a.nii", new NiftiBytes { Magic = "ni1\0" }.Build(new double[24]));
        Refused("Analyze", "a.nii", new NiftiBytes { Magic = "\0\0\0\0" }.Build(new double[24]), hint: true);
        Refused("pairs", "a.hdr", good);
        Refused("unknown image format", "a.txt", good);
        Refused("data type", "a.nii", new NiftiBytes { DataType = 128 }.Build(new double[24]));
        Refused("dimensions", "a.nii", new NiftiBytes { Dim = [1, 4, 1, 1, 1, 1, 1, 1] }.Build(new double[24]));
        Refused("at least 1", "a.nii", new NiftiBytes { Dim = [3, 4, 0, 2, 1, 1, 1, 1] }.Build(new double[24]));
        Refused("at least 1", "a.nii", new NiftiBytes { Dim = [3, -4, 3, 2, 1, 1, 1, 1] }.Build(new double[24]));

        // Cut off anywhere in noise, of which every byte counts.
        var noise = new double[24];
        var random = new Random(5);
        Array.ForEach(Enumerable.Range(0, 24).ToArray(), i => noise[i] = random.NextDouble());
        var whole = NiftiBytes.Gzip(new NiftiBytes { DataType = 64 }.Build(noise));
        for (var length = 2; length < whole.Length; length++)
        {
            Refused("a.nii.gz", "a.nii.gz", whole[..length]);
        }

        // A flipped bit in the trailing checksum.
        gzip[^6] ^= 1;
        Refused("damaged", "a.nii.gz", gzip);
    }

    [Fact]
    public void Absurd_sizes_are_refused_without_allocating_for_them()
    {
        long[][] dims =
            [[3, 32767, 32767, 2, 1, 1, 1, 1], [4, 1000, 1000, 1000, 8, 1, 1, 1],
                [7, 32767, 32767, 32767, 32767, 32767, 32767, 32767]];
        foreach (var dim in dims)
        {
            foreach (var second in new[] { false, true })
            {
                var bytes = new NiftiBytes { Dim = dim, Second = second, DataType = 64 }.Build(new double[5_000]);
                Bounded(() => ImageFile.Read(Write("a.nii", bytes)));
                Bounded(() => ImageFile.Read(Write("a.nii.gz", NiftiBytes.Gzip(bytes))));
            }
        }

        // A megabyte of gzip that could expand to the claimed size: only reading tells that it does not.
        var noise = new double[200_000];
        var random = new Random(1);
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = random.NextDouble();
        }

        var large = NiftiBytes.Gzip(new NiftiBytes { Dim = [3, 500, 500, 400, 1, 1, 1, 1], DataType = 64 }.Build(noise));
        Bounded(() => ImageFile.Read(Write("a.nii.gz", large)));
        Bounded(
            () =>
                ImageFile.Read(
                    Write(
                        "b.nii",
                        new NiftiBytes { Second = true, Dim = [3, long.MaxValue, long.MaxValue, 4, 1, 1, 1, 1] }.Build(0))));
    }

    [Trait("Tier", "slow")]
    [Fact]
    public void Damaged_files_only_ever_give_our_own_exception() => Seeded.Run(random =>
    {
        var values = Enumerable.Range(0, 48).Select(i => (double)(i % 3)).ToArray();
        byte[][] seeds =
        [
            new NiftiBytes { Dim = [4, 4, 3, 2, 2, 1, 1, 1], Sform = 1 }.Build(values),
            new NiftiBytes { Dim = [4, 4, 3, 2, 2, 1, 1, 1], Second = true, LittleEndian = false, DataType = 4 }.Build(values),
        ];
        var refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var compressed = round % 2 == 1;
            var bytes = (byte[])seeds[round / 2 % 2].Clone();
            var inner = round % 4 < 2;
            if (compressed && !inner)
            {
                bytes = NiftiBytes.Gzip(bytes);
            }

            for (var n = random.Next(1, 6); n > 0; n--)
            {
                bytes[random.Next(Math.Min(bytes.Length, random.Next(2) == 0 ? 120 : int.MaxValue))] = (byte)random.Next(256);
            }

            if (random.Next(3) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            if (compressed && inner)
            {
                bytes = NiftiBytes.Gzip(bytes);
            }

            var path = Write(compressed ? "a.nii.gz" : "a.nii", bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImageFile.ReadGeometry(path);
                ImageFile.Read(path);
                ImageFile.ReadLabels(path);
            }
            catch (SharpSegException)
            {
                refused++;
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 32 << 20, $"round {round}");
        }

        Assert.InRange(refused, 500, 3000);
    });

    [SharedFact]
    public void The_hippocampus_cases_are_read_as_published()
    {
        var files = Directory.GetFiles(SharedFolder.At("data", "Task04_Hippocampus", "labelsTr"), "*.nii.gz")
            .Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(200, files.Length);
        foreach (var file in files.Where((_, i) => i % 10 == 0))
        {
            var labels = ImageFile.ReadLabels(file);
            var image = ImageFile.Read(file.Replace("labelsTr", "imagesTr", StringComparison.Ordinal));
            Assert.Equal(image.Extent, labels.Extent);
            Assert.Equal(new Spacing(1, 1, 1), image.Spacing);
            Assert.Equal([0, 1, 2], labels.Voxels.Distinct().Order().Select(value => (int)value));
            Assert.All(image.Channels[0], value => Assert.True(float.IsFinite(value)));
        }
    }

    public void Dispose() => folder.Dispose();

    private static void Bounded(Action read)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<SharpSegException>(read);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
    }

    private static byte[] Gunzip(string path)
    {
        using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        using var buffer = new MemoryStream();
        gzip.CopyTo(buffer);
        return buffer.ToArray();
    }

    private double[] Affine(NiftiBytes nifti) => ImageFile.ReadGeometry(Write("a.nii", nifti.Build(new double[24]))).Affine;

    private void Refused(string reason, string name, byte[]? bytes, bool hint = false)
    {
        var path = bytes is null ? folder.File(name) : Write(name, bytes);
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(path));
        Assert.Contains(reason, hint ? error.Hint! : error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private string Write(string name, byte[] bytes)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
