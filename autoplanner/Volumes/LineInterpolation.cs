using System.Numerics;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Linear or cubic spline interpolation along one axis, for a block of lines at once. Rows are as in <see cref="SplinePrefilter"/>: row
/// i + 2 belongs to position i of the axis.
/// </summary>
internal sealed class LineInterpolation
{
    private readonly int order;
    private readonly int from;
    private readonly int[] firstRow;
    private readonly float[] weights;

    /// <param name="order">1 or 3.</param>
    /// <param name="from">Samples of the axis.</param>
    /// <param name="to">Samples wanted.</param>
    public LineInterpolation(int order, int from, int to)
    {
        this.order = order;
        this.from = from;
        Taps = order == 1 ? 2 : 4;
        var (floor, fraction) = AxisCoordinates.Position(from, to);
        firstRow = Array.ConvertAll(floor, f => order == 1 ? f + 2 : f + 1);
        weights = new float[Taps * to];
        for (var j = 0; j < to; j++)
        {
            var t = fraction[j];
            var s = 1 - t;
            if (order == 1)
            {
                weights[2 * j] = (float)s;
                weights[2 * j + 1] = (float)t;
                continue;
            }

            // 6·B(1 + t), 6·B(t), 6·B(1 - t), 6·B(2 - t) of the cubic B-spline; the 6 is the gain of the prefilter.
            weights[4 * j] = (float)(s * s * s);
            weights[4 * j + 1] = (float)(4 - 6 * t * t + 3 * t * t * t);
            weights[4 * j + 2] = (float)(4 - 6 * s * s + 3 * s * s * s);
            weights[4 * j + 3] = (float)(t * t * t);
        }
    }

    /// <summary>Inputs per output: 2 or 4.</summary>
    public int Taps { get; }

    /// <summary>Rows that a block of lines needs: the samples and two more on each side.</summary>
    public int RowCount => from + 4;

    /// <summary>Makes the rows ready for <see cref="Sample"/>, from samples in rows 2 .. from + 1.</summary>
    public void Prepare(Span<Vector<float>> rows, int lanes)
    {
        if (order == 3)
        {
            SplinePrefilter.Apply(rows, from, lanes);
            return;
        }

        rows.Slice(2 * lanes, lanes).CopyTo(rows.Slice(lanes, lanes));
        rows.Slice((from + 1) * lanes, lanes).CopyTo(rows.Slice((from + 2) * lanes, lanes));
    }

    /// <summary>Computes output j of every line.</summary>
    public void Sample(ReadOnlySpan<Vector<float>> rows, int lanes, int j, Span<Vector<float>> output)
    {
        var taps = rows.Slice(firstRow[j] * lanes, Taps * lanes);
        if (order == 1)
        {
            Vector<float> a = new(weights[2 * j]), b = new(weights[2 * j + 1]);
            var near = taps[..lanes];
            var far = taps.Slice(lanes, lanes);
            output = output[..lanes];
            for (var l = 0; l < output.Length; l++)
            {
                output[l] = a * near[l] + b * far[l];
            }

            return;
        }

        Vector<float> w0 = new(weights[4 * j]), w1 = new(weights[4 * j + 1]);
        Vector<float> w2 = new(weights[4 * j + 2]), w3 = new(weights[4 * j + 3]);
        var row0 = taps[..lanes];
        var row1 = taps.Slice(lanes, lanes);
        var row2 = taps.Slice(2 * lanes, lanes);
        var row3 = taps.Slice(3 * lanes, lanes);
        output = output[..lanes];
        for (var l = 0; l < output.Length; l++)
        {
            output[l] = w0 * row0[l] + w1 * row1[l] + (w2 * row2[l] + w3 * row3[l]);
        }
    }
}
