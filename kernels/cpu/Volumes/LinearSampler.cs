using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.Kernels.Cpu.Volumes;

/// <summary>
/// The modern spatial transform: image linearly, labels by the largest indicator (docs/method/augmentation.md §3.2). Taps outside
/// the initial patch count as 0, so the image fades out over one voxel; labels whose position leaves [0, N − 1] become −1.
/// <para>Positions are linear along a row, so each row falls into three kinds of runs, found once: nothing in reach (filled), all
/// taps inside the stored box (no checks per tap), and the border between the two.</para>
/// </summary>
internal static class LinearSampler
{
    private const short Outside = -1;

    /// <summary>Fills the patch from the box.</summary>
    public static void Sample(in AffineSampling p, in BoxVoxels from, in PatchVoxels to)
    {
        var step = p.Planar ? p.StepX with { Z = 0 } : p.StepX;
        for (var z = 0; z < p.Patch.Z; z++)
        {
            for (var y = 0; y < p.Patch.Y; y++)
            {
                var q = p.Position(z, y, 0);
                var first = new VoxelPosition(q.Z - p.Origin.Z, q.Y - p.Origin.Y, q.X - p.Origin.X);
                SampleRow(new Row(p, from, to, first, step, ((z * p.Patch.Y) + y) * p.Patch.X));
            }
        }
    }

    private static void SampleRow(in Row row)
    {
        var (from, to) = (0, row.Length);
        (from, to) = Clip(row.First.Z, row.Step.Z, row.Planar ? 0 : -1, row.Box.Z, from, to);
        (from, to) = Clip(row.First.Y, row.Step.Y, -1, row.Box.Y, from, to);
        (from, to) = Clip(row.First.X, row.Step.X, -1, row.Box.X, from, to);
        var (innerFrom, innerTo) = (from, to);
        if (!row.Planar)
        {
            (innerFrom, innerTo) = Clip(row.First.Z, row.Step.Z, 0, row.Box.Z - 1, innerFrom, innerTo);
        }

        (innerFrom, innerTo) = Clip(row.First.Y, row.Step.Y, 0, row.Box.Y - 1, innerFrom, innerTo);
        (innerFrom, innerTo) = Clip(row.First.X, row.Step.X, 0, row.Box.X - 1, innerFrom, innerTo);

        if (innerFrom >= innerTo)
        {
            innerFrom = innerTo = from;
        }

        row.FillPadding(0, from);
        row.SampleBorder(from, innerFrom);
        row.SampleInterior(innerFrom, innerTo);
        row.SampleBorder(innerTo, to);
        row.FillPadding(to, row.Length);
    }

