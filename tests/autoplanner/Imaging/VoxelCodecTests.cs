using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Imaging;

public sealed class VoxelCodecTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Few and many values, shorter and longer than the pieces in which they come, wherever the channels lie.</summary>
    [Theory]
    [InlineData(1, 1, 100_000)]
    [InlineData(1, 3, 50_000)]
    [InlineData(50_000, 3, 1)]
    [InlineData(700, 3, 90)]
    [InlineData(4, 3, 40_000)]
    [InlineData(3, 20_000, 2)]
    [InlineData(5, 1, 7)]
    public void Every_value_comes_once_and_in_its_place(int outer, int channels, int inner)
    {
        var values = new ushort[outer * channels * inner];
        Seeded.Run(random =>
        {
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (ushort)random.Next(1 << 16);
            }

            var path = folder.File("values.raw");
            File.WriteAllBytes(path, [.. values.SelectMany(BitConverter.GetBytes)]);
            var got = Enumerable.Range(0, channels).Select(_ => new List<float>()).ToArray();
            using var source = ByteSource.OpenPlain(path);
            VoxelCodec.Decode(
                source, VoxelType.UInt16, littleEndian: true, slope: 2, inter: -1, outer, channels, inner, (c, first, piece) =>
                {
                    Assert.Equal(got[c].Count, first);
                    got[c].AddRange(piece);
                });
            for (var c = 0; c < channels; c++)
            {
                Assert.Equal(
                    Enumerable.Range(0, outer * inner).Select(
                        i => (2f * values[(((i / inner * channels) + c) * inner) + (i % inner)]) - 1),
                    got[c]);
            }
        });
    }

    /// <summary>What a compressed file only claims to hold takes no memory.</summary>
    [Fact]
    public void Arrays_grow_with_the_values_that_are_there()
    {
        var size = new Extent(1, 1 << 15, 1 << 15);
        var header = new ImageHeader(new ImageGeometry(size, new Spacing(1, 1, 1), [], "", []), 2);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var arrays = new ChannelArrays<float>("scan.nii.gz", header, isBelieved: false);
        arrays.Room(0, 0, 1000).Fill(3);
        arrays.Room(0, 1 << 20, 1000).Fill(4);
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 12 << 20, 20 << 20);
        Assert.Equal((3f, 4f), (arrays.Channels[0][999], arrays.Channels[0][1 << 20]));
    }
}
