using SharpSeg.AutoPlanner.Evaluation;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Evaluation;

/// <summary>docs/method/evaluation.md §8.</summary>
public sealed class PairedDifferenceTests
{
    [Fact]
    public void Mean_better_and_worse_count_the_cases_that_both_define()
    {
        var difference = PairedDifference.Of([0.5, 0.5, 0.5, double.NaN, 0.5], [0.75, 0.25, 0.75, 0.9, double.NaN]);
        Assert.Equal((3, 2, 1), (difference.Cases, difference.Better, difference.Worse));
        Assert.Equal(0.25 / 3, difference.Mean, 1e-12);
    }

    [Fact]
    public void A_constant_difference_has_an_interval_without_width()
    {
        var difference = PairedDifference.Of([0.5, 0.25, 0.125], [0.75, 0.5, 0.375]);
        Assert.Equal((0.25, 0.25, 0.25), (difference.Mean, difference.Low, difference.High));
        Assert.True(difference.IsClear);
        Assert.Equal(0, PairedDifference.Of([0.5, 0.25], [0.5, 0.25]).Mean);
        Assert.False(PairedDifference.Of([0.5, 0.25], [0.5, 0.25]).IsClear);
    }

    /// <summary>
    /// For many cases the interval tends to mean ± 1.96·s/√n; with differences of 0 and 1 in turn s = 1/2.
    /// </summary>
    [Fact]
    public void The_interval_of_many_cases_is_that_of_the_normal_distribution()
    {
        const int n = 400;
        var difference = PairedDifference.Of(new double[n], [.. Enumerable.Range(0, n).Select(i => (double)(i % 2))]);
        Assert.Equal(0.5 - (1.96 * 0.5 / 20), difference.Low, 0.004); // steps of 1/400, and 10,000 draws
        Assert.Equal(0.5 + (1.96 * 0.5 / 20), difference.High, 0.004);
    }

    [Fact]
    public void Nothing_is_said_of_fewer_than_two_cases()
    {
        Assert.True(double.IsNaN(PairedDifference.Of([], []).Mean));
        var one = PairedDifference.Of([0.5], [0.75]);
        Assert.Equal(0.25, one.Mean);
        Assert.True(double.IsNaN(one.Low) && double.IsNaN(one.High));
        Assert.False(one.IsClear);
    }
}
