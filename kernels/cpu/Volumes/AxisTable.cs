using SharpSeg.Engine.Backends;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// Positions of the outputs of a resampled axis and the weights of their neighbours. Computed in float64, weights rounded once.
/// <para>Order 0: one source row per output. Order 1: the two source rows, clamped to the axis, and their weights. Order 3: the
/// first of four rows of coefficients, which begin at position −2, and 6·B(1 + t), 6·B(t), 6·B(1 − t), 6·B(2 − t) of the cubic
/// B-spline; the 6 is the gain of <see cref="SplinePrefilter{TLanes, TVector}"/>.</para>
/// </summary>
internal readonly struct AxisTable
{
    public AxisTable(in AxisResampling p, int outputs)
    {
        Rows = new int[(p.Order == 1 ? 2 : 1) * outputs];
        Weights = new float[(p.Order == 0 ? 0 : p.Order + 1) * outputs];
        for (var i = 0; i < outputs; i++)
        {
            var output = p.FirstTarget + i;
            if (p.Order == 0)
            {
                Rows[i] = p.Nearest(output) - p.FirstSource;
                continue;
            }

            var (floor, t) = p.Position(output);
            var s = 1 - t;
            if (p.Order == 1)
            {
                Rows[2 * i] = Math.Max(floor, 0) - p.FirstSource;
                Rows[(2 * i) + 1] = Math.Min(floor + 1, p.From - 1) - p.FirstSource;
                (Weights[2 * i], Weights[(2 * i) + 1]) = ((float)s, (float)t);
                continue;
            }

            Rows[i] = floor + 1;
            Weights[4 * i] = (float)(s * s * s);
            Weights[(4 * i) + 1] = (float)(4 - (6 * t * t) + (3 * t * t * t));
            Weights[(4 * i) + 2] = (float)(4 - (6 * s * s) + (3 * s * s * s));
            Weights[(4 * i) + 3] = (float)(t * t * t);
        }
    }

    /// <summary>Source rows of the outputs.</summary>
    public int[] Rows { get; }

    /// <summary>Their weights; none for order 0.</summary>
    public float[] Weights { get; }
}
