using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Where the outputs of a resampled axis lie and how they weigh their neighbours (docs/method/preprocessing.md §4.3, §4.4): per
/// output the index of the first neighbour, then the weights. Computed in float64; indices are exact in float32 up to 2²⁴.
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

    /// <summary>The table for a number of outputs.</summary>
    public static float[] Of(in AxisResampling p, int outputs)
    {
        var taps = Taps(p.Order);
        var table = new float[outputs * (taps + 1)];
        for (var i = 0; i < outputs; i++)
        {
            var output = p.FirstTarget + i;
            var entry = table.AsSpan(i * (taps + 1), taps + 1);
            if (p.Order == 0)
            {
                (entry[0], entry[1]) = (p.Nearest(output) - p.FirstSource, 1f);
                continue;
            }

            var (floor, t) = p.Position(output);
            var s = 1 - t;
            if (p.Order == 1)
            {
                (entry[0], entry[1], entry[2]) = (floor - p.FirstSource, (float)s, (float)t);
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
