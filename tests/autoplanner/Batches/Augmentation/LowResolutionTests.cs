using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>docs/method/augmentation.md §6, and the reference's own answers.</summary>
public sealed class LowResolutionTests
{
    [Theory]
    [InlineData(0.5, new[] { 3, 3.5f, 4.5f, 3.75f, 1.25f, 1.75f, 5.25f, 7 })]
    [InlineData(0.7, new[] { 1, 1.625f, 3.125f, 4.875f, 4.125f, 5.25f, 6.375f, 7 })]
    [InlineData(0.56, new[] { 3, 3.5f, 4.5f, 3.75f, 1.25f, 1.75f, 5.25f, 7 })]
    public void The_specified_line_loses_resolution_along_every_axis(double zoom, float[] expected)
    {
        float[] line = [1, 3, 2, 5, 4, 0, 6, 7];
        for (var axis = 0; axis < 3; axis++)
        {
            var size = Extent.One.With(axis, 8);
            var values = (float[])line.Clone();
            Apply(values, size, LowResolution.SmallSize(size, zoom, keepZ: false));
            IntensityTests.AssertClose(expected, values);
        }
    }

    [Fact]
    public void Sizes_round_half_to_even_and_never_vanish()
    {
        Assert.Equal(new Extent(2, 4, 1), LowResolution.SmallSize(new(5, 7, 1), 0.5, keepZ: false));
        Assert.Equal(new Extent(5, 4, 1), LowResolution.SmallSize(new(5, 7, 1), 0.5, keepZ: true));
    }

    [Fact]
    public void Slices_stay_apart_when_z_is_kept()
    {
        var size = new Extent(3, 6, 20);
        var values = new float[size.Voxels];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = i / 120;
        }

        var before = (float[])values.Clone();
        Apply(values, size, LowResolution.SmallSize(size, 0.6, keepZ: true));
        Assert.Equal(before, values);
    }

    [Fact]
    public void Low_resolution_matches_the_reference_implementation()
    {
        foreach (var test in GoldenJson.Rows(
            GoldenJson.Read("functions", "augmentation.json").GetProperty("SimulateLowRes"), 6, 2))
        {
            var size = GoldenJson.ExtentOf(test.GetProperty("in"));
            var planar = GoldenJson.ShapeOf(test.GetProperty("in")).Length == 3;
            size = planar ? size.With(0, 1) : size;
            var small = LowResolution.SmallSize(size, test.GetProperty("scale").GetDouble(), keepZ: planar);
            IntensityTests.Check(test, 1e-5f, channel => Apply(channel, size, small));
        }
    }

    private static void Apply(float[] values, Extent size, Extent small) =>
        LowResolution.Apply(values, size, small, new float[small.Voxels + (small.Y * small.X) + small.X]);
}
