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
/// <param name="slabVoxels">Voxels in work at a time.</param>
internal sealed class StepwiseResampling(Backend backend, GridChange change, long slabVoxels = StepwiseResampling.SlabVoxels)
{
    /// <summary>Voxels in work at a time, of the input or of the output of a step.</summary>
    public const long SlabVoxels = 1L << 21;

    /// <summary>Resamples.</summary>
    /// <param name="volume">The source; it is let go as soon as it is not needed any more.</param>
    public float[] Resample(ref float[] volume)
    {
        var result = volume;
        var size = change.From;
        if (change.From == change.To)
        {
            return result;
        }

        var picksFirst = change.SeparateAxis is { } axis && change.SeparateOrder == 0 && change.To[axis] < change.From[axis];
        if (picksFirst)
        {
            volume = [];
            Step(ref result, ref size, change.SeparateAxis!.Value, 0);
        }

        // Shrinking axes first, as GridChange does.
        var axes = Enumerable.Range(0, 3).Where(axis => axis != change.SeparateAxis && change.From[axis] != change.To[axis])
            .OrderBy(axis => (double)change.To[axis] / change.From[axis]).ToArray();
        var ranges = change.Order == 3 && axes.Length > 0 ? Ranges(result, size) : [];
        foreach (var inPlane in axes)
        {
            volume = [];
            Step(ref result, ref size, inPlane, change.Order);
        }

        if (ranges.Length > 0)
        {
            Clip(result, size, ranges);
        }

        if (change.SeparateAxis is { } coarse && !picksFirst && change.From[coarse] != change.To[coarse])
        {
            volume = [];
            Step(ref result, ref size, coarse, change.SeparateOrder);
        }

        return result;
    }

    private void Step(ref float[] volume, ref Extent size, int axis, int order)
    {
        var target = size.With(axis, change.To[axis]);
        var result = GC.AllocateUninitializedArray<float>(checked((int)target.Voxels));
        var p = new AxisResampling(axis, order, size[axis], target[axis]);
        // Slabs of planes have complete lines along y and x; slabs of rows have them along z.
        var across = axis == 0 ? 1 : 0;
        var each = (int)Math.Clamp(
            slabVoxels / Math.Max(1, Math.Max(size.Voxels, target.Voxels) / size[across]), 1, size[across]);
        using var memory = new VolumeMemory(backend);
        for (var first = 0; first < size[across]; first += each)
        {
            var count = Math.Min(each, size[across] - first);
            Tensor from = memory.Allocate(size.With(across, count)), to = memory.Allocate(target.With(across, count));
            Move(volume, size, across, first, count, values => backend.Upload(values, from), null);
            backend.ResampleAxis(p, from, to);
            Move(result, target, across, first, count, null, values => backend.Download(to, values));
            memory.Free(from);
            memory.Free(to);
        }

        (volume, size) = (result, target);
        if (result.LongLength > Resampling.LargeVoxels)
        {
            MemoryBudget.GiveBack();                      // the step's input, before the next one allocates
        }
    }

    /// <summary>Hands a slab of planes out as it lies; a slab of rows through an array of its own.</summary>
    private static void Move(
        float[] volume, Extent size, int across, int first, int count, Action<float[]>? upload, Action<float[]>? download)
    {
        var slab = new float[size.With(across, count).Voxels];
        var run = across == 0 ? slab.Length : count * size.X;
        var stride = across == 0 ? 0 : size.Y * size.X;
        var start = first * (across == 0 ? size.Y * size.X : size.X);
        download?.Invoke(slab);
        for (int at = 0, from = start; at < slab.Length; at += run, from += stride)
        {
            if (upload is not null)
            {
                volume.AsSpan(from, run).CopyTo(slab.AsSpan(at));
            }
            else
            {
                slab.AsSpan(at, run).CopyTo(volume.AsSpan(from));
            }
        }

        upload?.Invoke(slab);
    }

    /// <summary>Least and greatest value: of everything, or in separate mode of each slice.</summary>
    private (float Low, float High)[] Ranges(float[] volume, Extent size)
    {
        var slices = change.SeparateAxis is { } axis ? size[axis] : 1;
        var ranges = new (float Low, float High)[slices];
        Array.Fill(ranges, (float.PositiveInfinity, float.NegativeInfinity));
        ForSlices(size, (slice, start, length) =>
        {
            var (low, high) = ranges[slice];
            foreach (var value in volume.AsSpan(start, length))
            {
                low = Math.Min(low, value);
                high = Math.Max(high, value);
            }

            ranges[slice] = (low, high);
        });
        return ranges;
    }

    private void Clip(float[] volume, Extent size, (float Low, float High)[] ranges) => ForSlices(size, (slice, start, length) =>
    {
        var (low, high) = ranges[slice];
        foreach (ref var value in volume.AsSpan(start, length))
        {
            value = value < low ? low : value > high ? high : value;
        }
    });

    /// <summary>Calls with (slice, first value, values) for every run of values of one slice.</summary>
    private void ForSlices(Extent size, Action<int, int, int> run)
    {
        for (var z = 0; z < size.Z; z++)
        {
            if (change.SeparateAxis is not (1 or 2))
            {
                run(change.SeparateAxis == 0 ? z : 0, z * size.Y * size.X, size.Y * size.X);
                continue;
            }

            for (var y = 0; y < size.Y; y++)
            {
                var start = ((z * size.Y) + y) * size.X;
                for (var x = 0; change.SeparateAxis == 2 && x < size.X; x++)
                {
                    run(x, start + x, 1);
                }

                if (change.SeparateAxis == 1)
                {
                    run(y, start, size.X);
                }
            }
        }
    }
}
