namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Where the outputs of a resampled axis lie and how they weigh their neighbours (spec preprocessing §4.3, §4.4): per output the index of
/// the first neighbour, then the weights. Computed in float64; indices are exact in float32 up to 2²⁴.
/// </summary>
internal static class AxisTable
{
    /// <summary>Neighbours of an output.</summary>
    public static int Taps(int order) => order switch
    {
        0 => 1,
        1 => 2,
        3 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(order), order, "orders 0, 1 and 3 are offered"),
    };

    /// <summary>The table of an axis of <paramref name="from"/> samples resampled to <paramref name="to"/>.</summary>
    public static float[] Of(int order, int from, int to)
    {
        var taps = Taps(order);
        var table = new float[to * (taps + 1)];
        for (var j = 0; j < to; j++)
        {
            var entry = table.AsSpan(j * (taps + 1), taps + 1);
            if (order == 0)
            {
                (entry[0], entry[1]) = (Math.Min(from - 1, ((2L * j) + 1) * from / (2L * to)), 1f);
                continue;
            }

            var u = ((j + 0.5) * from / to) - 0.5;
            var floor = (int)Math.Floor(u);
            double t = u - floor, s = 1 - t;
            if (order == 1)
            {
                (entry[0], entry[1], entry[2]) = (floor, (float)s, (float)t);
                continue;
            }

            // 6·B(1 + t), 6·B(t), 6·B(1 − t), 6·B(2 − t): the 6 is the gain of the filter. Coefficients start at position −2.
            entry[0] = floor + 1;
            entry[1] = (float)(s * s * s);
            entry[2] = (float)(4 - (6 * t * t) + (3 * t * t * t));
            entry[3] = (float)(4 - (6 * s * s) + (3 * s * s * s));
            entry[4] = (float)(t * t * t);
        }

        return table;
    }
}
