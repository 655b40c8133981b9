using System.Buffers.Binary;
using System.IO.Compression;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class PngTests : IDisposable
{
    // A 2×2 palette picture with 2 bits a pixel, indices 0 1 / 2 3, made by hand (a stored deflate block).
    private static readonly byte[] TwoBitRows = [0, 0b00_01_0000, 0, 0b10_11_0000];

    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 5, 1)]
    [InlineData(5, 3, 2)]
    [InlineData(31, 17, 3)]
    [InlineData(4, 9, 4)]
    public void Pictures_of_8_and_16_bits_read_back_exactly(int width, int height, int channels)
    {
        var random = new Random(width);
        var words = new ushort[width * height * channels];
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = (ushort)random.Next(65536);
        }

        var bytes = Array.ConvertAll(words, word => (byte)word);
        Png.Write(folder.File("16.png"), width, height, channels, words);
        Png.Write(folder.File("8.png"), width, height, channels, bytes);
        var deep = Png.Read(folder.File("16.png"));
        Assert.Equal((width, height, channels, 16), (deep.Width, deep.Height, deep.Channels, deep.BitDepth));
        Assert.Equal(words, deep.Samples);
        Assert.Equal(Array.ConvertAll(bytes, value => (ushort)value), Png.Read(folder.File("8.png")).Samples);

        var image = ImageFile.Read(folder.File("16.png"));
        Assert.Equal(new Extent(1, height, width), image.Extent);
        Assert.Equal(new Spacing(999, 1, 1), image.Spacing);
        Assert.Equal(channels, image.Channels.Count);
        Assert.Equal(channels, ImageFile.ChannelCount(folder.File("16.png")));
        Assert.Equal(words[^1], image.Channels[^1][^1]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Every_row_filter_is_undone(int filter)
    {
        // Two rows of RGB: residuals by the definition in the specification, 9.2.
        byte[] rows = [10, 20, 30, 11, 19, 33, 255, 0, 128, 7, 7, 7];
        var filtered = new List<byte>();
        for (var y = 0; y < 2; y++)
        {
            filtered.Add((byte)filter);
            for (var i = 0; i < 6; i++)
            {
                int a = i < 3 ? 0 : rows[(6 * y) + i - 3], b = y == 0 ? 0 : rows[i], c = y == 0 || i < 3 ? 0 : rows[i - 3];
                int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
                var expected =
                    filter switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) / 2, _ => pa <= pb && pa <= pc ? a : pb <= pc ? b : c };
                filtered.Add((byte)(rows[(6 * y) + i] - expected));
            }
        }

        Assert.Equal(rows.Select(value => (ushort)value), Png.Read(Write(Chunks(2, 2, 8, 2, 0, [.. filtered]))).Samples);
    }

    [Fact]
    public void Palette_images_become_colours_and_palette_labels_indices()
    {
        byte[] palette = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        var path = Write(Chunks(2, 2, 2, 3, 0, TwoBitRows, palette));
        Assert.Equal([0, 1, 2, 3], ImageFile.ReadLabels(path).Voxels);
        Assert.Equal([2, 5, 8, 11], ImageFile.Read(path).Channels[1]);
        Assert.Equal(3, ImageFile.ChannelCount(path));
        Refused("beyond the palette", Chunks(2, 2, 2, 3, 0, TwoBitRows, palette[..9]));
        Refused("without a palette", Chunks(2, 2, 2, 3, 0, TwoBitRows));
    }

    [Fact]
    public void Labels_are_written_as_grey_of_8_or_16_bits()
    {
        Png.Write(folder.File("in.png"), 3, 2, new byte[18]);
        var geometry = ImageFile.ReadGeometry(folder.File("in.png"));
        foreach (var highest in new[] { 5, 300 })
        {
            short[] labels = [0, 1, 2, 3, 4, (short)highest];
            ImageFile.WriteLabels(folder.File("out.png"), labels, geometry, highest);
            Assert.Equal(highest > 255 ? 16 : 8, Png.Read(folder.File("out.png")).BitDepth);
            Assert.Equal(labels, ImageFile.ReadLabels(folder.File("out.png")).Voxels);
            ImageFile.WriteLabels(folder.File("out.nii.gz"), labels, geometry, highest);
            var nifti = ImageFile.ReadLabels(folder.File("out.nii.gz"));
            Assert.Equal(labels, nifti.Voxels);
            Assert.Equal(geometry.Spacing, nifti.Spacing);
        }

        Assert.Throws<SharpSegException>(() => ImageFile.WriteFloats(folder.File("out.png"), new float[6], geometry));
    }

    [Fact]
    public void Bad_files_are_refused_with_the_reason()
    {
        var good = Chunks(2, 2, 2, 0, 0, TwoBitRows);
        Assert.Equal([0, 1, 2, 3], Png.Read(Write(good)).Samples);
        Refused("not a PNG", "GIF89a, which is another format"u8.ToArray());
        Refused("interlaced", Chunks(2, 2, 2, 0, 1, TwoBitRows));
        Refused("colour type 5", Chunks(2, 2, 8, 5, 0, TwoBitRows));
        Refused("colour type 2 with 4 bits", Chunks(2, 2, 4, 2, 0, TwoBitRows));
        Refused("0×2", Chunks(0, 2, 8, 0, 0, TwoBitRows));
        Refused("row 1", Chunks(2, 3, 2, 0, 0, TwoBitRows[..3]));
        Refused("filter 9", Chunks(2, 2, 2, 0, 0, [9, 0, 0, 0]));
        Refused("more pixels", Chunks(2, 1, 2, 0, 0, TwoBitRows));
        Refused("cannot come out", Chunks(1 << 30, 1 << 30, 16, 6, 0, TwoBitRows));
        Refused("chunk", good[..^6]);
        good[20] ^= 1;
        Refused("checksum", good);
    }

    [Fact]
    public void A_size_of_more_bytes_than_any_file_holds_is_refused()
    {
        Png.Write(folder.File("seed.png"), 20, 15, 3, new byte[900]);
        var bytes = File.ReadAllBytes(folder.File("seed.png"));
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), int.MaxValue);       // width, behind the signature and IHDR's head
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), int.MaxValue);
        (bytes[24], bytes[25]) = (16, 6);                                            // four channels of 16 bits
        MendChecksums(bytes);
        Refused("cannot come out of", bytes);
    }

    [Trait("Tier", "slow")]
    [Fact]
    public void Damaged_files_only_ever_give_our_own_exception() => Seeded.Run(random =>
    {
        Png.Write(folder.File("seed.png"), 20, 15, 3, Enumerable.Range(0, 900).Select(i => (byte)(i * i)).ToArray());
        var seed = File.ReadAllBytes(folder.File("seed.png"));
        for (var round = 0; round < 2000; round++)
        {
            var bytes = (byte[])seed.Clone();
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                bytes[random.Next(random.Next(2) == 0 ? 40 : bytes.Length)] = (byte)random.Next(256);
            }

            if (random.Next(2) == 0)
            {
                MendChecksums(bytes); // so that damage behind the checksum is met, too
            }

            if (random.Next(3) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                ImageFile.Read(Write(bytes));
            }
            catch (SharpSegException)
            {
                // the expected answer; anything else fails the test
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 32 << 20, $"round {round}");
        }
    });

    [Fact]
    public void The_reference_pictures_are_read()
    {
        var folderOfImages = SharedFolder.At("golden", "synthetic", "Dataset703_Syn2D", "imagesTr");
        var files = Directory.GetFiles(folderOfImages, "*.png");
        Assert.Equal(4, files.Length);
        foreach (var file in files)
        {
            var image = ImageFile.Read(file);
            Assert.Equal(3, image.Channels.Count);
            Assert.True(image.Channels.All(channel => channel.Distinct().Count() > 10));
        }
    }

    public void Dispose() => folder.Dispose();

    private static byte[] Chunks(int width, int height, int depth, int colour, int interlace, byte[] rows, byte[]? palette = null)
    {
        using var zlibBytes = new MemoryStream();
        using (var zlib = new ZLibStream(zlibBytes, CompressionLevel.NoCompression, leaveOpen: true))
        {
            zlib.Write(rows);
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)depth, (byte)colour, (byte)interlace);
        byte[] file =
        [
            0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a,
            .. Chunk("IHDR", header), .. palette is null ? [] : Chunk("PLTE", palette), .. Chunk("tEXt", [65, 0, 66]),
            .. Chunk("IDAT", zlibBytes.ToArray()[..5]), .. Chunk("IDAT", zlibBytes.ToArray()[5..]), .. Chunk("IEND", []),
        ];
        MendChecksums(file);
        return file;
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        var chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        System.Text.Encoding.ASCII.GetBytes(type).CopyTo(chunk, 4);
        data.CopyTo(chunk, 8);
        return chunk;
    }

    // Bit by bit from the polynomial, independent of the product's table.
    private static void MendChecksums(byte[] file)
    {
        for (var at = 8; at + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            if (length < 0 || at + 12L + length > file.Length)
            {
                return;
            }

            var crc = uint.MaxValue;
            foreach (var value in file.AsSpan(at + 4, length + 4))
            {
                crc ^= value;
                for (var bit = 0; bit < 8; bit++)
                {
                    crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
                }
            }

            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(at + 8 + length), ~crc);
            at += length + 12;
        }
    }

    private void Refused(string reason, byte[] bytes) =>
        Assert.Contains(
            reason, Assert.Throws<SharpSegException>(() => ImageFile.Read(Write(bytes))).Message, StringComparison.Ordinal);

    private string Write(byte[] bytes)
    {
        var path = folder.File("a.png");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
