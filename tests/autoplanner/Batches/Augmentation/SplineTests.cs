using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class SplineTests
{
    private static readonly float[] Line = [1, 2, 4, 3, 0, 5];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Coefficients_of_the_specified_line_match_along_every_axis(int axis)
    {
        // Several lines side by side, each with a different factor.
        var size = new Extent(3, 3, 3).With(axis, 6);
        var values = new float[size.Voxels];
        ForEach(size, (i, at) => values[i] = Line[at[axis]] * Factor(at, axis));
        SplineFilter.Apply(values, 0, size, size.X, size.X * size.Y, axis);
        double[] expected = [0.645933, 1.708134, 4.521531, 4.205742, -3.344498, 9.172249];
        ForEach(size, (i, at) => Assert.Equal(expected[at[axis]] * Factor(at, axis), values[i], 1e-4));
    }

    [Fact]
    public void A_single_sample_and_a_pair_are_filtered_too()
    {
        float[] one = [7];
        SplineFilter.Apply(one, 0, Extent.One, 1, 1, 2);
        Assert.Equal(7, one[0]);

        // Two samples a, b: the spline through them with mirror boundary has c₀ = 2a − b, c₁ = 2b − a (4c₀ + 2c₁ = 6a).
        float[] two = [1, 4];
        SplineFilter.Apply(two, 0, new(1, 1, 2), 2, 2, 2);
        Assert.Equal(-2, two[0], 1e-5f);
        Assert.Equal(7, two[1], 1e-5f);
    }

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
        // A patch of one voxel sits at the centre of the initial patch: shift that centre to the wanted position by an elastic-free matrix
        // over two outputs, so that output 0 lies at 2.5 − k/2.
        var source = new MemoryCase("line", new(1, 1, 6), Line, new short[6], []);
        var scale = 2 * (2.5 - position);
        var geometry = new PatchGeometry(new(1, 1, 2), source.Shape, Is2D: true, Dummy2D: false, 0);
        var transform = new SpatialTransform(Matrix3.Scaling(1, 1, scale), 0, 0, false);
        var sample = new PatchSample(geometry.Patch, 1, false);
        new SplineSampler().Sample(source, default, geometry, transform, 0, new CounterRandom(0), sample);
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
        new SplineSampler().Sample(
            new MemoryCase("whole", new(1, 1, 16), padded, labels, [1], null, zeros), default, geometry, transform, 0, new CounterRandom(0), whole);
        var part = new PatchSample(geometry.Patch, 1, true);
        new SplineSampler().Sample(
            new MemoryCase("part", new(1, 1, 6), Line, Enumerable.Repeat((short)1, 6).ToArray(), [1], null, new short[6]),
            new(0, 0, -5), geometry, transform, 0, new CounterRandom(0), part);
        Assert.Equal(whole.Image, part.Image);
        Assert.Equal(whole.Labels, part.Labels);
        Assert.Equal(whole.Previous, part.Previous);
    }

    private static int Factor(int[] at, int axis) => 1 + at[(axis + 1) % 3] + (3 * at[(axis + 2) % 3]);

    private static void ForEach(Extent size, Action<int, int[]> action)
    {
        for (var i = 0; i < size.Voxels; i++)
        {
            action(i, [i / (size.X * size.Y), i / size.X % size.Y, i % size.X]);
        }
    }
}
