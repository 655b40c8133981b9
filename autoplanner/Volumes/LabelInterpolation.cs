using System.Numerics;
using System.Runtime.InteropServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Linear interpolation of a label map (docs/method/preprocessing.md §4.7): every label's 0/1 mask is interpolated, and the
/// largest label whose value reaches one half wins; where none does, the result is 0. All masks are handled at once: only the up
/// to eight corners of the cell around a sample matter, and where they agree the label is copied.
/// </summary>
internal static class LabelInterpolation
{
    // Sums that are one half in exact arithmetic must not depend on rounding.
    private const double Threshold = 0.5 - 1e-9;
    private const short Mixed = short.MinValue;

    /// <summary>
    /// Resamples to another size; axes listed in <paramref name="nearest"/> by nearest neighbour, the others linearly.
    /// </summary>
    /// <param name="source">from.Voxels labels (z, y, x).</param>
    /// <param name="from">Voxels of the source.</param>
    /// <param name="to">Voxels wanted.</param>
    /// <param name="nearest">Per axis: whether its samples are picked instead of interpolated.</param>
    /// <param name="threads">Maximum number of threads.</param>
    public static short[] Resample(short[] source, Extent from, Extent to, (bool Z, bool Y, bool X) nearest, int threads)
    {
        var target = GC.AllocateUninitializedArray<short>(checked((int)to.Voxels));
        var alongZ = new LinearAxis(from.Z, to.Z, nearest.Z);
        var alongY = new LinearAxis(from.Y, to.Y, nearest.Y);
        var alongX = new LinearAxis(from.X, to.X, nearest.X);
        ParallelLines.For(to.Z, threads, () => new short[from.X], (z, scratch) =>
        {
            var previous = (-1, -1);
            ReadOnlySpan<short> columns = scratch;
            for (var y = 0; y < to.Y; y++)
            {
                var cell = new CornerRows(source, from, alongZ.Low[z], alongZ.High[z], alongY.Low[y], alongY.High[y]);
                if (previous != (alongY.Low[y], alongY.High[y]))
                {
                    columns = cell.Columns(scratch);
                    previous = (alongY.Low[y], alongY.High[y]);
                }

                var output = target.AsSpan((z * to.Y + y) * to.X, to.X);
                for (var x = 0; x < output.Length; x++)
                {
                    int x0 = alongX.Low[x], x1 = alongX.High[x];
                    var label = columns[x0];
                    output[x] = label != Mixed && label == columns[x1]
                        ? label
                        : cell.Decide(x0, x1, alongZ.HighWeight[z], alongY.HighWeight[y], alongX.HighWeight[x]);
                }
            }
        });
        return target;
    }

    /// <summary>The two inputs and the weight of the second, for each output of an axis.</summary>
    private sealed class LinearAxis
    {
        public LinearAxis(int from, int to, bool nearest)
        {
            if (nearest || from == to)
            {
                Low = High = AxisCoordinates.Nearest(from, to);
                HighWeight = new double[to];
                return;
            }

            var (floor, fraction) = AxisCoordinates.Position(from, to);
            Low = Array.ConvertAll(floor, f => Math.Max(f, 0));
            High = Array.ConvertAll(floor, f => Math.Min(f + 1, from - 1));
            HighWeight = fraction;
        }

        public int[] Low { get; }

        public int[] High { get; }

        public double[] HighWeight { get; }
    }

    /// <summary>The four input rows around an output row.</summary>
    private readonly ref struct CornerRows
    {
        private readonly ReadOnlySpan<short> a, b, c, d;

        public CornerRows(short[] source, Extent from, int z0, int z1, int y0, int y1)
        {
            a = source.AsSpan((z0 * from.Y + y0) * from.X, from.X);
            b = source.AsSpan((z0 * from.Y + y1) * from.X, from.X);
            c = source.AsSpan((z1 * from.Y + y0) * from.X, from.X);
            d = source.AsSpan((z1 * from.Y + y1) * from.X, from.X);
        }

        /// <summary>Per input x the label on which the four rows agree, or <see cref="Mixed"/>.</summary>
        public ReadOnlySpan<short> Columns(short[] scratch)
        {
            if (a == b && a == c && a == d)
            {
                return a;
            }

            var mixed = new Vector<short>(Mixed);
            var va = MemoryMarshal.Cast<short, Vector<short>>(a);
            var vb = MemoryMarshal.Cast<short, Vector<short>>(b);
            var vc = MemoryMarshal.Cast<short, Vector<short>>(c);
            var vd = MemoryMarshal.Cast<short, Vector<short>>(d);
            var into = MemoryMarshal.Cast<short, Vector<short>>(scratch.AsSpan());
            for (var i = 0; i < into.Length; i++)
            {
                var same = Vector.Equals(va[i], vb[i]) & Vector.Equals(va[i], vc[i]) & Vector.Equals(va[i], vd[i]);
                into[i] = Vector.ConditionalSelect(same, va[i], mixed);
            }

            for (var x = into.Length * Vector<short>.Count; x < a.Length; x++)
            {
                scratch[x] = a[x] == b[x] && a[x] == c[x] && a[x] == d[x] ? a[x] : Mixed;
            }

            return scratch;
        }

        /// <summary>The rule itself, on the eight corners between x0 and x1.</summary>
        public short Decide(int x0, int x1, double wz, double wy, double wx)
        {
            ReadOnlySpan<short> labels = [a[x0], a[x1], b[x0], b[x1], c[x0], c[x1], d[x0], d[x1]];
            double vz = 1 - wz, vy = 1 - wy, vx = 1 - wx;
            ReadOnlySpan<double> weights =
            [
                vz * vy * vx, vz * vy * wx, vz * wy * vx, vz * wy * wx, wz * vy * vx, wz * vy * wx, wz * wy * vx, wz * wy * wx,
            ];
            var winner = int.MinValue;
            foreach (var label in labels)
            {
                if (label <= winner)
                {
                    continue;
                }

                var sum = 0.0;
                for (var i = 0; i < labels.Length; i++)
                {
                    sum += labels[i] == label ? weights[i] : 0;
                }

                winner = sum >= Threshold ? label : winner;
            }

            return winner == int.MinValue ? (short)0 : (short)winner;
        }
    }
}
