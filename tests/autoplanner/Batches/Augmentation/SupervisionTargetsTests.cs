using SharpSeg.AutoPlanner.Batches;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>docs/method/losses-and-optimisers.md §5 and the reference's own answers.</summary>
public sealed class SupervisionTargetsTests
{
    [Theory]
    [InlineData(8, 4, new[] { 1, 3, 5, 7 })]
    [InlineData(8, 2, new[] { 2, 6 })]
    [InlineData(9, 3, new[] { 1, 4, 7 })]
    [InlineData(7, 4, new[] { 0, 2, 4, 6 })]
    [InlineData(9, 5, new[] { 0, 2, 4, 6, 8 })]
    public void Nearest_indices_match_the_specified_ones(int n, int m, int[] indices) =>
        Assert.Equal(indices, Enumerable.Range(0, m).Select(o => NearestIndex.Of(o, n, m)));

    [Fact]
    public void Sizes_round_half_to_even() =>
        Assert.Equal(new Extent(2, 4, 5), SupervisionTargets.SizeOf(new(5, 7, 10), new(2, 2, 2)));

    [Fact]
    public void Targets_match_the_reference_implementation()
    {
        var plain = new SupervisionTargets([], null);
        foreach (var test in GoldenJson.Rows(
            GoldenJson.Read("functions", "augmentation.json").GetProperty("DownsampleSegForDS"), 4, 2))
        {
            var seg = test.GetProperty("seg");
            var shape = GoldenJson.ShapeOf(seg);
            var planar = shape.Length == 3;
            var patch = planar ? new Extent(1, shape[1], shape[2]) : new Extent(shape[1], shape[2], shape[3]);
            var labels = GoldenJson.Labels(seg);
            foreach (var (scale, expected) in test.GetProperty("scales")
                .EnumerateArray().Zip(test.GetProperty("out").EnumerateArray()))
            {
                var factors = scale.EnumerateArray().Select(s => (int)Math.Round(1 / s.GetDouble())).ToList();
                var stride = planar ? new Extent(1, factors[0], factors[1]) : Extent.FromArray(factors);
                var size = SupervisionTargets.SizeOf(patch, stride);
                var values = GoldenJson.Floats(expected);
                foreach (var (channel, answer) in labels.Chunk((int)patch.Voxels).Zip(values.Chunk((int)size.Voxels)))
                {
                    var target = new float[size.Voxels];
                    plain.Write(channel, patch, size, target);
                    Assert.Equal(answer, target);
                }
            }
        }
    }

    [Fact]
    public void Overlapping_regions_and_the_ignore_map_are_written_voxel_by_voxel()
    {
        var targets = new SupervisionTargets([[1, 2, 3], [2, 3], [3]], ignoreLabel: 4);
        Assert.Equal(4, targets.Channels);
        var values = new float[20];
        targets.Write([0, 1, 2, 3, 4], new(1, 1, 5), new(1, 1, 5), values);
        Assert.Equal([0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1], values);
    }
}
