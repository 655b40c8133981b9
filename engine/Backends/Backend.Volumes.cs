using SharpSeg.Engine.Tensors;

namespace SharpSeg.Engine.Backends;

/// <content>
/// Operations on volumes (1, z, y, x, 1): resampling images, label maps and network outputs to another grid, and choosing labels
/// map by map. One map and a slab of planes at a time suffice, so that memory need not grow with classes × volume.
/// </content>
public abstract partial class Backend
{
    /// <summary>volume[i] = maps[origin + i, channel]: one channel of a box of maps (1, z, y, x, c).</summary>
    /// <param name="maps">All channels.</param>
    /// <param name="channel">Which one.</param>
    /// <param name="origin">The box's first voxel in the maps; the box must lie inside.</param>
    /// <param name="volume">Receives the box; its shape is the box's.</param>
    public void TakeChannel(Tensor maps, int channel, Extent origin, Tensor volume)
    {
        Extent size = volume.Shape.Spatial, all = maps.Shape.Spatial;
        RequireVolume(volume, nameof(volume));
        ShapeException.Require(maps, Shape.Activation(1, all, maps.Shape.C), nameof(maps));
        if (channel < 0 || channel >= maps.Shape.C)
        {
            throw new ShapeException($"channel {channel} of maps {maps.Shape}");
        }

        for (var axis = 0; axis < 3; axis++)
        {
            if (origin[axis] < 0 || origin[axis] + size[axis] > all[axis])
            {
                throw new ShapeException($"a box {size} at {origin} does not lie inside maps of {all}");
            }
        }

        TakeChannelCore(maps, channel, origin, volume);
    }

    /// <summary>Resamples one axis. Formula and windows: <see cref="AxisResampling"/>.</summary>
    /// <param name="p">Axis, order, sizes.</param>
    /// <param name="source">Volume.</param>
    /// <param name="target">Volume of the wanted size; the other axes are the source's.</param>
    public void ResampleAxis(in AxisResampling p, Tensor source, Tensor target)
    {
        p.Check(source, target);
        ResampleAxisCore(p, source, target);
    }

    /// <summary>
    /// Clips a spline's overshoot (docs/method/preprocessing.md §4.5): target ← target clamped to the range of source, or each
    /// slice across an axis to the range of the source's slice.
    /// </summary>
    /// <param name="source">What was resampled, finite.</param>
    /// <param name="axis">Axis whose slices are clamped separately, equally many in both volumes; null: the whole volume.</param>
    /// <param name="target">Clamped in place.</param>
    public void ClipToRange(Tensor source, int? axis, Tensor target)
    {
        RequireVolume(source, nameof(source));
        RequireVolume(target, nameof(target));
        if (axis is { } a && source.Shape.Spatial[a] != target.Shape.Spatial[a])
        {
            throw new ShapeException($"slices of {source.Shape} and {target.Shape} across axis {a} do not correspond");
        }

        ClipToRangeCore(source, axis, target);
    }

    /// <summary>Resamples a label map to another size. Formula and windows: <see cref="LabelResampling"/>.</summary>
    /// <param name="p">Sizes and axes.</param>
    /// <param name="source">Labels as whole numbers.</param>
    /// <param name="target">Receives labels.</param>
    public void ResampleLabels(in LabelResampling p, Tensor source, Tensor target)
    {
        p.Check(source, target);
        ResampleLabelsCore(p, source, target);
    }

    /// <summary>Where volume &gt; best, or everywhere if this is the first map: best ← volume, labels ← label.</summary>
    /// <param name="volume">The next map.</param>
    /// <param name="label">What it stands for.</param>
    /// <param name="first">Overwrite best and labels whatever they contain.</param>
    /// <param name="best">The highest map so far.</param>
    /// <param name="labels">Its label.</param>
    public void KeepHighest(Tensor volume, float label, bool first, Tensor best, Tensor labels)
    {
        RequireFloat32(volume, nameof(volume));
        ShapeException.Require(best, volume.Shape, nameof(best));
        ShapeException.Require(labels, volume.Shape, nameof(labels));
        KeepHighestCore(volume, label, first, best, labels);
    }

    /// <summary>Where volume &gt; threshold: labels ← label.</summary>
    public void MarkAbove(Tensor volume, float threshold, float label, Tensor labels)
    {
        RequireFloat32(volume, nameof(volume));
        ShapeException.Require(labels, volume.Shape, nameof(labels));
        MarkAboveCore(volume, threshold, label, labels);
    }

    /// <inheritdoc cref="TakeChannel"/>
    protected abstract void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume);

    /// <inheritdoc cref="ResampleAxis"/>
    protected abstract void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target);

    /// <inheritdoc cref="ClipToRange"/>
    protected abstract void ClipToRangeCore(Tensor source, int? axis, Tensor target);

    /// <inheritdoc cref="ResampleLabels"/>
    protected abstract void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target);

    /// <inheritdoc cref="KeepHighest"/>
    protected abstract void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels);

    /// <inheritdoc cref="MarkAbove"/>
    protected abstract void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels);

    private static void RequireVolume(Tensor tensor, string name) =>
        ShapeException.Require(tensor, Shape.Activation(1, tensor.Shape.Spatial, 1), name);
}
