using System.Runtime.CompilerServices;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Batches.Augmentation;

/// <summary>
/// The modern spatial transform: image linearly, labels by the largest indicator (docs/method/augmentation.md §3.2). Taps outside
/// the initial patch count as 0, so the image fades out over one voxel; labels whose position leaves [0, N − 1] become −1.
/// <para>Positions are linear along a row, so each row falls into three kinds of runs, found once: nothing in reach (filled), all taps
/// inside the stored box (no checks per tap), and the border between the two.</para>
/// </summary>
internal static class LinearSampler
{
    private const short Outside = -1;

    /// <summary>Fills the sample from the box.</summary>
    /// <param name="box">What was read; at least what <see cref="SpatialTransform.Reach"/> asks for.</param>
    /// <param name="transform">The transform, without an elastic part.</param>
    /// <param name="planar">Slices are transformed by themselves and z stays: 2D and dummy-2D.</param>
    /// <param name="sample">Receives image planes and labels.</param>
    public static void Sample(SourceBox box, in SpatialTransform transform, bool planar, PatchSample sample)
    {
        var size = sample.Size;
        var step = transform.Matrix.Apply(0, 0, 1);
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var q = transform.Position(size, box.Initial, z, y, 0);
                var p = new Vector3D(planar ? z - box.Origin.Z : q.Z - box.Origin.Z, q.Y - box.Origin.Y, q.X - box.Origin.X);
                SampleRow(new Row(box, p, planar ? step with { Z = 0 } : step, planar, sample, ((z * size.Y) + y) * size.X));
            }
        }
    }

    private static void SampleRow(in Row row)
    {
        var (from, to) = (0, row.Sample.Size.X);
        for (var axis = 0; axis < 3; axis++)
        {
            (from, to) = Clip(row.First[axis], row.Step[axis], axis == 0 && row.Planar ? 0 : -1, row.Box.Size[axis], from, to);
        }

        var (innerFrom, innerTo) = (from, to);
        for (var axis = row.Planar ? 1 : 0; axis < 3; axis++)
        {
            (innerFrom, innerTo) = Clip(row.First[axis], row.Step[axis], 0, row.Box.Size[axis] - 1, innerFrom, innerTo);
        }

        if (innerFrom >= innerTo)
        {
            innerFrom = innerTo = from;
        }

        row.FillPadding(0, from);
        row.SampleBorder(from, innerFrom);
        row.SampleInterior(innerFrom, innerTo);
        row.SampleBorder(innerTo, to);
        row.FillPadding(to, row.Sample.Size.X);
    }

    /// <summary>
    /// The part [from, to) of a row where low ≤ first + x·step &lt; high. Rounding is monotonic, so this is one run; a division finds its
    /// ends up to rounding and the comparison itself, the same as in the loops below, settles them.
    /// </summary>
    private static (int From, int To) Clip(double first, double step, double low, double high, int from, int to)
    {
        if (step == 0)
        {
            return first >= low && first < high ? (from, to) : (from, from);
        }

        int begin, end;
        if (step > 0)
        {
            begin = Guess(first, step, low, from, to);
            while (begin > from && first + ((begin - 1) * step) >= low)
            {
                begin--;
            }

            while (begin < to && first + (begin * step) < low)
            {
                begin++;
            }

            end = Guess(first, step, high, begin, to);
            while (end > begin && first + ((end - 1) * step) >= high)
            {
                end--;
            }

            while (end < to && first + (end * step) < high)
            {
                end++;
            }

            return (begin, end);
        }

        begin = Guess(first, step, high, from, to);
        while (begin > from && first + ((begin - 1) * step) < high)
        {
            begin--;
        }

        while (begin < to && first + (begin * step) >= high)
        {
            begin++;
        }

        end = Guess(first, step, low, begin, to);
        while (end > begin && first + ((end - 1) * step) < low)
        {
            end--;
        }

        while (end < to && first + (end * step) >= low)
        {
            end++;
        }

        return (begin, end);
    }

    private static int Guess(double first, double step, double threshold, int from, int to) =>
        (int)Math.Clamp(Math.Ceiling((threshold - first) / step), from, to);

    /// <summary>One row of output voxels; positions are relative to the stored box.</summary>
    private readonly ref struct Row(SourceBox box, Vector3D first, Vector3D step, bool planar, PatchSample sample, int target)
    {
        private readonly ReadOnlySpan<float> image = box.Image;
        private readonly ReadOnlySpan<short> labels = box.Labels;
        private readonly ReadOnlySpan<short> previous = sample.Previous is null ? default : box.Previous;

        public SourceBox Box { get; } = box;

        public Vector3D First { get; } = first;

        public Vector3D Step { get; } = step;

        public bool Planar { get; } = planar;

        public PatchSample Sample { get; } = sample;

        private int Target { get; } = target;

        public void FillPadding(int from, int to)
        {
            if (from >= to)
            {
                return;
            }

            for (var c = 0; c < Sample.Channels; c++)
            {
                Sample.Channel(c)[(Target + from)..(Target + to)].Clear();
            }

            Sample.Labels.AsSpan(Target + from, to - from).Fill(Outside);
            Sample.Previous?.AsSpan(Target + from, to - from).Fill(Outside);
        }

        /// <summary>All taps lie inside the box.</summary>
        public void SampleInterior(int from, int to)
        {
            if (from >= to)
            {
                return;
            }

            // Locals, because the loop's speed depends on them staying in registers.
            var (first, step, planar) = (First, Step, Planar);
            var (rowStride, rows, channels, voxels) = (Box.Size.X, Box.Size.Y, Sample.Channels, Sample.Voxels);
            var sliceStride = rows * rowStride;
            var toImage = Sample.Image.AsSpan(Target);
            var toLabels = Sample.Labels.AsSpan(Target, to);
            var toPrevious = Sample.Previous is null ? default : Sample.Previous.AsSpan(Target, to);
            for (var x = from; x < to; x++)
            {
                double pz = first.Z + (x * step.Z), py = first.Y + (x * step.Y), px = first.X + (x * step.X);
                int iz = (int)pz, iy = (int)py, ix = (int)px; // truncation is floor: nothing is negative here
                float fz = (float)(pz - iz), fy = (float)(py - iy), fx = (float)(px - ix);
                var index = (((iz * rows) + iy) * rowStride) + ix;
                for (var c = 0; c < channels; c++)
                {
                    var tap = (index * channels) + c;
                    var value = Bilinear(image, tap, channels, rowStride * channels, fy, fx);
                    if (!planar)
                    {
                        value += fz * (Bilinear(image, tap + (sliceStride * channels), channels, rowStride * channels, fy, fx) - value);
                    }

                    toImage[(c * voxels) + x] = value;
                }

                toLabels[x] = InteriorLabel(labels, index, rowStride, sliceStride, fz, fy, fx);
                if (!toPrevious.IsEmpty)
                {
                    toPrevious[x] = InteriorLabel(previous, index, rowStride, sliceStride, fz, fy, fx);
                }
            }
        }

        /// <summary>Some taps lie outside the box: they count as image 0 and label −1.</summary>
        public void SampleBorder(int from, int to)
        {
            Span<int> taps = stackalloc int[8];
            Span<float> weights = stackalloc float[8];
            for (var x = from; x < to; x++)
            {
                double pz = First.Z + (x * Step.Z), py = First.Y + (x * Step.Y), px = First.X + (x * Step.X);
                int iz = (int)Math.Floor(pz), iy = (int)Math.Floor(py), ix = (int)Math.Floor(px);
                var count = Planar ? 4 : 8;
                for (var i = 0; i < count; i++)
                {
                    int tz = iz + (i >> 2), ty = iy + ((i >> 1) & 1), tx = ix + (i & 1);
                    weights[i] = (Planar ? 1 : Weight(pz - iz, i >> 2)) * Weight(py - iy, (i >> 1) & 1) * Weight(px - ix, i & 1);
                    taps[i] = (uint)tz < (uint)Box.Size.Z && (uint)ty < (uint)Box.Size.Y && (uint)tx < (uint)Box.Size.X
                        ? (((tz * Box.Size.Y) + ty) * Box.Size.X) + tx
                        : -1;
                }

                for (var c = 0; c < Sample.Channels; c++)
                {
                    var value = 0f;
                    for (var i = 0; i < count; i++)
                    {
                        value += taps[i] < 0 ? 0 : weights[i] * image[(taps[i] * Sample.Channels) + c];
                    }

                    Sample.Image[(c * Sample.Voxels) + Target + x] = value;
                }

                var outside = Leaves(pz + Box.Origin.Z, Box.Initial.Z) || Leaves(py + Box.Origin.Y, Box.Initial.Y)
                    || Leaves(px + Box.Origin.X, Box.Initial.X);
                Sample.Labels[Target + x] = outside ? Outside : BorderLabel(labels, taps[..count], weights[..count]);
                if (Sample.Previous is not null)
                {
                    Sample.Previous[Target + x] = outside ? Outside : BorderLabel(previous, taps[..count], weights[..count]);
                }
            }
        }

        private static float Weight(double fraction, int far) => (float)(far == 0 ? 1 - fraction : fraction);

        private static bool Leaves(double position, int size) => position < 0 || position > size - 1;

        private static short BorderLabel(ReadOnlySpan<short> source, ReadOnlySpan<int> taps, ReadOnlySpan<float> weights)
        {
            Span<short> near = stackalloc short[taps.Length];
            for (var i = 0; i < taps.Length; i++)
            {
                near[i] = taps[i] < 0 ? Outside : source[taps[i]];
            }

            return LabelVote.Largest(near, weights);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Bilinear(ReadOnlySpan<float> source, int tap, int right, int below, float fy, float fx)
        {
            float a = source[tap], b = source[tap + right], c = source[tap + below], d = source[tap + below + right];
            a += fx * (b - a);
            c += fx * (d - c);
            return a + (fy * (c - a));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private short InteriorLabel(ReadOnlySpan<short> source, int index, int rowStride, int sliceStride, float fz, float fy, float fx)
        {
            short a = source[index], b = source[index + 1], c = source[index + rowStride], d = source[index + rowStride + 1];
            var differ = (a ^ b) | (a ^ c) | (a ^ d);
            if (!Planar)
            {
                index += sliceStride;
                differ |= (a ^ source[index]) | (a ^ source[index + 1]);
                differ |= (a ^ source[index + rowStride]) | (a ^ source[index + rowStride + 1]);
            }

            if (differ == 0)
            {
                return a;
            }

            return Planar
                ? Vote([a, b, c, d], 1, fy, fx)
                : Vote(
                    [a, b, c, d, source[index], source[index + 1], source[index + rowStride], source[index + rowStride + 1]], fz, fy, fx);
        }

        // Weights in the order of the taps: the far slice last, then the far row, then the right neighbour.
        private short Vote(ReadOnlySpan<short> near, float fz, float fy, float fx)
        {
            Span<float> weights = stackalloc float[8];
            for (var i = 0; i < near.Length; i++)
            {
                var weight = ((i & 2) == 0 ? 1 - fy : fy) * ((i & 1) == 0 ? 1 - fx : fx);
                weights[i] = Planar ? weight : weight * ((i & 4) == 0 ? 1 - fz : fz);
            }

            return LabelVote.Largest(near, weights[..near.Length]);
        }
    }
}
