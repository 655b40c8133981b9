using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Volumes;

namespace SharpSeg.Kernels.Gpu;

/// <summary>Volume operations beside the contract: bringing outputs back to an image's grid, and the sampler of augmentation.</summary>
internal sealed partial class GpuBackend : IVolumeResampling
{
    private readonly Lazy<ResamplingKernels> resampling;

    /// <inheritdoc/>
    public override ISpatialSampler OpenSpatialSampler() => new SpatialSampler(accelerator, AllocateCore);

    /// <inheritdoc/>
    public override long SpatialSamplerBytes(in SpatialLimits limits) => RoundUp(new SpatialLayout(limits).Length) * sizeof(float);

    /// <inheritdoc/>
    public void TakeChannel(Tensor maps, int channel, Tensor volume)
    {
        ShapeException.Require(volume, Shape.Activation(1, maps.Shape.Spatial, 1), nameof(volume));
        resampling.Value.LaunchTakeChannel(stream, View(maps), channel, maps.Shape.C, View(volume));
    }

    /// <inheritdoc/>
    public void ResampleAxis(Tensor source, int axis, int order, Tensor target)
    {
        var (from, to) = (source.Shape.Spatial, target.Shape.Spatial[axis]);
        ShapeException.Require(target, Shape.Activation(1, from.With(axis, to), 1), nameof(target));
        var taps = AxisTable.Taps(order);
        var table = AxisTable.Of(order, from[axis], to);
        var extended = order == 3 ? from.With(axis, from[axis] + ResamplingKernels.Extension) : from;
        var coefficients = order == 3 ? extended.Voxels : 0;

        // The table stands first: a view of the coefficients behind it needs no alignment beyond a float's.
        var scratchLength = RoundUp(table.Length) + coefficients;
        var memory = Scratch(scratchLength);
        var onDevice = memory.SubView(0, table.Length);
        CopyIn(table, onDevice, staging, stream);
        var values = View(source);
        if (order == 3)
        {
            values = memory.SubView(RoundUp(table.Length), coefficients);
            resampling.Value.LaunchCoefficients(stream, new AxisSizes(from, axis, to), View(source), values);
        }

        resampling.Value.LaunchSample(stream, new AxisSizes(extended, axis, to), taps, values, onDevice, View(target));
    }

    /// <inheritdoc/>
    public void ClipToRange(Tensor source, int? axis, Tensor target)
    {
        // A volume is one slice across an axis of length 1.
        var (from, to) = axis is { } a
            ? (new AxisSizes(source.Shape.Spatial, a, 0), new AxisSizes(target.Shape.Spatial, a, 0))
            : (Whole(source.Shape.Spatial), Whole(target.Shape.Spatial));
        if (from.From != to.From)
        {
            throw new ShapeException($"slices of {source.Shape} and {target.Shape} across axis {axis} do not correspond");
        }

        var parts = ResamplingKernels.RangeParts(from);
        var ranges = Scratch(2L * from.From * parts);
        resampling.Value.LaunchRange(stream, from, View(source), ranges);
        resampling.Value.LaunchClip(stream, to, parts, ranges, View(target));
    }

    /// <inheritdoc/>
    public void KeepHighest(Tensor volume, float label, bool first, Tensor best, Tensor labels)
    {
        ShapeException.Require(best, volume.Shape, nameof(best));
        ShapeException.Require(labels, volume.Shape, nameof(labels));
        resampling.Value.LaunchKeepHighest(stream, View(volume), label, first, View(best), View(labels));
    }

    /// <inheritdoc/>
    public void MarkAbove(Tensor volume, float threshold, float label, Tensor labels)
    {
        ShapeException.Require(labels, volume.Shape, nameof(labels));
        resampling.Value.LaunchMarkAbove(stream, View(volume), threshold, label, View(labels));
    }

    private static AxisSizes Whole(Extent size) => new(new Extent(size.Z * size.Y, 1, size.X), 1, 0);

    private static long RoundUp(long length) => (length + Granularity - 1) / Granularity * Granularity;
}
