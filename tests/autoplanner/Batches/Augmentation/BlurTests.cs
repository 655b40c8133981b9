using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

/// <summary>docs/method/augmentation.md §4, and the reference's own answers.</summary>
public sealed class BlurTests
{
    [Theory]
    [InlineData(0.5, 3)]
    [InlineData(0.6, 5)]
    [InlineData(0.75, 5)]
    [InlineData(0.9, 5)]
    [InlineData(1.0, 7)]
    public void Kernel_length_matches_the_specified_one(double sigma, int length) =>
        Assert.Equal(length, GaussianBlur.KernelLength(sigma));

    [Theory]
    [InlineData(0.5, new[] { 0.106507f, 0.786986f, 0.106507f })]
    [InlineData(0.75, new[] { 0.015200f, 0.218752f, 0.532097f, 0.218752f, 0.015200f })]
    [InlineData(1, new[] { 0.004433f, 0.054006f, 0.242036f, 0.399050f, 0.242036f, 0.054006f, 0.004433f })]
    public void Kernel_matches_the_specified_one(double sigma, float[] weights) =>
        IntensityTests.AssertClose(weights, GaussianBlur.Kernel(sigma));

    [Theory]
    [InlineData(0.5, new[] { 0, 0.106507f, 1.213014f, 3.467465f, 2, 0.213014f, 0.852056f, 6.295888f })]
    [InlineData(1, new[] { 0.143476f, 0.471358f, 1.475206f, 2.322310f, 1.855715f, 1.136572f, 2.062033f, 3.210134f })]
    public void The_specified_line_is_blurred_along_every_axis(double sigma, float[] expected)
    {
        float[] line = [0, 0, 1, 4, 2, 0, 0, 8];
        for (var axis = 0; axis < 3; axis++)
        {
            var size = new Extent(2, 3, 19).With(axis, 8);
            var values = new float[size.Voxels];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = line[Along(size, axis, i)];
            }

            GaussianBlur.Apply(values, size, axis, GaussianBlur.Kernel(sigma), new float[values.Length]);
            for (var i = 0; i < values.Length; i++)
            {
                Assert.Equal(expected[Along(size, axis, i)], values[i], 4e-6f);
            }
        }
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(3, true)]
    [InlineData(1, true)]
    public void An_axis_too_short_to_be_mirrored_is_left_alone(int length, bool unchanged)
    {
        float[] values = [.. Enumerable.Range(0, length).Select(i => (float)(i * i))];
        var before = (float[])values.Clone();
        GaussianBlur.Apply(values, new(1, 1, length), 2, GaussianBlur.Kernel(1), new float[length]);
        Assert.Equal(unchanged, before.SequenceEqual(values));
    }

    [Fact]
    public void Blur_matches_the_reference_implementation()
    {
        foreach (var test in GoldenJson.Rows(GoldenJson.Read("functions", "augmentation.json").GetProperty("GaussianBlur"), 6, 1))
        {
            var size = GoldenJson.ExtentOf(test.GetProperty("in"));
            size = GoldenJson.ShapeOf(test.GetProperty("in")).Length == 3 ? size.With(0, 1) : size; // (channel, y, x)
            var kernel = GaussianBlur.Kernel(test.GetProperty("sigma").GetDouble());
            IntensityTests.Check(test, 2e-6f, channel =>
            {
                for (var axis = size.Z == 1 ? 1 : 0; axis < 3; axis++)
                {
                    GaussianBlur.Apply(channel, size, axis, kernel, new float[channel.Length]);
                }
            });
        }
    }

    [Fact]
    public void Noise_has_the_drawn_deviation()
    {
        var values = new float[50_000];
        new CounterRandom(2).AddGaussian(values, 0.1f);
        Assert.Equal(0.1, ChannelStatistics.Deviation(values, 0), 0.1 * 4 / Math.Sqrt(2 * 50_000));
    }

    private static int Along(Extent size, int axis, int i) =>
        axis == 0 ? i / (size.X * size.Y) : axis == 1 ? i / size.X % size.Y : i % size.X;
}
