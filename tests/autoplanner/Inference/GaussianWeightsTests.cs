using SharpSeg.AutoPlanner.Inference;
using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Inference;

public sealed class GaussianWeightsTests
{
    [Fact]
    public void One_axis_is_the_specs()
    {
        float[] expected = [.003354626f, .1110900f, 1.353353f, 6.065307f, 10, 6.065307f, 1.353353f, .1110900f];
        var actual = GaussianWeights.Create(new Extent(1, 1, 8));
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(expected[i], actual[i], 1e-6f);
        }

        Assert.Equal(21.932428, GaussianWeights.Create(new Extent(1, 1, 7)).Sum(w => (double)w), 1e-5);
    }

    [Theory]
    [InlineData(1, 8, 8, 62.814662)]
    [InlineData(40, 56, 40, 27556.335268)]
    [InlineData(20, 320, 256, 503884.7286)]
    public void Sum_is_the_specs(int z, int y, int x, double expected) =>
        Assert.Equal(expected, GaussianWeights.Create(new Extent(z, y, x)).Sum(w => (double)w), expected * 1e-6);

    // nnU-Net v1 scales its map to a highest weight of 1, v2 to 10; float32 in both, as here.
    [Fact]
    public void Maps_are_the_references()
    {
        var compared = 0;
        foreach (var (name, array) in Npz.Read(SharedFolder.At("golden", "functions", "gaussian.npz")))
        {
            var scale = name.StartsWith("v1", StringComparison.Ordinal)
                ? 1 : name.Contains("scale10_float64", StringComparison.Ordinal) ? 10 : 0;
            if (scale == 0)
            {
                continue; // other scales and the float16 that the reference rounds to
            }

            int[] size = [1, .. array.Shape];
            var weights = GaussianWeights.Create(new Extent(size[^3], size[^2], size[^1]));
            Assert.Equal(array.Values.Length, weights.Length);
            for (var i = 0; i < weights.Length; i++)
            {
                var expected = array.Values[i] * 10 / scale;
                Assert.True(
                    Math.Abs(expected - weights[i]) <= 1e-5 * expected, $"{name}[{i}]: expected {expected}, got {weights[i]}");
            }

            compared++;
        }

        Assert.Equal(2 * SharedFolder.Rows(5, 3), compared);
    }

    [Fact]
    public void No_weight_vanishes() => Assert.True(GaussianWeights.Create(new Extent(40, 56, 40)).Min() > 0);
}
