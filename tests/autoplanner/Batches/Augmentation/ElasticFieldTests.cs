using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Planning;
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

    /// <summary>
    /// Two ramps, one along y and one along x, are what a spline reproduces exactly: sampled at a displaced place they tell the
    /// displacement.
    /// </summary>
    [Fact]
    public void A_large_planar_field_has_the_specified_deviation_in_y_and_x()
    {
        const int edge = 500, border = 36, pad = 40; // fields are weaker near the border; displacements stay in the initial patch
        var initial = new Extent(1, edge + (2 * pad), edge + (2 * pad));
        var image = new float[2 * initial.Voxels];
        for (var i = 0; i < initial.Voxels; i++)
        {
            image[2 * i] = i / initial.X - pad;
            image[(2 * i) + 1] = i % initial.X - pad;
        }

        var source = new MemoryCase("ramps", initial, image, new short[initial.Voxels], []);
        var geometry = new PatchGeometry(new(1, edge, edge), initial, Is2D: true, Dummy2D: false, 0);
        var sample = new PatchSample(geometry.Patch, 2, withPrevious: false);
        var transform = new SpatialTransform(Matrix3.Identity, ElasticStrength: 200, ElasticSmoothness: 9, IsIdentity: false);
        Processor.Transform(Profile.Classic, source, default, geometry, transform, sample, seed: 12);
        var fields = new[] { new List<double>(), new List<double>() };
        for (var y = border; y < edge - border; y++)
        {
            for (var x = border; x < edge - border; x++)
            {
                fields[0].Add(sample.Channel(0)[(y * edge) + x] - y);
                fields[1].Add(sample.Channel(1)[(y * edge) + x] - x);
            }
        }

        Assert.All(fields, field => Assert.InRange(Math.Sqrt(field.Average(d => d * d)), 3.6196 * 0.9, 3.6196 * 1.1));
        Assert.NotEqual(fields[0], fields[1]);
    }
}
