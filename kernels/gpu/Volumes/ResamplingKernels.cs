using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Kernels.Gpu.Device;
using SharpSeg.Kernels.Gpu.Inference;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Resampling of volumes, one axis at a time (docs/method/preprocessing.md §4.3 to §4.5), and the decision for labels.
/// <para>Shapes: volumes (z, y, x), seen as (outer, axis, inner). Tables of positions and weights are made on the host in
/// float64.</para>
/// <para>Maths: y[o, j, i] = Σ_t w[j, t]·x[o, clamp(first[j] + t), i]; for splines x are coefficients of positions −2 to n +
/// 1.</para>
/// <para>Mapping: one thread per output element; coefficients: one thread per line, a recursion along it. Bound by memory.</para>
/// </summary>
internal sealed class ResamplingKernels(KernelList list)
{
    /// <summary>Coefficients of a line beyond its samples: two on either side.</summary>
    public const int Extension = 4;

    private const int MostParts = 64;                     // of a slice, searched by a group each
    private const int ElementsPerPart = 4096;

    private const float Pole = -0.26794919243112270647f;  // √3 − 2

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, BlendSizes, int>>
        takeChannel = new(
        list, TakeChannel,
        (ArrayView<float> volume) => KernelCost.Of([volume], [volume]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, AxisSizes>>
        coefficients = new(
        list, Coefficients,
        (ArrayView<float> samples, ArrayView<float> coefs) => KernelCost.Of([samples], [coefs]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        AxisSizes, int>> sample = new(
        list, Sample,
        (ArrayView<float> source, ArrayView<float> table, ArrayView<float> target) => KernelCost.Of([source, table], [target]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, AxisSizes, int>>
        range = new(
        list, Range,
        (ArrayView<float> source, ArrayView<float> ranges) => KernelCost.Of([source], [ranges]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, AxisSizes, int>> clip =
        new(
        list, Clip,
        (ArrayView<float> ranges, ArrayView<float> target) => KernelCost.Of([ranges, target], [target]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        LabelSizes>> resampleLabels = new(
        list, ResampleLabels,
        (ArrayView<float> source, ArrayView<float> table, ArrayView<float> target) => KernelCost.Of([source, table], [target]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, ArrayView<float>,
        float, int>> keepHighest = new(
        list, KeepHighest,
        (ArrayView<float> volume, ArrayView<float> best, ArrayView<float> labels) =>
            KernelCost.Of([volume, best], [best, labels]));

    private readonly GpuKernel<Action<AcceleratorStream, KernelConfig, ArrayView<float>, ArrayView<float>, float, float>>
        markAbove = new(
        list, MarkAbove,
        (ArrayView<float> volume, ArrayView<float> labels) => KernelCost.Of([volume], [labels]));

    /// <summary>volume ← a channel of a box of maps.</summary>
    public void LaunchTakeChannel(
        AcceleratorStream stream, in BlendSizes s, ArrayView<float> maps, int channel, ArrayView<float> volume) =>
        takeChannel.Launch(stream, ElementIndex.OverSmall(volume.Length), maps, volume, s, channel);

    /// <summary>Coefficients (outer, from + 4, inner) of samples (outer, from, inner), without the factor 6.</summary>
    public void LaunchCoefficients(AcceleratorStream stream, in AxisSizes s, ArrayView<float> samples, ArrayView<float> coefs) =>
        coefficients.Launch(stream, ElementIndex.OverSmall((long)s.Outer * s.Inner), samples, coefs, s);

    /// <summary>Outputs from <paramref name="taps"/> neighbours; the table has first index and weights per output.</summary>
    public void LaunchSample(
        AcceleratorStream stream, in AxisSizes s, int taps, ArrayView<float> source, ArrayView<float> table,
        ArrayView<float> target) =>
        sample.Launch(stream, ElementIndex.OverSmall(target.Length), source, table, target, s, taps);

    /// <summary>Parts into which the search for a slice's range is divided.</summary>
    public static int RangeParts(in AxisSizes s) => (int)Math.Clamp((long)s.Outer * s.Inner / ElementsPerPart, 1, MostParts);

    /// <summary>Smallest and largest value of every slice, in <see cref="RangeParts"/> parts each.</summary>
    public void LaunchRange(AcceleratorStream stream, in AxisSizes s, ArrayView<float> source, ArrayView<float> ranges) =>
        range.Launch(
            stream, new KernelConfig((Index1D)(s.From * RangeParts(s)), (Index1D)GroupSum.Threads), source, ranges, s,
            RangeParts(s));

    /// <summary>Clips every slice to its range, found in that many parts.</summary>
    public void LaunchClip(
        AcceleratorStream stream, in AxisSizes s, int parts, ArrayView<float> ranges, ArrayView<float> target) =>
        clip.Launch(stream, ElementIndex.OverSmall(target.Length), ranges, target, s, parts);

    /// <summary>Labels of another size; the table is <see cref="LabelSizes.Table"/>.</summary>
    public void LaunchLabels(
        AcceleratorStream stream, in LabelSizes s, ArrayView<float> source, ArrayView<float> table, ArrayView<float> target) =>
        resampleLabels.Launch(stream, ElementIndex.OverSmall(target.Length), source, table, target, s);

    /// <summary>Where volume &gt; best, or everywhere: best ← volume, labels ← label.</summary>
    public void LaunchKeepHighest(
        AcceleratorStream stream, ArrayView<float> volume, float label, bool first, ArrayView<float> best,
        ArrayView<float> labels) =>
        keepHighest.Launch(stream, ElementIndex.Over(volume.Length), volume, best, labels, label, first ? 1 : 0);

    /// <summary>Where volume &gt; threshold: labels ← label.</summary>
    public void LaunchMarkAbove(
        AcceleratorStream stream, ArrayView<float> volume, float threshold, float label, ArrayView<float> labels) =>
        markAbove.Launch(stream, ElementIndex.Over(volume.Length), volume, labels, threshold, label);

    private static void TakeChannel(ArrayView<float> maps, ArrayView<float> volume, BlendSizes s, int channel)
    {
        var voxel = ElementIndex.Small;
        if (voxel >= volume.Length)
        {
            return;
        }

        var row = voxel / s.TileX;
        var x = s.OriginX + (voxel % s.TileX);
        var y = s.OriginY + (row % s.TileY);
        var z = s.OriginZ + (row / s.TileY);
        volume[voxel] = maps[(((((long)z * s.Y) + y) * s.X) + x) * s.C + channel];
    }

    // The samples continue with the edge value on both sides; the geometric sums over that constant tail are used in closed form.
    private static void Coefficients(ArrayView<float> samples, ArrayView<float> coefs, AxisSizes s)
    {
        var line = ElementIndex.Small;
        if (line >= s.Outer * s.Inner)
        {
            return;
        }

        const float tail = 1f / (1f - Pole);
        const float tailCoefficient = -Pole / (1f - Pole);
        const float decay1 = -Pole * Pole / (1f - (Pole * Pole));
        const float decay2 = -Pole * Pole * Pole / (1f - (Pole * Pole));
        var outer = (long)(line / s.Inner);
        var inner = line % s.Inner;
        var from = (outer * s.From * s.Inner) + inner;
        var to = (outer * (s.From + Extension) * s.Inner) + inner;
        var step = (long)s.Inner;
        var constant = samples[from] * tail;
        var y = constant;
        coefs[to + (2 * step)] = y;
        for (var i = 1; i < s.From; i++)
        {
            y = samples[from + (i * step)] + (Pole * y);
            coefs[to + ((i + 2) * step)] = y;
        }

        var steady = samples[from + ((s.From - 1) * step)] * tail;
        var excess = y - steady;
        var next = (steady * tailCoefficient) + (excess * decay1);
        coefs[to + ((s.From + 2) * step)] = next;
        coefs[to + ((s.From + 3) * step)] = (steady * tailCoefficient) + (excess * decay2);
        for (var i = s.From - 1; i >= 0; i--)
        {
            next = Pole * (next - coefs[to + ((i + 2) * step)]);
            coefs[to + ((i + 2) * step)] = next;
        }

        next = Pole * (next - constant);
        coefs[to + step] = next;
        coefs[to] = Pole * (next - constant);
    }

    private static void Sample(ArrayView<float> source, ArrayView<float> table, ArrayView<float> target, AxisSizes s, int taps)
    {
        var element = ElementIndex.Small;
        if (element >= target.Length)
        {
            return;
        }

        var inner = element % s.Inner;
        var row = element / s.Inner;
        var j = row % s.To;
        var outer = (long)(row / s.To);
        var entry = j * (taps + 1);
        var first = (int)table[entry];
        var sum = 0f;
        for (var t = 0; t < taps; t++)
        {
            var i = first + t;
            i = i < 0 ? 0 : i;
            i = i > s.From - 1 ? s.From - 1 : i;
            sum += table[entry + 1 + t] * source[(((outer * s.From) + i) * s.Inner) + inner];
        }

        target[element] = sum;
    }

    // Group (slice, part): the part's share of the slice's rows of Inner neighbours.
    private static void Range(ArrayView<float> source, ArrayView<float> ranges, AxisSizes s, int parts)
    {
        var shared = SharedMemory.Allocate<float>(GroupSum.Threads);
        var slice = Grid.IdxX / parts;
        var part = Grid.IdxX % parts;
        var elements = s.Outer * s.Inner;
        var low = float.PositiveInfinity;
        var high = float.NegativeInfinity;
        for (var i = (part * GroupSum.Threads) + Group.IdxX; i < elements; i += parts * GroupSum.Threads)
        {
            var value = source[((((long)(i / s.Inner) * s.From) + slice) * s.Inner) + (i % s.Inner)];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }

        high = GroupSum.MaximumOf(shared, high);
        low = -GroupSum.MaximumOf(shared, -low);
        if (Group.IdxX == 0)
        {
            ranges[2L * Grid.IdxX] = low;
            ranges[(2L * Grid.IdxX) + 1] = high;
        }
    }

    private static void Clip(ArrayView<float> ranges, ArrayView<float> target, AxisSizes s, int parts)
    {
        var element = ElementIndex.Small;
        if (element >= target.Length)
        {
            return;
        }

        var slice = element / s.Inner % s.From;
        var value = target[element];
        var low = float.PositiveInfinity;
        var high = float.NegativeInfinity;
        for (var part = 0; part < parts; part++)
        {
            var at = 2 * ((slice * parts) + part);
            var least = ranges[at];
            var greatest = ranges[at + 1];
            low = least < low ? least : low;
            high = greatest > high ? greatest : high;
        }

        value = value < low ? low : value;
        target[element] = value > high ? high : value;
    }

    // Where all corners of the cell agree, their label; else the largest label whose weights, in whole numbers, reach half of
    // all.
    private static void ResampleLabels(ArrayView<float> source, ArrayView<float> table, ArrayView<float> target, LabelSizes s)
    {
        var voxel = ElementIndex.Small;
        if (voxel >= target.Length)
        {
            return;
        }

        var row = voxel / s.ToX;
        var z = LabelSizes.Entry * (row / s.ToY);
        var y = LabelSizes.Entry * (s.ToZ + (row % s.ToY));
        var x = LabelSizes.Entry * (s.ToZ + s.ToY + (voxel % s.ToX));
        var first = Corner(source, table, s, z, y, x, 0);
        var mixed = false;
        for (var corner = 1; corner < 8; corner++)
        {
            mixed |= Corner(source, table, s, z, y, x, corner) != first;
        }

        target[voxel] = mixed ? Majority(source, table, s, z, y, x) : first;
    }

    private static float Majority(ArrayView<float> source, ArrayView<float> table, LabelSizes s, int z, int y, int x)
    {
        var winner = 0f;
        var found = false;
        for (var corner = 0; corner < 8; corner++)
        {
            var label = Corner(source, table, s, z, y, x, corner);
            if (found && label <= winner)
            {
                continue;
            }

            var sum = 0L;
            for (var other = 0; other < 8; other++)
            {
                if (Corner(source, table, s, z, y, x, other) == label)
                {
                    sum += Share(table, s.UnitZ, z, other >> 2) * Share(table, s.UnitY, y, other >> 1) * Share(
                        table, s.UnitX, x, other);
                }
            }

            if (2L * sum >= s.UnitZ * s.UnitY * s.UnitX)
            {
                winner = label;
                found = true;
            }
        }

        return winner;
    }

    // Bits of a corner, from the highest: far plane, far row, far column.
    private static float Corner(ArrayView<float> source, ArrayView<float> table, LabelSizes s, int z, int y, int x, int corner)
    {
        var plane = (long)table[z + ((corner >> 2) & 1)];
        var row = (long)table[y + ((corner >> 1) & 1)];
        return source[(((plane * s.FromY) + row) * s.FromX) + (long)table[x + (corner & 1)]];
    }

    private static long Share(ArrayView<float> table, long unit, int entry, int far) =>
        (far & 1) != 0 ? (long)table[entry + 2] : unit - (long)table[entry + 2];

    private static void KeepHighest(
        ArrayView<float> volume, ArrayView<float> best, ArrayView<float> labels, float label, int first)
    {
        var voxel = ElementIndex.Current;
        if (voxel >= volume.Length)
        {
            return;
        }

        var value = volume[voxel];
        if (first != 0 || value > best[voxel])
        {
            best[voxel] = value;
            labels[voxel] = label;
        }
    }

    private static void MarkAbove(ArrayView<float> volume, ArrayView<float> labels, float threshold, float label)
    {
        var voxel = ElementIndex.Current;
        if (voxel < volume.Length && volume[voxel] > threshold)
        {
            labels[voxel] = label;
        }
    }
}
