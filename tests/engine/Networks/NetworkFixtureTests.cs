using SharpSeg.Engine.Tensors;
using Xunit;

namespace SharpSeg.Engine.Tests.Networks;

/// <summary>
/// What holds exactly in a whole network. The answers of docs/method/networks.md §10 are asserted beside that page.
/// </summary>
public class NetworkFixtureTests
{
    [Fact]
    public void Convolution_biases_before_a_norm_have_zero_gradient()
    {
        using var run = new FixtureRun(FixturePlans.F3, new Extent(1, 4, 4), recompute: true);
        for (var t = 0; t < run.Tensors.Count; t++)
        {
            if (run.Tensors[t][0].Name.EndsWith(".conv.bias", StringComparison.Ordinal))
            {
                Assert.All(run.Gradient(t), g => Assert.True(Math.Abs(g) < 1e-12));
            }
        }
    }
}
