using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// The change of <see cref="GridChange"/> for volumes that fill much of the memory: one axis after the other, and each in slabs
/// of complete lines, so that beside a step's input and output only a slab is alive (docs/method/memory.md §3). Results are the
/// same bytes: a line of an axis depends on no other line, and the range to which a spline is clipped is taken beforehand.
/// </summary>
/// <param name="backend">Computes.</param>
/// <param name="change">Both grids.</param>
/// <param name="create">Makes the volumes on the way and the result.</param>
/// <param name="slabVoxels">Voxels in work at a time.</param>
internal sealed class StepwiseResampling(
    Backend backend, GridChange change, Func<Extent, VoxelStore<float>> create, long slabVoxels = StepwiseResampling.SlabVoxels)
{
    /// <summary>Voxels in work at a time, of the input or of the output of a step.</summary>
    public const long SlabVoxels = 1L << 21;

    private float[] slab = [];

    /// <summary>Stops between slabs.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>Resamples.</summary>
    /// <param name="volume">The source; it is let go as soon as it is not needed any more, and where this fails.</param>
    /// <returns>The target; the source itself if both grids are one.</returns>
    public VoxelStore<float> Resample(VoxelStore<float> volume)
    {
        if (change.From == change.To)
        {
            return volume;
        }

        try
        {
            var inPlane = InPlane(change);
            (float Low, float High)[]? ranges = null;
            foreach (var axis in Axes(change))
            {
                if (axis == change.SeparateAxis)
                {
                    volume = Step(volume, axis, change.SeparateOrder, []);
                    continue;
                }

                ranges ??= change.Order == 3 ? Ranges(volume) : [];
                volume = Step(volume, axis, change.Order, axis == inPlane[^1] ? ranges : []);
            }
        }
        catch
        {
            volume.Dispose();
            throw;
        }

        return volume;
    }

    /// <summary>The most voxels that a step's input and output have together; without any step those of the grid.</summary>
    /// <param name="change">Both grids.</param>
    public static long MostVoxels(in GridChange change)
    {
        var (size, most) = (change.From, change.From.Voxels);
        foreach (var axis in Axes(change))
        {
            var next = size.With(axis, change.To[axis]);
            most = Math.Max(most, size.Voxels + next.Voxels);
            size = next;
        }

        return most;
    }

    /// <summary>
    /// The axes that change, in the order of their steps. Slices of the separate axis are picked before, if there are fewer.
    /// </summary>
    private static int[] Axes(in GridChange change)
    {
        var inPlane = InPlane(change);
        return change.SeparateAxis is not { } coarse || change.From[coarse] == change.To[coarse] ? inPlane
            : change.SeparateOrder == 0 && change.To[coarse] < change.From[coarse] ? [coarse, .. inPlane]
            : [.. inPlane, coarse];
    }

    /// <summary>All others that change; shrinking ones first, as <see cref="GridChange"/> does.</summary>
    private static int[] InPlane(GridChange change) =>
    [
        .. Enumerable.Range(0, 3).Where(axis => axis != change.SeparateAxis && change.From[axis] != change.To[axis])
            .OrderBy(axis => (double)change.To[axis] / change.From[axis]),
    ];

    /// <summary>Resamples an axis.</summary>
    /// <param name="volume">Is let go.</param>
    /// <param name="axis">Which.</param>
    /// <param name="order">Of the interpolation.</param>
    /// <param name="ranges">What the result is clipped to; empty for nothing.</param>
    private VoxelStore<float> Step(VoxelStore<float> volume, int axis, int order, (float Low, float High)[] ranges)
    {
        var size = volume.Size;
        var target = size.With(axis, change.To[axis]);
        var result = create(target);
        try
        {
            Fill(result, volume, axis, order, ranges);
        }
        catch
        {
            result.Dispose();
            throw;
        }

        volume.Dispose();
        MemoryBudget.GiveBack(size.Voxels);               // the step's input, before the next one allocates
        return result;
    }

    private void Fill(
        VoxelStore<float> result, VoxelStore<float> volume, int axis, int order, (float Low, float High)[] ranges)
    {
        var (size, target) = (volume.Size, result.Size);
        var p = new AxisResampling(axis, order, size[axis], target[axis]);

        // Slabs of planes have complete lines along y and x; slabs of rows have them along z.
        var across = axis == 0 ? 1 : 0;
        using var memory = new VolumeMemory(backend);
        foreach (var box in Slabs(size.Voxels > target.Voxels ? size : target, across))
        {
            Cancel.ThrowIfCancellationRequested();
            var wanted = new Box(box.Origin, target.With(across, box.Size[across]));
            var needed = new Box(box.Origin, size.With(across, box.Size[across]));
            Tensor from = memory.Allocate(needed.Size), to = memory.Allocate(wanted.Size);
            var values = Slab(Math.Max(needed.Size.Voxels, wanted.Size.Voxels));
            volume.Read(needed, values[..(int)needed.Size.Voxels]);
            backend.Upload(values[..(int)needed.Size.Voxels], from);
            backend.ResampleAxis(p, from, to);
            values = values[..(int)wanted.Size.Voxels];
            backend.Download(to, values);
            if (ranges.Length > 0)
            {
                Clip(values, wanted, ranges);
            }

            result.Write(wanted, values);
            memory.Free(from);
            memory.Free(to);
        }
    }

    /// <summary>A grid in slabs across an axis, of at most as many voxels as may be in work.</summary>
    private IEnumerable<Box> Slabs(Extent size, int across)
    {
        var each = (int)Math.Clamp(slabVoxels / Math.Max(1, size.Voxels / size[across]), 1, size[across]);
        for (var first = 0; first < size[across]; first += each)
        {
            yield return new Box(
                default(Extent).With(across, first), size.With(across, Math.Min(each, size[across] - first)));
        }
    }

    private Span<float> Slab(long voxels)
    {
        if (slab.Length < voxels)
        {
            slab = new float[voxels];
        }

        return slab;
    }

    /// <summary>Least and greatest value: of everything, or in separate mode of each slice.</summary>
    private (float Low, float High)[] Ranges(VoxelStore<float> volume)
    {
        var slices = change.SeparateAxis is { } axis ? volume.Size[axis] : 1;
        var ranges = new (float Low, float High)[slices];
        Array.Fill(ranges, (float.PositiveInfinity, float.NegativeInfinity));
        foreach (var box in Slabs(volume.Size, across: 0))
        {
            var values = Slab(box.Size.Voxels)[..(int)box.Size.Voxels];
            volume.Read(box, values);
            foreach (var (slice, start, length) in Slices(box))
            {
                var (low, high) = ranges[slice];
                foreach (var value in values.Slice(start, length))
                {
                    low = Math.Min(low, value);
                    high = Math.Max(high, value);
                }

                ranges[slice] = (low, high);
            }
        }

        return ranges;
    }

    private void Clip(Span<float> values, in Box box, (float Low, float High)[] ranges)
    {
        foreach (var (slice, start, length) in Slices(box))
        {
            var (low, high) = ranges[slice];
            foreach (ref var value in values.Slice(start, length))
            {
                value = value < low ? low : value > high ? high : value;
            }
        }
    }

    /// <summary>The runs of a box's values that belong to one slice, as (slice, first value, values).</summary>
    private IEnumerable<(int Slice, int Start, int Length)> Slices(Box box)
    {
        var (origin, size) = (box.Origin, box.Size);
        if (change.SeparateAxis is null)
        {
            yield return (0, 0, (int)size.Voxels);
            yield break;
        }

        for (var z = 0; z < size.Z; z++)
        {
            if (change.SeparateAxis == 0)
            {
                yield return (origin.Z + z, z * size.Y * size.X, size.Y * size.X);
                continue;
            }

            for (var y = 0; y < size.Y; y++)
            {
                var start = ((z * size.Y) + y) * size.X;
                if (change.SeparateAxis == 1)
                {
                    yield return (origin.Y + y, start, size.X);
                    continue;
                }

                for (var x = 0; x < size.X; x++)
                {
                    yield return (origin.X + x, start + x, 1);
                }
            }
        }
    }
}
