using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Batches.Augmentation;

public sealed class ElasticFieldTests
{
    [Theory]
    [InlineData(9, 36, 0.031347, 2.8839, 3.6196)]
    [InlineData(13, 52, 0.021702, 1.6612, 2.5059)]
    public void Kernel_gives_the_specified_strength(double sigma, int radius, double q, double space, double plane)
    {
        var kernel = ElasticField.Kernel(sigma);
        Assert.Equal((2 * radius) + 1, kernel.Length);
        Assert.Equal(1, kernel.Sum(), 1e-5);
        var squares = kernel.Sum(w => (double)w * w);
        Assert.Equal(q, squares, 1e-6);

        // α·√(q^dim / 3): white noise in [−1, 1) has variance 1/3.
        Assert.Equal(space, 900 * Math.Sqrt(Math.Pow(squares, 3) / 3), 1e-3);
        Assert.Equal(plane, 200 * Math.Sqrt(Math.Pow(squares, 2) / 3), 1e-3);
    }

    [Fact]
    public void Smoothing_is_separable_with_zeros_beyond_the_border()
    {
        // The answer to one voxel is the product of three kernels, cut off at the border.
        var size = new Extent(20, 30, 25);
        var field = new float[size.Voxels];
        field[(((3 * size.Y) + 14) * size.X) + 20] = 1;
        var kernel = ElasticField.Kernel(2);
        new ElasticField().Smooth(field, size, 0, kernel);
        for (var i = 0; i < field.Length; i++)
        {
            int z = i / (size.X * size.Y), y = i / size.X % size.Y, x = i % size.X;
            Assert.Equal(Weight(z - 3) * Weight(y - 14) * Weight(x - 20), field[i], 1e-7);
        }

        double Weight(int d) => Math.Abs(d) <= 8 ? kernel[d + 8] : 0;
    }

    [Fact]
    public void A_large_planar_field_has_the_specified_deviation_in_y_and_x()
    {
        var size = new Extent(3, 500, 500);
        var elastic = new ElasticField();
        elastic.Draw(size, planar: true, 200, 9, new CounterRandom(12));
        Assert.True(elastic.Along(0).IsEmpty);
        foreach (var axis in new[] { 1, 2 })
        {
            double sum = 0;
            var count = 0;
            var field = elastic.Along(axis);
            Assert.Equal(250_000, field.Length);
            for (var y = 36; y < 464; y++)
            {
                for (var x = 36; x < 464; x++, count++)
                {
                    sum += field[(y * 500) + x] * (double)field[(y * 500) + x];
                }
            }

            Assert.InRange(Math.Sqrt(sum / count), 3.6196 * 0.9, 3.6196 * 1.1);
        }

        Assert.False(elastic.Along(1).SequenceEqual(elastic.Along(2)));
    }
}
