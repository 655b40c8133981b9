using Xunit;

namespace SharpSeg.Kernels.Gpu.Tests;

public sealed class LossScaleTests
{
    [Fact]
    public void Overflow_halves_the_factor_and_skips_the_step()
    {
        var scale = new LossScale();
        Assert.False(scale.Update(double.PositiveInfinity));
        Assert.Equal(LossScale.Initial / 2, scale.Value);
        Assert.False(scale.Update(double.NaN));
        Assert.Equal(LossScale.Initial / 4, scale.Value);
    }

    [Fact]
    public void Many_good_steps_double_the_factor()
    {
        var scale = new LossScale();
        for (var i = 0; i < LossScale.GrowthInterval - 1; i++)
        {
            Assert.True(scale.Update(1.0));
        }

        Assert.Equal(LossScale.Initial, scale.Value);
        scale.Update(1.0);
        Assert.Equal(2 * LossScale.Initial, scale.Value);
    }

    [Fact]
    public void Factor_never_falls_below_one()
    {
        var scale = new LossScale();
        for (var i = 0; i < 40; i++)
        {
            scale.Update(double.NaN);
        }

        Assert.Equal(1.0, scale.Value);
    }
}
