using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

public sealed class SlidingWindowTests
{
    [Theory] // docs/method/inference.md §3
    [InlineData(64, 64, .5, new[] { 0 })]
    [InlineData(65, 64, .5, new[] { 0, 1 })]
    [InlineData(97, 64, .5, new[] { 0, 16, 33 })]
    [InlineData(110, 64, .5, new[] { 0, 23, 46 })]
    [InlineData(131, 64, .5, new[] { 0, 22, 45, 67 })]
    [InlineData(150, 63, .5, new[] { 0, 29, 58, 87 })]
    [InlineData(200, 64, 1.0, new[] { 0, 45, 91, 136 })]
    [InlineData(200, 64, .25, new[] { 0, 15, 30, 45, 60, 76, 91, 106, 121, 136 })]
    [InlineData(100, 33, .3, new[] { 0, 10, 19, 29, 38, 48, 57, 67 })]
    public void Positions_are_the_specs(int image, int tile, double step, int[] expected) =>
        Assert.Equal(expected, SlidingWindow.Positions(image, tile, step));

    [Fact]
    public void Positions_are_the_references()
    {
        foreach (var row in GoldenJson.Rows("sliding_window_steps.json", 38, 38))
        {
            int[] image = Sizes(row.GetProperty("image")), patch = Sizes(row.GetProperty("patch"));
            var step = row.GetProperty("step").GetDouble();
            var expected = row.GetProperty("steps").EnumerateArray().Select(Sizes).ToArray();
            for (var axis = 0; axis < image.Length; axis++)
            {
                Assert.Equal(expected[axis], SlidingWindow.Positions(image[axis], patch[axis], step));
            }

            var tiles = new Tiling(Extents(image), Extents(patch), is2D: false, step).Tiles;
            Assert.Equal(expected.Aggregate(1, (product, positions) => product * positions.Length), tiles.Count);
        }

        static int[] Sizes(System.Text.Json.JsonElement list) => [.. list.EnumerateArray().Select(size => size.GetInt32())];
        static Extent Extents(int[] sizes) => sizes.Length == 2 ? new Extent(1, sizes[0], sizes[1]) : Extent.FromArray(sizes);
    }

    [Theory]
    [InlineData(482, 512, 512, 128, 128, 128, 343)]
    [InlineData(115, 320, 232, 80, 192, 160, 12)]
    [InlineData(20, 320, 320, 20, 320, 256, 2)]
    public void Number_of_tiles_is_the_specs(int z, int y, int x, int tz, int ty, int tx, int expected) =>
        Assert.Equal(expected, new Tiling(new Extent(z, y, x), new Extent(tz, ty, tx), is2D: false, 0.5).Tiles.Count);

    [Fact]
    public void Every_voxel_is_covered_and_no_tile_leaves_the_image() => Seeded.Run(random =>
    {
        for (var trial = 0; trial < 300; trial++)
        {
            var tile = random.Next(1, 50);
            var image = tile + random.Next(0, 120);
            var step = 0.05 + (0.95 * random.NextDouble());
            var covered = new bool[image];
            foreach (var start in SlidingWindow.Positions(image, tile, step))
            {
                for (var i = 0; i < tile; i++)
                {
                    covered[start + i] = true; // throws if the tile leaves the image
                }
            }

            Assert.DoesNotContain(false, covered);
        }
    });

    [Fact]
    public void Padding_puts_the_smaller_half_below()
    {
        var (padded, below) = SlidingWindow.Padding(new Extent(1, 1, 5), new Extent(2, 3, 8));
        Assert.Equal(new Extent(2, 3, 8), padded);
        Assert.Equal(new Extent(0, 1, 1), below);
        Assert.Equal((new Extent(3, 8, 9), new Extent(0, 1, 0)), SlidingWindow.Padding(new Extent(3, 5, 9), new Extent(1, 8, 8)));
    }
}
