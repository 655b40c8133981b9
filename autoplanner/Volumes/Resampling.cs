using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Volumes;

/// <summary>
/// Brings images, label maps and network outputs to another grid (docs/method/preprocessing.md §4; the rules of nnU-Net v2's
/// resample_data_or_seg). There is no smoothing before shrinking: that is the method's.
/// </summary>
internal static class Resampling
{
    /// <summary>
    /// Above this ratio of the coarsest to the finest spacing an image counts as anisotropic, unless the plans say otherwise.
    /// </summary>
    public const double UsualThreshold = 3;

    /// <summary>
    /// The axis that is resampled by itself, because linear or cubic interpolation between far-apart slices would invent
    /// structure: the one coarse axis of the current spacing if that is anisotropic, else of the new one; null for plain
    /// interpolation of all axes.
    /// </summary>
    /// <param name="current">mm (z, y, x) of the array at hand.</param>
    /// <param name="target">mm wanted.</param>
    /// <param name="force">
    /// true: along the coarsest axis of the current spacing whatever the ratio; false: never; null: decide.
    /// </param>
    /// <param name="threshold">Ratio of the coarsest to the finest spacing above which an image counts as anisotropic.</param>
    public static int? SeparateAxis(Spacing current, Spacing target, bool? force = null, double threshold = UsualThreshold)
    {
        if (force == false)
        {
            return null;
        }

        if (force == true || IsAnisotropic(current, threshold))
        {
            return OnlyCoarsestAxis(current);
        }

        return IsAnisotropic(target, threshold) ? OnlyCoarsestAxis(target) : null;
    }

    /// <summary>
    /// Resamples one channel. Equal sizes return the input array itself. Order 3 is an interpolating cubic B-spline, clipped to
    /// the range of the volume, or, in separate mode, of each slice.
    /// </summary>
    /// <param name="backend">Computes.</param>
    /// <param name="voxels">from.Voxels values (z, y, x), with or without room behind them; not changed.</param>
    /// <param name="from">Voxels of the input.</param>
    /// <param name="to">Voxels wanted.</param>
    /// <param name="order">0 nearest, 1 linear, 3 cubic.</param>
    /// <param name="separateAxis">Axis resampled by itself (<see cref="SeparateAxis"/>), or null.</param>
    /// <param name="separateOrder">Order along that axis.</param>
    /// <exception cref="ArgumentException">Sizes or orders do not fit.</exception>
    public static float[] ResampleImage(
        Backend backend, float[] voxels, Extent from, Extent to, int order, int? separateAxis = null, int separateOrder = 0)
    {
        Check(voxels.LongLength, from, to, order, separateOrder);
        if (from == to)
        {
            return voxels;
        }

        if (Math.Max(from.Voxels, to.Voxels) > MemoryBudget.LargeVoxels)
        {
            var change = new GridChange(from, to, order, separateAxis, separateOrder);
            return Resample(backend, new ArrayStore<float>(voxels, from), change).Values;
        }

        using var memory = new VolumeMemory(backend);
        var source = memory.Allocate(from);
        backend.Upload(voxels.AsSpan(0, (int)from.Voxels), source);
        var target = new GridChange(from, to, order, separateAxis, separateOrder).Resample(memory, source);
        var result = GC.AllocateUninitializedArray<float>((int)to.Voxels);
        backend.Download(target, result);
        return result;
    }

    /// <summary>
    /// Resamples a label map; -1 is a label like any other. Order 1 interpolates each label's mask linearly and takes the largest
    /// label that reaches one half, else 0; order 0 takes the nearest voxel. Equal sizes return the input array itself.
    /// </summary>
    /// <param name="backend">Computes.</param>
    /// <param name="labels">from.Voxels labels (z, y, x), with or without room behind them; not changed.</param>
    /// <param name="from">Voxels of the input.</param>
    /// <param name="to">Voxels wanted.</param>
    /// <param name="order">0 or 1.</param>
    /// <param name="separateAxis">
    /// Axis resampled by itself (<see cref="SeparateAxis"/>), always to the nearest slice, or null.
    /// </param>
    /// <exception cref="ArgumentException">Sizes or the order do not fit.</exception>
    public static short[] ResampleLabels(
        Backend backend, short[] labels, Extent from, Extent to, int order, int? separateAxis = null)
    {
        Check(labels.LongLength, from, to, order, separateOrder: 0);
        if (order > 1)
        {
            throw new ArgumentException($"label maps are resampled with order 0 or 1, not {order}");
        }

        if (from == to)
        {
            return labels;
        }

        var nearest = order == 0;
        var whole = new LabelResampling(
            from, to, nearest || separateAxis == 0, nearest || separateAxis == 1, nearest || separateAxis == 2);
        using var memory = new VolumeMemory(backend);
        var result = GC.AllocateUninitializedArray<short>((int)to.Voxels);
        int plane = from.Y * from.X, targetPlane = to.Y * to.X;
        // Of the grid that has more voxels for a plane of the target.
        var each = Math.Max(targetPlane, Math.Max(1, (long)plane * from.Z / to.Z));
        var planes = (int)Math.Clamp(MemoryBudget.LargeVoxels / 4 / each, 1, to.Z);
        for (var first = 0; first < to.Z; first += planes)
        {
            var count = Math.Min(planes, to.Z - first);
            var (low, needed) = whole.Along(0).Reach(first, count);
            var source = memory.Upload(labels.AsSpan(low * plane, needed * plane), from.With(0, needed));
            var target = memory.Allocate(to.With(0, count));
            backend.ResampleLabels(whole with { FirstSource = low, FirstTarget = first }, source, target);
            memory.Download(target, result.AsSpan(first * targetPlane, count * targetPlane));
            memory.Free(source);
            memory.Free(target);
        }

        return result;
    }

