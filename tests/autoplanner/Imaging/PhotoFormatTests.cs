using BitMiracle.LibTiff.Classic;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;
using Xunit.Abstractions;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

/// <summary>
/// TIFF, BMP and JPEG: files that other programs wrote (tests/golden/imaging), our own written back, and damaged ones.
/// </summary>
public sealed class PhotoFormatTests(ITestOutputHelper output) : IDisposable
{
    private const int Width = 24, Height = 18;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("lzw.tif")]
    [InlineData("zip.tif")]
    [InlineData("packbits.tif")]
    [InlineData("tiled.tif")]
    [InlineData("planar.tif")]
    [InlineData("big.tif")]
    public void Tiff_of_every_layout_gives_the_picture(string file)
    {
        var image = ImageFile.Read(Golden(file));
        AssertPhoto(image, 3);
        for (var i = 0; i < Width * Height; i++)
        {
            int x = i % Width, y = i / Width;
            Assert.Equal(
                (10 * x % 256, 14 * y % 256, 6 * (x + y) % 256),
                ((int)image.Channels[0][i], (int)image.Channels[1][i], (int)image.Channels[2][i]));
        }
    }

    [Theory]
    [InlineData("rgb.jpg", "rgb.raw", 3)]
    [InlineData("progressive.jpg", "rgb.raw", 3)]
    [InlineData("gray.jpg", "gray.raw", 1)]
    [InlineData("rgb.bmp", "rgb.raw", 3)]
    [InlineData("gray.bmp", "gray.raw", 1)]
    public void Jpeg_and_bmp_give_the_pixels_of_libjpeg(string file, string expected, int channels)
    {
        var image = ImageFile.Read(Golden(file));
        AssertPhoto(image, channels);
        Assert.Equal(channels, ImageFile.ChannelCount(Golden(file)));
        var pixels = File.ReadAllBytes(Golden(expected));
        for (var i = 0; i < pixels.Length; i++)
        {
            Assert.Equal(pixels[i], image.Channels[i % channels][i / channels]);
        }
    }

    [Theory]
    [InlineData(".tif", 200)]
    [InlineData(".tiff", 70000 / 256)]
    [InlineData(".bmp", 200)]
    public void Segmentations_of_photographs_come_back(string ending, short highest)
    {
        short[] labels = [.. Enumerable.Range(0, Width * Height).Select(i => (short)(i % (highest + 1)))];
        var path = folder.File("labels" + ending);
        ImageFile.WriteLabels(path, labels, ImageFile.ReadGeometry(Golden("rgb.jpg")), highest);
        Assert.Equal(labels, ImageFile.ReadLabels(path).Voxels);
    }

    [Fact]
    public void A_volume_keeps_its_spacing_in_a_file_beside_it()
    {
        var extent = new Extent(5, 4, 3);
        float[] voxels = [.. Enumerable.Range(0, 60).Select(i => i - 0.5f)];
        var geometry = new ImageGeometry(
            extent, new Spacing(2.5, 0.5, 0.75), [0.75, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 2.5, 0], "tiff", []);
        var path = folder.File("case_0000.tif");
        ImageFile.WriteFloats(path, voxels, geometry);
        Assert.Equal(new Spacing(2.5, 0.5, 0.75), ImageFile.ReadGeometry(path).Spacing);

        // nnU-Net names it after the case, for all channels.
        File.Move(folder.File("case_0000.json"), folder.File("case.json"));
        var image = ImageFile.Read(path);
        Assert.Equal((extent, new Spacing(2.5, 0.5, 0.75)), (image.Extent, image.Spacing));
        Assert.Equal(voxels, image.Channels[0]);
        Assert.Equal([path, folder.File("case.json")], ImageFile.FilesOf(path));
        File.Delete(folder.File("case.json"));
        Assert.Equal(new Spacing(1, 1, 1), ImageFile.ReadGeometry(path).Spacing);
        File.WriteAllText(folder.File("case.json"), """{"spacing": [1, 0, 1]}""");
        Assert.Contains(
            "three positive numbers", Assert.Throws<SharpSegException>(() => ImageFile.Read(path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_bitmap_wider_than_its_file_is_refused_before_a_row_of_it_is_allocated()
    {
        var bytes = File.ReadAllBytes(Golden("rgb.bmp"));
        BitConverter.TryWriteBytes(bytes.AsSpan(18), 1 << 30);                 // width
        BitConverter.TryWriteBytes(bytes.AsSpan(22), 1);                       // height
        File.WriteAllBytes(folder.File("wide.bmp"), bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("wide.bmp", Assert.Throws<SharpSegException>(() => ImageFile.Read(folder.File("wide.bmp"))).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    /// <summary>What the library would take in memory for them is gigabytes.</summary>
    [Fact]
    public void A_tiff_that_claims_more_than_it_holds_is_refused_before_that_is_allocated()
    {
        Refused(
            "zip.tif", (TiffTag.IMAGEWIDTH, TiffType.LONG, 50000), (TiffTag.IMAGELENGTH, TiffType.LONG, int.MaxValue),
            (TiffTag.ROWSPERSTRIP, TiffType.LONG, 1));
        Refused(
            "tiled.tif", (TiffTag.IMAGEWIDTH, TiffType.LONG, 30000), (TiffTag.IMAGELENGTH, TiffType.LONG, 30000),
            (TiffTag.TILEWIDTH, TiffType.LONG, 1), (TiffTag.TILELENGTH, TiffType.LONG, 1));
        Refused("tiled.tif", (TiffTag.TILEWIDTH, TiffType.LONG, 20480), (TiffTag.TILELENGTH, TiffType.LONG, 20480));
        Refused("zip.tif", (TiffTag.STRIPBYTECOUNTS, TiffType.LONG, 1_000_000));

        // Tiles of 2 by as many rows as a strip has; and of sides that are negative to the library, so that their number is not.
        var half = File.ReadAllBytes(Golden("zip.tif"));
        SetField(half, TiffTag.IMAGEWIDTH, TiffType.LONG, 60000);
        SetField(half, TiffTag.IMAGELENGTH, TiffType.LONG, 60000);
        SetField(half, TiffTag.ORIENTATION, TiffType.LONG, 2);
        BitConverter.TryWriteBytes(half.AsSpan(EntryOf(half, TiffTag.ORIENTATION)), (ushort)TiffTag.TILEWIDTH);
        RefusedBytes("zip.tif", half);
        Refused(
            "tiled.tif", (TiffTag.IMAGEWIDTH, TiffType.LONG, 30000), (TiffTag.IMAGELENGTH, TiffType.LONG, 30000),
            (TiffTag.TILEWIDTH, TiffType.LONG, uint.MaxValue - 1), (TiffTag.TILELENGTH, TiffType.LONG, uint.MaxValue - 1));

        // The last of three planes: longer than the file; or beyond its end, and all lengths unreadable.
        var planar = File.ReadAllBytes(Golden("planar.tif"));
        var tooLong = (byte[])planar.Clone();
        BitConverter.TryWriteBytes(
            tooLong.AsSpan(ArrayOf(tooLong, TiffTag.STRIPBYTECOUNTS) + (2 * sizeof(ushort))), (ushort)60000);
        RefusedBytes("planar.tif", tooLong);
        BitConverter.TryWriteBytes(planar.AsSpan(ArrayOf(planar, TiffTag.STRIPOFFSETS) + (2 * sizeof(uint))), 2_902_458_473);
        SetField(planar, TiffTag.STRIPBYTECOUNTS, TiffType.NOTYPE, 0);
        RefusedBytes("planar.tif", planar);

        void Refused(string file, params (TiffTag Tag, TiffType Type, uint Value)[] fields)
        {
            var bytes = File.ReadAllBytes(Golden(file));
            Array.ForEach(fields, field => SetField(bytes, field.Tag, field.Type, field.Value));
            RefusedBytes(file, bytes);
        }

        void RefusedBytes(string file, byte[] bytes)
        {
            var path = folder.File(file);
            File.WriteAllBytes(path, bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(path));
            Assert.Contains(file, error.Message, StringComparison.Ordinal);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
        }
    }

    /// <summary>Labels made with Python are often whole numbers of 64 bits.</summary>
    [Fact]
    public void Tiff_of_every_number_gives_its_values()
    {
        AssertValues<ulong>(SampleFormat.UINT, BitConverter.GetBytes, 0, 1, 4_000_000_000);
        AssertValues<long>(SampleFormat.INT, BitConverter.GetBytes, 0, -1, 4_000_000_000);
        AssertValues<uint>(SampleFormat.UINT, BitConverter.GetBytes, 0, 1, 4_000_000_000);
        AssertValues<int>(SampleFormat.INT, BitConverter.GetBytes, 0, -1, 2_000_000_000);
        AssertValues<ushort>(SampleFormat.UINT, BitConverter.GetBytes, 0, 1, 65535);
        AssertValues<short>(SampleFormat.INT, BitConverter.GetBytes, 0, -1, -32768);
        AssertValues<byte>(SampleFormat.UINT, value => [value], 0, 1, 255);
        AssertValues<sbyte>(SampleFormat.INT, value => [(byte)value], 0, -1, -128);
        AssertValues(SampleFormat.IEEEFP, BitConverter.GetBytes, (Half)0, (Half)(-1.5f), (Half)65504);
        AssertValues<float>(SampleFormat.IEEEFP, BitConverter.GetBytes, 0, -1.5f, 1e30f);
        AssertValues<double>(SampleFormat.IEEEFP, BitConverter.GetBytes, 0, -1.5, 1e30);
    }

    private void AssertValues<T>(SampleFormat format, Func<T, byte[]> bytes, params T[] values)
        where T : System.Numerics.INumber<T>
    {
        foreach (var mode in new[] { "wl", "wb" })                            // lowest byte first, highest byte first
        {
            using (var tiff = Tiff.Open(folder.File("numbers.tif"), mode))
            {
                BeginPage(tiff, values.Length, 1, 8 * bytes(values[0]).Length, format);
                tiff.WriteScanline([.. values.SelectMany(bytes)], 0);
            }

            Assert.Equal(values.Select(float.CreateChecked), ImageFile.Read(folder.File("numbers.tif")).Channels[0]);
        }
    }

    [Fact]
    public void A_tiff_that_the_library_cannot_read_is_refused_by_name()
    {
        const uint zstandard = 50000;
        Assert.Contains(
            "its compression, number 50000, is not supported", Refused(TiffTag.COMPRESSION, zstandard), StringComparison.Ordinal);
        Assert.Contains(
            "YCbCr colours are not supported", Refused(TiffTag.PHOTOMETRIC, (uint)Photometric.YCBCR), StringComparison.Ordinal);
        File.WriteAllBytes(folder.File("big.tif"), [.. "MM\0+\0\b\0\0\0\0\0\0\0\0\0"u8, 16, .. new byte[16]]);
        Assert.Contains(
            "a BigTIFF file with the highest byte first is not supported",
            Assert.Throws<SharpSegException>(() => ImageFile.Read(folder.File("big.tif"))).Message, StringComparison.Ordinal);

        string Refused(TiffTag tag, uint value)
        {
            var bytes = File.ReadAllBytes(Golden("zip.tif"));
            SetField(bytes, tag, TiffType.SHORT, value);
            File.WriteAllBytes(folder.File("changed.tif"), bytes);
            return Assert.Throws<SharpSegException>(() => ImageFile.Read(folder.File("changed.tif"))).Message;
        }
    }

    [Fact]
    public void A_tiff_page_of_several_slices_is_refused()
    {
        var bytes = File.ReadAllBytes(Golden("zip.tif"));
        SetField(bytes, TiffTag.ORIENTATION, TiffType.SHORT, 2);
        BitConverter.TryWriteBytes(bytes.AsSpan(EntryOf(bytes, TiffTag.ORIENTATION)), (ushort)TiffTag.IMAGEDEPTH);
        File.WriteAllBytes(folder.File("deep.tif"), bytes);
        var error = Assert.Throws<SharpSegException>(() => ImageFile.Read(folder.File("deep.tif")));
        Assert.Contains("2 slices in one page", error.Message, StringComparison.Ordinal);
    }

    /// <summary>As nnU-Net's reader has it: what is no volume is refused, what is one is read.</summary>
    [Theory]
    [InlineData("ImageJ=1.53k\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n", 6, "its pages are 2 channels, 3 slices")]
    [InlineData("ImageJ=1.53k\r\nimages=6\r\nslices=3\r\nframes=2\r\n", 6, "its pages are 3 slices, 2 frames")]
    [InlineData("ImageJ=1.53k\nimages=6\nslices=6\nloop=false\n", 1, "it has 6 slices, but 1 page")]
    [InlineData("ImageJ=1.53k\nimages=6\n", 1, "it has 6 images, but 1 page")]
    [InlineData("ImageJ=1.53k\nimages=6\nframes=6\n", 6, null)]
    [InlineData("ImageJ=1.53k\nimages=4\nslices=4\n", 6, null)]
    [InlineData("<?xml?><OME><Pixels ID=\"Pixels:0\" SizeC=\"2\" SizeT=\"1\" SizeX=\"3\" SizeY=\"2\" SizeZ=\"3\"/></OME>", 6,
        "its pages are 2 channels, 3 slices")]
    [InlineData("<ome:OME><ome:Pixels SizeZ='3' SizeC='1' SizeT='2'></ome:Pixels></ome:OME>", 6, "3 slices, 2 points in time")]
    [InlineData("<OME><Pixels SizeZ='6' SizeC='1' SizeT='1'></Pixels></OME>", 6, null)]
    [InlineData("{\"shape\": [2, 3, 2, 3]}", 6, "its pages are 2 planes along axis 0, 3 planes along axis 1")]
    [InlineData("{\"shape\": [6, 2, 3], \"truncated\": true}", 1, "it has 6 planes along axis 0, but 1 page")]
    [InlineData("{\"shape\": [1, 6, 2, 3]}", 6, null)]
    [InlineData("{\"shape\": [6, 2, 3, 1]}", 6, null)]
    [InlineData("{\"shape\": 5}", 6, null)]
    [InlineData("{braces} and nothing else", 6, null)]
    public void What_a_tiff_says_of_its_pages_is_heard(string description, short pages, string? problem)
    {
        var path = folder.File("described.tif");
        using (var tiff = Tiff.Open(path, "w"))
        {
            for (var page = 0; page < pages; page++)
            {
                BeginPage(tiff, 3, 2, 8, SampleFormat.UINT);
                if (page == 0)
                {
                    tiff.SetField(TiffTag.IMAGEDESCRIPTION, description);
                }

                tiff.WriteScanline([1, 2, 3], 0);
                tiff.WriteScanline([4, 5, 6], 1);
                tiff.WriteDirectory();
            }
        }

        if (problem is null)
        {
            Assert.Equal(new Extent(pages, 2, 3), ImageFile.Read(path).Extent);
        }
        else
        {
            Assert.Contains(
                problem, Assert.Throws<SharpSegException>(() => ImageFile.ReadGeometry(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_segmentation_is_not_written_as_jpeg()
    {
        var error = Assert.Throws<SharpSegException>(() =>
            ImageFile.WriteLabels(folder.File("a.jpg"), new short[Width * Height], ImageFile.ReadGeometry(Golden("rgb.jpg")), 1));
        Assert.Contains("JPEG changes the values", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Photographs_are_found_as_cases()
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, "photos"));
        File.Copy(Golden("rgb.jpg"), folder.File("photos", "a.jpg"));
        File.Copy(Golden("rgb.bmp"), folder.File("photos", "b.bmp"));
        var description = new DatasetDescription(
            "d", ["R", "G", "B"], new([new("background", [0]), new("a", [1])]), ".png", null);
        Assert.Equal(
            ["a", "b"], PredictionInputs.Find([folder.File("photos", "a.jpg"), folder.File("photos", "b.bmp")], description)
                .Select(item => item.Id));
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_in_one_line()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("SHARPSEG_TEST_SEED"), out var given)
            ? given
            : Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var refused = 0;
        foreach (var file in new[] { "lzw.tif", "tiled.tif", "zip.tif", "rgb.jpg", "progressive.jpg", "rgb.bmp", "gray.bmp" })
        {
            var original = File.ReadAllBytes(Golden(file));
            var path = folder.File("damaged" + Path.GetExtension(file));
            for (var i = 0; i < 150; i++)
            {
                var bytes = (byte[])original.Clone();
                for (var change = random.Next(1, 6); change > 0; change--)
                {
                    bytes[random.Next(i % 2 == 0 ? Math.Min(200, bytes.Length) : bytes.Length)] = (byte)random.Next(256);
                }

                File.WriteAllBytes(path, i % 5 == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
                try
                {
                    ImageFile.Read(path);
                }
                catch (SharpSegException error)
                {
                    Assert.DoesNotContain('\n', error.Message);
                    refused++;
                }
            }
        }

        Assert.True(refused > 100, $"only {refused} damaged files were refused");
    }

    private static void BeginPage(Tiff tiff, int width, int height, int bits, SampleFormat format)
    {
        tiff.SetField(TiffTag.IMAGEWIDTH, width);
        tiff.SetField(TiffTag.IMAGELENGTH, height);
        tiff.SetField(TiffTag.BITSPERSAMPLE, bits);
        tiff.SetField(TiffTag.SAMPLEFORMAT, format);
        tiff.SetField(TiffTag.SAMPLESPERPIXEL, 1);
        tiff.SetField(TiffTag.PHOTOMETRIC, Photometric.MINISBLACK);
        tiff.SetField(TiffTag.PLANARCONFIG, PlanarConfig.CONTIG);
    }

    /// <summary>Changes a field of one number in a little-endian TIFF's first directory.</summary>
    private static void SetField(byte[] file, TiffTag tag, TiffType type, uint value)
    {
        var entry = EntryOf(file, tag);
        Assert.True(BitConverter.TryWriteBytes(file.AsSpan(entry + 2), (ushort)type));
        Assert.True(BitConverter.TryWriteBytes(file.AsSpan(entry + 8), value)); // of a short number the lower half counts
    }

    /// <summary>Where the numbers of a field of several stand in the file.</summary>
    private static int ArrayOf(byte[] file, TiffTag tag) => BitConverter.ToInt32(file, EntryOf(file, tag) + 8);

    private static int EntryOf(byte[] file, TiffTag tag)
    {
        const int entryBytes = 12;
        var entry = BitConverter.ToInt32(file, 4) + 2;
        while (BitConverter.ToUInt16(file, entry) != (int)tag)
        {
            entry += entryBytes;
        }

        return entry;
    }

    private static void AssertPhoto(MedicalImage image, int channels)
    {
        Assert.Equal(new Extent(1, Height, Width), image.Extent);
        Assert.Equal(new Spacing(999, 1, 1), image.Spacing);
        Assert.Equal(channels, image.Channels.Count);
    }

    private static string Golden(string file) => Path.Combine(AppContext.BaseDirectory, "golden", "imaging", file);
}
