using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Tests.Volumes;

/// <summary>
/// docs/method/preprocessing.md §4 word for word in double: twelve explicit edge copies, one line at a time, one label mask at a
/// time. Slow and plain; what the fast code is measured against.
/// </summary>
public static class ReferenceResampling
{
    public static double[] Image(double[] voxels, Extent from, Extent to, int order, int? separateAxis, bool clip = true)
    {
        if (from == to)
        {
            return voxels;
        }

        if (separateAxis is not { } coarse)
        {
            return Plain(voxels, from, to, order, clip);
        }

        // Every slice by itself, then slices by nearest neighbour.
        var inPlane = to.With(coarse, 1);
        var slices = new List<double[]>();
        for (var s = 0; s < from[coarse]; s++)
        {
            slices.Add(Plain(Slice(voxels, from, coarse, s), from.With(coarse, 1), inPlane, order, clip));
        }

        var result = new double[to.Voxels];
        for (var i = 0; i < result.Length; i++)
        {
            var at = Position(i, to);
            var j = at[coarse];
            var picked = (int)Math.Min(from[coarse] - 1, (2L * j + 1) * from[coarse] / (2L * to[coarse]));
            result[i] = slices[picked][Index(at.With(coarse, 0), inPlane)];
        }

        return result;
    }

    public static short[] Labels(short[] labels, Extent from, Extent to, int order, int? separateAxis)
    {
        if (order == 0 || from == to)
        {
            return [
                .. Image([.. labels.Select(label => (double)label)], from, to, 0, separateAxis).Select(value => (short)value)];
        }

        var result = new short[to.Voxels];
        foreach (var label in labels.Distinct().Order())
        {
            var mask = Image([.. labels.Select(value => value == label ? 1.0 : 0.0)], from, to, 1, separateAxis);
            for (var i = 0; i < result.Length; i++)
            {
                result[i] = mask[i] >= 0.5 - 1e-9 ? label : result[i];
            }
        }

        return result;
    }

    private static double[] Plain(double[] voxels, Extent from, Extent to, int order, bool clip)
    {
        double low = voxels.Min(), high = voxels.Max();
        var size = from;
        for (var axis = 0; axis < 3; axis++)
        {
            if (from[axis] == to[axis])
            {
                continue;
            }

            var next = size.With(axis, to[axis]);
            var result = new double[next.Voxels];
            for (var i = 0; i < result.Length; i++)
            {
                var at = Position(i, next);
                if (at[axis] != 0)
                {
                    continue;
                }

                var line = new double[from[axis]];
                for (var k = 0; k < line.Length; k++)
                {
                    line[k] = voxels[Index(at.With(axis, k), size)];
                }

                var resampled = Line(line, to[axis], order);
                for (var k = 0; k < resampled.Length; k++)
                {
                    result[Index(at.With(axis, k), next)] = resampled[k];
                }
            }

            voxels = result;
            size = next;
        }

        return clip ? [.. voxels.Select(value => Math.Clamp(value, low, high))] : voxels;
    }

    public static double[] Line(double[] samples, int to, int order)
    {
        var n = samples.Length;
        var result = new double[to];
        var w = order == 3 ? Coefficients(samples) : [];
        for (var j = 0; j < to; j++)
        {
            var u = (j + 0.5) * n / to - 0.5;
            var f = (int)Math.Floor(u);
            if (order == 0)
            {
                result[j] = samples[Math.Clamp((int)((2L * j + 1) * n / (2L * to)), 0, n - 1)];
            }
            else if (order == 1)
            {
                result[j] = samples[Math.Clamp(f, 0, n - 1)] * (1 - (u - f)) + samples[Math.Clamp(f + 1, 0, n - 1)] * (u - f);
            }
            else
            {
                for (var i = f - 1; i <= f + 2; i++)
                {
                    result[j] += w[i + 12] * BSpline(Math.Abs(u - i));
                }
            }
        }

        return result;
    }

    private static double[] Coefficients(double[] samples)
    {
        var z = Math.Sqrt(3) - 2;
        var n = samples.Length + 24;
        var c = new double[n];
        for (var i = 0; i < n; i++)
        {
            c[i] = 6 * samples[Math.Clamp(i - 12, 0, samples.Length - 1)];
        }

        var y = new double[n];
        y[0] = c[0];
        for (var k = 1; k <= 32; k++)
        {
            y[0] += Math.Pow(z, k) * c[Math.Min(k - 1, n - 1)];
        }

        for (var i = 1; i < n; i++)
        {
            y[i] = c[i] + z * y[i - 1];
        }

        var w = new double[n];
        w[n - 1] = y[n - 1] * z / (z - 1);
        for (var i = n - 2; i >= 0; i--)
        {
            w[i] = z * (w[i + 1] - y[i]);
        }

        return w;
    }

    private static double BSpline(double t) =>
        t < 1 ? (4 - 6 * t * t + 3 * t * t * t) / 6 : t < 2 ? (2 - t) * (2 - t) * (2 - t) / 6 : 0;

    private static double[] Slice(double[] voxels, Extent extent, int axis, int slice)
    {
        var size = extent.With(axis, 1);
        var result = new double[size.Voxels];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = voxels[Index(Position(i, size).With(axis, slice), extent)];
        }

        return result;
    }

    private static Extent Position(int index, Extent extent) =>
        new(index / extent.X / extent.Y, index / extent.X % extent.Y, index % extent.X);

    private static int Index(Extent at, Extent extent) => (at.Z * extent.Y + at.Y) * extent.X + at.X;
}
