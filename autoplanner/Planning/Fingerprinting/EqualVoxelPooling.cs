namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Profile `classic`: every foreground voxel counts the same (docs/method/planning.md §1). Percentiles come from a histogram with
/// bins below 1/32768 of the range, well inside the 0.1 % that the specification allows.
/// </summary>
internal sealed class EqualVoxelPooling : IntensityPooling
{
    private DyadicHistogram? histogram;
    private long count;
    private double sum, squares;
    private double min = double.PositiveInfinity, max = double.NegativeInfinity;

    public override CondensedCase Condense(Span<float> values)
    {
        values.Sort();
        return Moments(values, DyadicHistogram.Of(values));
    }

    public override void Add(CondensedCase condensed)
    {
        var one = (DyadicHistogram)condensed.Detail;
        histogram = histogram is null ? one : histogram.Merge(one);
        count += condensed.Count;
        sum += condensed.Mean * condensed.Count;
        squares += condensed.MeanSquare * condensed.Count;
        min = Math.Min(min, condensed.Min);
        max = Math.Max(max, condensed.Max);
    }

    public override IntensityProperties? Finish()
    {
        if (histogram is null)
        {
            return null;
        }

        var mean = sum / count;
        return new IntensityProperties(
            mean, Percentile(50), Deviation(mean, squares / count), min, max, Percentile(0.5), Percentile(99.5));
    }

    private double Percentile(double percent)
    {
        var rank = percent / 100 * (count - 1);
        var below = (long)Math.Floor(rank);
        return OrderStatistics.Interpolate(histogram!.AtRank(below), histogram.AtRank(Math.Min(below + 1, count - 1)), rank - below);
    }
}
