using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class SplineTests
{
    private static readonly float[] Line = [1, 2, 4, 3, 0, 5];

    [Theory]
    [InlineData(-0.25, 0)]
    [InlineData(0, 1)]
    [InlineData(0.5, 1.257775)]
    [InlineData(1.25, 2.526465)]
    [InlineData(2.75, 3.767868)]
    [InlineData(4.9, 4.882349)]
    [InlineData(5, 5)]
    [InlineData(5.1, 0)]
    public void The_specified_line_is_interpolated(double position, double expected)
    {
        // A patch of one voxel sits at the centre of the initial patch: shift that centre to the wanted position by an
        // elastic-free matrix
        // over two outputs, so that output 0 lies at 2.5 − k/2.
        var source = new MemoryCase("line", new(1, 1, 6), Line, new short[6], []);
        var scale = 2 * (2.5 - position);
        var geometry = new PatchGeometry(new(1, 1, 2), source.Shape, Is2D: true, Dummy2D: false, 0);
        var transform = new SpatialTransform(Matrix3.Scaling(1, 1, scale), 0, 0, false);
        var sample = new PatchSample(geometry.Patch, 1, false);
        Processor.Transform(Profile.Classic, source, default, geometry, transform, sample);
        Assert.Equal(expected, sample.Image[0], 2e-5);
    }

    [Fact]
    public void A_case_smaller_than_the_patch_is_padded_before_filtering()
    {
        // Zeros around the line: the reference is the same line with the padding written out.
        var padded = new float[16];
        Line.CopyTo(padded, 5);
        var geometry = new PatchGeometry(new(1, 1, 9), new(1, 1, 16), Is2D: true, Dummy2D: false, 0);
        var transform = new SpatialTransform(Matrix3.Scaling(1, 1, 1.3), 0, 0, false);
        var whole = new PatchSample(geometry.Patch, 1, true);
        var labels = Enumerable.Repeat((short)-1, 16).ToArray();
        var zeros = new short[16];
        labels.AsSpan(5, 6).Fill(1);
        Processor.Transform(
            Profile.Classic, new MemoryCase("whole", new(1, 1, 16), padded, labels, [1], null, zeros), default, geometry,
            transform, whole);
        var part = new PatchSample(geometry.Patch, 1, true);
        Processor.Transform(
            Profile.Classic,
            new MemoryCase("part", new(1, 1, 6), Line, Enumerable.Repeat((short)1, 6).ToArray(), [1], null, new short[6]),
            new(0, 0, -5), geometry, transform, part);
        Assert.Equal(whole.Image, part.Image);
        Assert.Equal(whole.Labels, part.Labels);
        Assert.Equal(whole.Previous, part.Previous);
    }
}
