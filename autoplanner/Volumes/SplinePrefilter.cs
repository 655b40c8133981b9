using System.Numerics;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Turns samples along an axis into cubic B-spline coefficients that interpolate them, for a block of lines at once (Unser 1999,
/// "Splines: a perfect fit for signal and image processing"; docs/method/preprocessing.md §4.4).
/// <para>
/// With the pole z = √3 - 2: y_i = x_i + z·y_(i-1) forwards, w_i = z·(w_(i+1) - y_i) backwards. The usual factor 6 is left to the weights
/// of <see cref="LineInterpolation"/>. The samples continue with the edge value on both sides; the geometric sums over that constant tail
/// are used in closed form, which differs from twelve explicit copies by less than 1e-13 of the range.
/// </para>
/// </summary>
internal static class SplinePrefilter
{
    private static readonly double Pole = Math.Sqrt(3) - 2;

    /// <summary>Filters in place.</summary>
    /// <param name="rows">
    /// samples + 4 rows of <paramref name="lanes"/> vectors: row i + 2 holds sample i on entry; on return rows hold the coefficients of
    /// positions -2 .. samples + 1.
    /// </param>
    /// <param name="samples">Samples of the axis, at least 1.</param>
    /// <param name="lanes">Vectors per row.</param>
    public static void Apply(Span<Vector<float>> rows, int samples, int lanes)
    {
        var z = new Vector<float>((float)Pole);
        var tail = new Vector<float>((float)(1 / (1 - Pole)));
        var tailCoefficient = new Vector<float>((float)(-Pole / (1 - Pole)));
        var decay1 = new Vector<float>((float)(-Pole * Pole / (1 - Pole * Pole)));
        var decay2 = new Vector<float>((float)(-Pole * Pole * Pole / (1 - Pole * Pole)));
        var first = rows.Slice(2 * lanes, lanes);
        var last = rows.Slice((samples + 1) * lanes, lanes);
        var after = rows.Slice((samples + 2) * lanes, lanes);
        var beyond = rows.Slice((samples + 3) * lanes, lanes);
        var before = rows.Slice(lanes, lanes);
        var farBefore = rows[..lanes];

        for (var l = 0; l < lanes; l++)
        {
            // The last sample is needed once more after the forward sweep has overwritten it.
            after[l] = last[l];
            farBefore[l] = first[l] * tail;
            first[l] = farBefore[l];
        }

        for (var i = 1; i < samples; i++)
        {
            var previous = rows.Slice((i + 1) * lanes, lanes);
            var current = rows.Slice((i + 2) * lanes, lanes);
            for (var l = 0; l < current.Length; l++)
            {
                current[l] += z * previous[l];
            }
        }

        for (var l = 0; l < lanes; l++)
        {
            var steady = after[l] * tail;
            var excess = last[l] - steady;
            after[l] = steady * tailCoefficient + excess * decay1;
            beyond[l] = steady * tailCoefficient + excess * decay2;
        }

        for (var i = samples - 1; i >= 0; i--)
        {
            var next = rows.Slice((i + 3) * lanes, lanes);
            var current = rows.Slice((i + 2) * lanes, lanes);
            for (var l = 0; l < current.Length; l++)
            {
                current[l] = z * (next[l] - current[l]);
            }
        }

        for (var l = 0; l < lanes; l++)
        {
            var constant = farBefore[l];
            before[l] = z * (first[l] - constant);
            farBefore[l] = z * (before[l] - constant);
        }
    }
}
