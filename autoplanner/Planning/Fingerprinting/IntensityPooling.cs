namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// Foreground intensities of one channel, case after case, to the dataset's statistics. A case is condensed on its worker, so
/// that memory stays bounded; the condensed cases are added in case order.
/// </summary>
internal abstract class IntensityPooling
{
    /// <summary>The pooling of a profile: `modern` weighs cases equally, `classic` voxels (docs/method/planning.md §1).</summary>
    public static IntensityPooling Of(Profile profile, int cases) =>
        profile == Profile.Modern ? new EqualCasePooling(cases) : new EqualVoxelPooling();

    /// <summary>Condenses one case; thread-safe.</summary>
    /// <param name="values">Its foreground values; sorted in place. Not empty.</param>
    public abstract CondensedCase Condense(Span<float> values);

    /// <summary>Adds a condensed case; not thread-safe, in case order.</summary>
    public abstract void Add(CondensedCase condensed);

    /// <summary>The statistics; null if no case was added.</summary>
    public abstract IntensityProperties? Finish();

    /// <summary>A case's moments and extremes, and what its pooling keeps besides them.</summary>
    /// <param name="Count">Values.</param>
    /// <param name="Mean">Mean.</param>
    /// <param name="MeanSquare">Mean of the squares.</param>
    /// <param name="Min">Least.</param>
    /// <param name="Max">Greatest.</param>
    /// <param name="Detail">Of the pooling.</param>
    public sealed record CondensedCase(long Count, double Mean, double MeanSquare, float Min, float Max, object Detail);

    /// <summary>Moments of sorted values.</summary>
    protected static CondensedCase Moments(ReadOnlySpan<float> sorted, object detail)
    {
        double sum = 0, squares = 0;
        foreach (var value in sorted)
        {
            sum += value;
            squares += (double)value * value;
        }

        return new CondensedCase(sorted.Length, sum / sorted.Length, squares / sorted.Length, sorted[0], sorted[^1], detail);
    }

    /// <summary>Standard deviation from the first two moments; rounding must not make it the root of a negative number.</summary>
    protected static double Deviation(double mean, double meanSquare) => Math.Sqrt(Math.Max(0, meanSquare - (mean * mean)));
}
