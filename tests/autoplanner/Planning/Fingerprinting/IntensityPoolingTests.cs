using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using Xunit;

namespace SharpSeg.AutoPlanner.Tests.Planning.Fingerprinting;

/// <summary>Worked examples of docs/method/planning.md §1, and the histogram behind `classic`.</summary>
public sealed class IntensityPoolingTests
{
    [Fact]
    public void Modern_weighs_cases_equally()
    {
        var pooling = new EqualCasePooling(2) { Samples = 4 };
        pooling.Add(pooling.Condense([3, 1, 2]));
        pooling.Add(pooling.Condense([10]));

        var result = pooling.Finish()!;

        Assert.Equal(6, result.Mean, 12);
        Assert.Equal(4.041452, result.Std, 6);
        Assert.Equal(1.035, result.Percentile005, 12);
        Assert.Equal(6.5, result.Median, 12);
        Assert.Equal(10, result.Percentile995, 12);
        Assert.Equal(1, result.Min);
        Assert.Equal(10, result.Max);
    }

    [Fact]
    public void Classic_weighs_voxels_equally()
    {
        var pooling = new EqualVoxelPooling();
        pooling.Add(pooling.Condense([3, 1, 2]));
        pooling.Add(pooling.Condense([10]));

        var result = pooling.Finish()!;

        Assert.Equal(4, result.Mean, 12);
        Assert.Equal(2.5, result.Median, 12);
        Assert.Equal(Math.Sqrt((9 + 4 + 1 + 36) / 4.0), result.Std, 12);
    }

    [Theory]
    [InlineData(1, 10_000)]
    [InlineData(2_000, 10_000)]
    [InlineData(2_001, 9_995)]
    [InlineData(50_000, 1_000)]
    public void Modern_takes_fewer_samples_of_more_cases(int cases, int samples) =>
        Assert.Equal(samples, new EqualCasePooling(cases).Samples);

    [Fact]
    public void No_foreground_gives_no_statistics()
    {
        Assert.Null(IntensityPooling.Of(Profile.Modern, 3).Finish());
        Assert.Null(IntensityPooling.Of(Profile.Classic, 3).Finish());
    }

    [Fact]
    public void Histogram_percentiles_stay_within_a_thousandth_of_the_range() => Seeded.Run(random =>
    {
        var pooling = new EqualVoxelPooling();
        var all = new List<double>();
        foreach (var (
            centre, width, count) in new[] { (0f, 0f, 5), (1e-6f, 1e-7f, 1000), (-300f, 4f, 3000), (2500f, 900f, 20000),
            (2501f, 0f, 10) })
        {
            var values = Enumerable.Range(0, count)
                .Select(_ => centre + (width * (float)(random.NextDouble() + random.NextDouble() - 1))).ToArray();
            all.AddRange(values.Select(value => (double)value));
            pooling.Add(pooling.Condense(values));
        }

        var result = pooling.Finish()!;

        var tolerance = (all.Max() - all.Min()) / 1000;
        Assert.Equal(OrderStatistics.Percentile(all, 0.5), result.Percentile005, tolerance);
        Assert.Equal(OrderStatistics.Median(all), result.Median, tolerance);
        Assert.Equal(OrderStatistics.Percentile(all, 99.5), result.Percentile995, tolerance);
        Assert.Equal(all.Min(), result.Min);
        Assert.Equal(all.Max(), result.Max);
    });

    [Fact]
    public void Histogram_of_whole_numbers_is_exact_and_does_not_depend_on_the_order_of_merging() => Seeded.Run(random =>
    {
        var cases = Enumerable.Range(0, 6).Select(
            k => Enumerable.Range(0, 500).Select(_ => (float)random.Next(-1000 * k, 1000 + k)).Order().ToArray()).ToArray();
        var forward = cases.Select(values => DyadicHistogram.Of(values)).Aggregate((a, b) => a.Merge(b));
        var backward = cases.Reverse().Select(values => DyadicHistogram.Of(values)).Aggregate((a, b) => a.Merge(b));
        var sorted = cases.SelectMany(values => values).Order().ToArray();

        for (var rank = 0; rank < sorted.Length; rank += 37)
        {
            Assert.Equal(sorted[rank], forward.AtRank(rank));
            Assert.Equal(sorted[rank], backward.AtRank(rank));
        }
    });
}
