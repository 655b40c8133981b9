using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Preprocessing;

public sealed class ForegroundLocationsTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(50, 50)]
    [InlineData(9999, 9999)]
    [InlineData(15000, 10000)]
    [InlineData(1000000, 10000)]
    [InlineData(1000001, 10001)]
    [InlineData(2500000, 25000)]
    public void Sample_counts_equal_the_worked_examples(long voxels, int expected) =>
        Assert.Equal(expected, ForegroundLocations.SampleCount(voxels));

    [Fact]
    public void Every_location_has_its_label_and_occurs_once()
    {
        var shape = new Extent(30, 31, 32);
        var labels = Enumerable.Range(0, (int)shape.Voxels).Select(i => (short)(i % 7 == 0 ? 2 : i % 2 - 1)).ToArray();
        labels[5] = 3;
        var scheme = new LabelScheme([new("background", [0]), new("a", [1]), new("b", [2]), new("c", [3])]);
        var lists = ForegroundLocations.Sample(labels, shape, scheme);
        Assert.Equal(["1", "2", "3"], lists.Select(list => list.Key));
        Assert.Equal(0, lists[0].Count);
        Assert.Equal(labels.Count(label => label == 2), lists[1].Count);
        Assert.Equal(new Extent(0, 0, 5), lists[2][0]);
        Assert.All(Enumerable.Range(0, lists[1].Count), i => Assert.Equal(2, labels[Index(lists[1][i], shape)]));
        Assert.Equal(lists[1].Count, Enumerable.Range(0, lists[1].Count).Select(i => lists[1][i]).Distinct().Count());
    }

    [Fact]
    public void Large_classes_are_sampled_evenly_and_reproducibly()
    {
        var shape = new Extent(40, 50, 60);
        var labels = new short[shape.Voxels];
        labels.AsSpan().Fill(1);
        var scheme = new LabelScheme([new("background", [0]), new("a", [1])]);
        var list = ForegroundLocations.Sample(labels, shape, scheme)[0];
        Assert.Equal(120000, list.Voxels);
        Assert.Equal(10000, list.Count);
        Assert.Equal(10000, Enumerable.Range(0, list.Count).Select(i => list[i]).Distinct().Count());

        // Binomial with standard deviation about 46: five of them.
        Assert.InRange(Enumerable.Range(0, list.Count).Count(i => list[i].Z < 20), 4770, 5230);
        Assert.Equal(list.Coordinates, ForegroundLocations.Sample(labels, shape, scheme)[0].Coordinates);
    }

    [Fact]
    public void Regions_overlap_and_ignored_voxels_are_not_annotated()
    {
        short[] labels = [-1, 0, 1, 2, 3, 1];
        var scheme = new LabelScheme(
            [new("background", [0]), new("whole", [1, 2]), new("core", [2]), new("ignore", [3])], [1, 2]);
        var lists = ForegroundLocations.Sample(labels, new Extent(1, 1, 6), scheme);
        Assert.Equal(["(1, 2)", "2", ClassLocations.AnnotatedKey], lists.Select(list => list.Key));
        Assert.Equal([3, 1, 5], lists.Select(list => list.Count));
        Assert.DoesNotContain(new Extent(0, 0, 4), Enumerable.Range(0, 5).Select(i => lists[2][i]));
    }

    private static int Index(Extent at, Extent shape) => (at.Z * shape.Y + at.Y) * shape.X + at.X;
}
