using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Tests;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class DicomHeaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [InlineData(DicomSlice.ExplicitLittle, true)]
    [InlineData(DicomSlice.ImplicitLittle, true)]
    [InlineData(DicomSlice.ExplicitBig, true)]
    [InlineData(DicomSlice.Jpeg, true)]
    [InlineData(DicomSlice.ExplicitLittle, false)]
    [InlineData(DicomSlice.ImplicitLittle, false)]
    public void What_decides_about_a_volume_is_read_however_it_is_written(string syntax, bool hasMark)
    {
        var slice = new DicomSlice
        {
            Syntax = syntax, HasMark = hasMark, Nested = 3, Position = @"-10.25\1e1\30 ", Frames = 2,
        };
        var header = Read(slice.ToBytes())!;
        Assert.Equal("1.2.826.0.1.3680043.2.1143.9.3", header.Series);
        Assert.Equal((6, 7), header.Size);
        Assert.Equal(2, header.Frames);
        Assert.Equal([-10.25, 10, 30], header.Position!);
        Assert.Equal([1, 0, 0, 0, 1, 0], header.Orientation!);
        Assert.Equal([0.75, 0.75], header.PixelSpacing!);
        Assert.False(header.IsOtherObject);
    }

    [Fact]
    public void What_it_does_not_say_is_not_made_up()
    {
        var header = Read(new DicomSlice { Position = null, Orientation = @"1\0\0", PixelSpacing = @"0.75\x" }.ToBytes())!;
        Assert.Null(header.Position);
        Assert.Null(header.Orientation);
        Assert.Null(header.PixelSpacing);
        Assert.Equal(1, header.Frames);
    }

    [Fact]
    public void Other_files_and_other_objects_are_told_apart()
    {
        Assert.Null(Read("a text that is long enough"u8.ToArray()));
        Assert.Null(Read("short"u8.ToArray()));
        Assert.True(Read(new DicomSlice { SopClass = "1.2.840.10008.5.1.4.1.1.88.11" }.ToBytes())!.IsOtherObject);
    }

    [Theory]
    [InlineData(DicomSlice.ExplicitLittle)]
    [InlineData(DicomSlice.ImplicitLittle)]
    [InlineData(DicomSlice.Jpeg)]
    public void A_file_that_is_cut_off_anywhere_is_refused(string syntax)
    {
        var bytes = new DicomSlice { Syntax = syntax, Nested = 2 }.ToBytes();

        // Compressed pixels end in a mark of 8 bytes; without it they are whole.
        for (var length = 132; length < bytes.Length - (syntax == DicomSlice.Jpeg ? 8 : 0); length += 3)
        {
            var error = Assert.Throws<SharpSegException>(() => Read(bytes[..length]));
            Assert.Equal("copy that file again", error.Hint);
        }
    }

    [Fact]
    public void Damaged_bytes_end_in_a_header_or_in_one_line()
    {
        var random = new Random(5);
        foreach (var syntax in new[] { DicomSlice.ExplicitLittle, DicomSlice.ImplicitLittle, DicomSlice.Jpeg })
        {
            var whole = new DicomSlice { Syntax = syntax, Nested = 2 }.ToBytes();
            for (var trial = 0; trial < 500; trial++)
            {
                var bytes = (byte[])whole.Clone();
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    bytes[random.Next(132, bytes.Length)] = (byte)random.Next(256);
                }

                var error = Record.Exception(() => Read(bytes));
                Assert.True(error is null or SharpSegException, $"trial {trial}: {error}");
            }
        }
    }

    [Fact]
    public void Sequences_nested_without_end_are_refused() => Assert.Contains(
        "it is damaged", Assert.Throws<SharpSegException>(() => Read(new DicomSlice { Nested = 5000 }.ToBytes())).Message,
        StringComparison.Ordinal);

    public void Dispose() => folder.Dispose();

    private DicomHeader? Read(byte[] bytes)
    {
        File.WriteAllBytes(folder.File("slice"), bytes);
        return DicomHeader.Read(folder.File("slice"));
    }
}
