using SharpSeg.AutoPlanner.Training;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Training;

public sealed class PseudoDiceTests
{
    [Fact]
    public void Counts_are_pooled_before_the_ratio()
    {
        var dice = new PseudoDice(2);
        Repeat(30, () => dice.Add(0, true, true));
        Repeat(10, () => dice.Add(0, true, false));
        Repeat(20, () => dice.Add(0, false, true));
        Repeat(99, () => dice.Add(0, false, false));
        Assert.Equal(2 * 30 / (60.0 + 30), dice.PerClass()[0]!.Value, 1e-12); // 0.666667, docs/method/training.md §8
        Assert.Null(dice.PerClass()[1]);
        Assert.Equal(dice.PerClass()[0], PseudoDice.Mean(dice.PerClass()));
    }

    [Fact]
    public void Moving_average_follows_the_specs_sequence()
    {
        double?[] means = [0, 0.2, 0.5, 0.4, 0.6];
        double[] expected = [0, 0.02, 0.068, 0.1012, 0.15108];
        double? average = null;
        for (var e = 0; e < means.Length; e++)
        {
            average = PseudoDice.MovingAverage(average, means[e]);
            Assert.Equal(expected[e], average!.Value, 1e-9);
        }

        Assert.Equal(average, PseudoDice.MovingAverage(average, null)); // an undefined epoch keeps the old value
    }

    private static void Repeat(int times, Action action)
    {
        for (var i = 0; i < times; i++)
        {
            action();
        }
    }
}