    /// <summary>Resamples one channel that nobody needs any more; large ones step by step.</summary>
    /// <param name="backend">Computes.</param>
    /// <param name="volume">The source; it is let go as soon as it is not needed any more.</param>
    /// <param name="change">Both grids.</param>
    /// <returns>The target; the source itself if both grids are one.</returns>
    internal static ArrayStore<float> Resample(Backend backend, ArrayStore<float> volume, in GridChange change)
    {
        var (from, to) = (change.From, change.To);
        if (Math.Max(from.Voxels, to.Voxels) <= MemoryBudget.LargeVoxels || from == to)
        {
            return new ArrayStore<float>(
                ResampleImage(backend, volume.Values, from, to, change.Order, change.SeparateAxis, change.SeparateOrder), to);
        }

        Check(volume.Values.LongLength, from, to, change.Order, change.SeparateOrder);
        MemoryBudget.GiveBack();                          // what was in work before
        return (ArrayStore<float>)new StepwiseResampling(backend, change, ArrayStore<float>.Create).Resample(volume);
    }

    /// <summary>
    /// Resamples a label map as nnU-Net's resample_torch_fornnunet does: each label's mask linearly, then the label of the
    /// highest mask, the smallest on ties. Masks are compared as the reference holds them, times 1000 in float16.
    /// </summary>
    /// <param name="backend">Computes.</param>
    /// <param name="labels">from.Voxels labels (z, y, x), with or without room behind them; not changed.</param>
    /// <param name="from">Voxels of the input.</param>
    /// <param name="to">Voxels wanted.</param>
    /// <param name="separateAxis">Axis along which the nearest slice is taken, or null.</param>
    public static short[] ResampleLabelsByVote(Backend backend, short[] labels, Extent from, Extent to, int? separateAxis = null)
    {
        const float scale = 1000;
        Check(labels.LongLength, from, to, order: 1, separateOrder: 0);
        if (from == to)
        {
            return labels;
        }

        labels = labels.LongLength == from.Voxels ? labels : labels[..(int)from.Voxels];
        var result = new short[to.Voxels];
        var highest = new Half[to.Voxels];
        Array.Fill(highest, Half.NegativeInfinity);
        foreach (var label in labels.Distinct().Order())
        {
            var mask = ResampleImage(
                backend, Array.ConvertAll(labels, value => value == label ? scale : 0), from, to, 1, separateAxis);
            for (var i = 0; i < mask.Length; i++)
            {
                if ((Half)mask[i] > highest[i])
                {
                    (highest[i], result[i]) = ((Half)mask[i], label);
                }
            }
        }

        return result;
    }

    private static bool IsAnisotropic(Spacing spacing, double threshold) =>
        Math.Max(spacing.Z, Math.Max(spacing.Y, spacing.X)) / Math.Min(spacing.Z, Math.Min(spacing.Y, spacing.X)) > threshold;

    private static int? OnlyCoarsestAxis(Spacing spacing)
    {
        var coarsest = Math.Max(spacing.Z, Math.Max(spacing.Y, spacing.X));
        int? found = null;
        for (var axis = 0; axis < 3; axis++)
        {
            // Exact equality of the quotient, as in the reference.
            if (coarsest / spacing[axis] != 1)
            {
                continue;
            }

            if (found is not null)
            {
                return null;
            }

            found = axis;
        }

        return found;
    }

    private static void Check(long length, Extent from, Extent to, int order, int separateOrder)
    {
        for (var axis = 0; axis < 3; axis++)
        {
            if (from[axis] < 1 || to[axis] < 1)
            {
                throw new ArgumentException($"cannot resample {from} to {to}: every axis needs at least one voxel");
            }
        }

        if (length < from.Voxels)
        {
            throw new ArgumentException($"{length} voxels given, {from} has {from.Voxels}");
        }

        if (to.Voxels > Array.MaxLength)
        {
            throw new ArgumentException($"{to} has more voxels than an array can hold ({Array.MaxLength})");
        }

        if (order is not (0 or 1 or 3) || separateOrder is not (0 or 1 or 3))
        {
            throw new ArgumentException($"orders 0, 1 and 3 are offered, not {order} and {separateOrder}");
        }
    }
}