    /// <summary>
    /// The part [from, to) of a row where low ≤ first + x·step &lt; high. Rounding is monotonic, so this is one run; a division
    /// finds its ends up to rounding, and the same comparison as in the loops below decides.
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
    private readonly ref struct Row(
        in AffineSampling p, in BoxVoxels from, in PatchVoxels to, VoxelPosition first, VoxelPosition step, int target)
    {
        private readonly ReadOnlySpan<float> image = from.Image;
        private readonly ReadOnlySpan<short> labels = from.Labels;
        private readonly ReadOnlySpan<short> previous = from.Previous;
        private readonly Span<float> toImage = to.Image;
        private readonly Span<short> toLabels = to.Labels;
        private readonly Span<short> toPrevious = to.Previous;
        private readonly Extent origin = p.Origin;
        private readonly Extent initial = p.Initial;
        private readonly int channels = p.Channels;
        private readonly int voxels = (int)p.Patch.Voxels;
        private readonly int target = target;

        public Extent Box { get; } = p.Box;

        public VoxelPosition First { get; } = first;

        public VoxelPosition Step { get; } = step;

        public bool Planar { get; } = p.Planar;

        public int Length { get; } = p.Patch.X;

        public void FillPadding(int from, int to)
        {
            if (from >= to)
            {
                return;
            }

            for (var c = 0; c < channels; c++)
            {
                toImage.Slice((c * voxels) + target + from, to - from).Clear();
            }

            toLabels.Slice(target + from, to - from).Fill(Outside);
            if (!toPrevious.IsEmpty)
            {
                toPrevious.Slice(target + from, to - from).Fill(Outside);
            }
        }

        /// <summary>All taps lie inside the box, so that none is checked.</summary>
        public unsafe void SampleInterior(int from, int to)
        {
            if (from >= to)
            {
                return;
            }

            // Locals, because the loop's speed depends on them staying in registers.
            var (first, step, planar) = (First, Step, Planar);
            var (rowStride, rows, channels, voxels) = (Box.X, Box.Y, this.channels, this.voxels);
            var sliceStride = rows * rowStride;
            var toImage = this.toImage[target..];
            var toLabels = this.toLabels.Slice(target, to);
            var toPrevious = this.toPrevious.IsEmpty ? default : this.toPrevious.Slice(target, to);
            fixed (float* image = this.image)
            fixed (short* labels = this.labels, previous = this.previous)
            {
                for (var x = from; x < to; x++)
                {
                    double pz = first.Z + (x * step.Z), py = first.Y + (x * step.Y), px = first.X + (x * step.X);
                    int iz = (int)pz, iy = (int)py, ix = (int)px; // truncation is floor: nothing is negative here
                    float fz = (float)(pz - iz), fy = (float)(py - iy), fx = (float)(px - ix);
                    var index = (((iz * rows) + iy) * rowStride) + ix;
                    for (var c = 0; c < channels; c++)
                    {
                        var tap = image + ((long)index * channels) + c;
                        var value = Bilinear(tap, channels, rowStride * channels, fy, fx);
                        if (!planar)
                        {
                            value += fz * (
                                Bilinear(tap + ((long)sliceStride * channels), channels, rowStride * channels, fy, fx) - value);
                        }

                        toImage[(c * voxels) + x] = value;
                    }

                    toLabels[x] = InteriorLabel(labels + index, rowStride, sliceStride, planar, fz, fy, fx);
                    if (!toPrevious.IsEmpty)
                    {
                        toPrevious[x] = InteriorLabel(previous + index, rowStride, sliceStride, planar, fz, fy, fx);
                    }
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
                    taps[i] = (uint)tz < (uint)Box.Z && (uint)ty < (uint)Box.Y && (uint)tx < (uint)Box.X
                        ? (((tz * Box.Y) + ty) * Box.X) + tx
                        : -1;
                }

                for (var c = 0; c < channels; c++)
                {
                    var value = 0f;
                    for (var i = 0; i < count; i++)
                    {
                        value += taps[i] < 0 ? 0 : weights[i] * image[(taps[i] * channels) + c];
                    }

                    toImage[(c * voxels) + target + x] = value;
                }

                var outside = Leaves(pz + origin.Z, initial.Z)
                    || Leaves(py + origin.Y, initial.Y) || Leaves(px + origin.X, initial.X);
                toLabels[target + x] = outside ? Outside : BorderLabel(labels, taps[..count], weights[..count]);
                if (!toPrevious.IsEmpty)
                {
                    toPrevious[target + x] = outside ? Outside : BorderLabel(previous, taps[..count], weights[..count]);
                }
            }
        }

        private static float Weight(double fraction, int far) => (float)(far == 0 ? 1 - fraction : fraction);

        private static bool Leaves(double position, int size) => position < 0 || position > size - 1;

        private static short BorderLabel(ReadOnlySpan<short> source, ReadOnlySpan<int> taps, ReadOnlySpan<float> weights)
        {
            var near = Vector128.Create(Outside);
            var shares = Vector256<float>.Zero;
            for (var i = 0; i < taps.Length; i++)
            {
                near = near.WithElement(i, taps[i] < 0 ? Outside : source[taps[i]]);
                shares = shares.WithElement(i, weights[i]);
            }

            return LabelVote.Largest(near, shares);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static unsafe float Bilinear(float* tap, int right, int below, float fy, float fx)
        {
            float a = tap[0], b = tap[right], c = tap[below], d = tap[below + right];
            a += fx * (b - a);
            c += fx * (d - c);
            return a + (fy * (c - a));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static unsafe short InteriorLabel(
            short* near, int rowStride, int sliceStride, bool planar, float fz, float fy, float fx)
        {
            if (planar)
            {
                (sliceStride, fz) = (0, 0);
            }

            return LabelVote.IsUniform(near, rowStride, sliceStride)
                ? near[0]
                : LabelVote.Largest(LabelVote.Around(near, rowStride, sliceStride), LabelVote.Weights(fz, fy, fx));
        }
    }
}
