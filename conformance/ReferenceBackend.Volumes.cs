using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Conformance;

public sealed partial class ReferenceBackend
{
    private const int EdgeCopies = 40;                    // of a sample beyond the axis: 0.27⁴⁰ is far below float64's precision

    /// <inheritdoc/>
    protected override void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume)
    {
        var (from, to) = (View(maps), View(volume));
        foreach (var i in Positions(volume.Shape.Spatial))
        {
            var at = new Extent(origin.Z + i.Z, origin.Y + i.Y, origin.X + i.X);
            to[Index(0, i, volume.Shape.Spatial)] = from[(Index(0, at, maps.Shape.Spatial) * maps.Shape.C) + channel];
        }
    }

    /// <inheritdoc/>
    protected override void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target)
    {
        var (from, to, axis) = (View(source), View(target), p.Axis);
        Extent size = source.Shape.Spatial, wanted = target.Shape.Spatial;
        foreach (var i in Positions(wanted))
        {
            if (i[axis] > 0)
            {
                continue;
            }

            var line = new double[p.From]; // what the source does not hold stays NaN, and must not matter
            Array.Fill(line, double.NaN);
            for (var k = 0; k < size[axis]; k++)
            {
                line[p.FirstSource + k] = from[Index(0, i.With(axis, k), size)];
            }

            for (var k = 0; k < wanted[axis]; k++)
            {
                to[Index(0, i.With(axis, k), wanted)] = Resampled(line, p.To, p.FirstTarget + k, p.Order);
            }
        }
    }

    /// <inheritdoc/>
    protected override void ClipToRangeCore(Tensor source, int? axis, Tensor target)
    {
        var (from, to) = (View(source), View(target));
        Extent size = source.Shape.Spatial, other = target.Shape.Spatial;
        foreach (var i in Positions(other))
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            foreach (var k in Positions(size))
            {
                if (axis is not { } a || k[a] == i[a])
                {
                    var value = from[Index(0, k, size)];
                    (low, high) = (Math.Min(low, value), Math.Max(high, value));
                }
            }

            ref var result = ref to[Index(0, i, other)];
            result = Math.Clamp(result, low, high);
        }
    }

    /// <inheritdoc/>
    protected override void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target)
    {
        var (from, to) = (View(source), View(target));
        Extent size = source.Shape.Spatial, wanted = target.Shape.Spatial;
        foreach (var i in Positions(wanted))
        {
            var shares = new SortedDictionary<double, double>();
            for (var corner = 0; corner < 8; corner++)
            {
                var (at, weight) = (default(Extent), 1.0);
                for (var axis = 0; axis < 3; axis++)
                {
                    var far = corner >> axis & 1;
                    var output = i[axis] + (axis == 0 ? p.FirstTarget : 0);
                    var u = ((output + 0.5) * p.From[axis] / p.To[axis]) - 0.5;
                    var nearest = axis == 0 ? p.NearestZ : axis == 1 ? p.NearestY : p.NearestX;
                    var input = nearest
                        ? (int)Math.Min(p.From[axis] - 1, ((2L * output) + 1) * p.From[axis] / (2L * p.To[axis]))
                        : Math.Clamp((int)Math.Floor(u) + far, 0, p.From[axis] - 1);
                    weight *= nearest ? 1 - far : far == 1 ? u - Math.Floor(u) : 1 - (u - Math.Floor(u));
                    at = at.With(axis, input - (axis == 0 ? p.FirstSource : 0));
                }

                if (weight > 0)
                {
                    var label = from[Index(0, at, size)];
                    shares[label] = shares.GetValueOrDefault(label) + weight;
                }
            }

            to[Index(0, i, wanted)] = shares.Where(share => share.Value >= 0.5 - 1e-9).Select(share => share.Key).LastOrDefault();
        }
    }

    /// <inheritdoc/>
    protected override void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels)
    {
        var (map, highest, decided) = (View(volume), View(best), View(labels));
        for (var i = 0; i < volume.Length; i++)
        {
            if (first || map[i] > highest[i])
            {
                (highest[i], decided[i]) = (map[i], label);
            }
        }
    }

    /// <inheritdoc/>
    protected override void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels)
    {
        var (map, decided) = (View(volume), View(labels));
        for (var i = 0; i < volume.Length; i++)
        {
            decided[i] = map[i] > threshold ? label : decided[i];
        }
    }

    /// <summary>Output j of a line of samples resampled to a number of outputs.</summary>
    private static double Resampled(double[] line, int to, int j, int order)
    {
        var n = line.Length;
        if (order == 0)
        {
            return line[(int)Math.Min(n - 1, ((2L * j) + 1) * n / (2L * to))];
        }

        var u = ((j + 0.5) * n / to) - 0.5;
        var floor = (int)Math.Floor(u);
        if (order == 1)
        {
            double near = line[Math.Clamp(floor, 0, n - 1)], far = line[Math.Clamp(floor + 1, 0, n - 1)];
            return near + ((u - floor) * (far - near));
        }

        var extended = new double[n + (2 * EdgeCopies)];
        for (var i = 0; i < extended.Length; i++)
        {
            extended[i] = line[Math.Clamp(i - EdgeCopies, 0, n - 1)];
        }

        var coefficients = SplineCoefficients(extended, mirrored: false);
        var sum = 0.0;
        for (var i = floor - 1; i <= floor + 2; i++)
        {
            sum += coefficients[i + EdgeCopies] * BSpline(u - i);
        }

        return sum;
    }

    /// <summary>
    /// The coefficients c with (c[i − 1] + 4·c[i] + c[i + 1])/6 = samples[i], by Gaussian elimination. Beyond the samples c is
    /// mirrored at the first and the last one, or 0.
    /// </summary>
    private static double[] SplineCoefficients(double[] samples, bool mirrored)
    {
        var n = samples.Length;
        if (n == 1)
        {
            return mirrored ? [samples[0]] : [1.5 * samples[0]];
        }

        var (diagonal, right) = (new double[n], new double[n]);
        double Above(int i) => mirrored && i == 0 ? 2 : 1;
        double Below(int i) => mirrored && i == n - 1 ? 2 : 1;
        for (var i = 0; i < n; i++)
        {
            var factor = i == 0 ? 0 : Below(i) / diagonal[i - 1];
            diagonal[i] = 4 - (i == 0 ? 0 : factor * Above(i - 1));
            right[i] = (6 * samples[i]) - (i == 0 ? 0 : factor * right[i - 1]);
        }

        var coefficients = new double[n];
        for (var i = n - 1; i >= 0; i--)
        {
            coefficients[i] = (right[i] - (i == n - 1 ? 0 : Above(i) * coefficients[i + 1])) / diagonal[i];
        }

        return coefficients;
    }

    private static double BSpline(double t)
    {
        t = Math.Abs(t);
        return t < 1 ? (4 - (6 * t * t) + (3 * t * t * t)) / 6 : t < 2 ? (2 - t) * (2 - t) * (2 - t) / 6 : 0;
    }
}
