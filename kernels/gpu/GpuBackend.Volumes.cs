using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Inference;
using SharpSeg.Kernels.Gpu.Volumes;

namespace SharpSeg.Kernels.Gpu;

/// <content>Volumes on other grids, and the sampler of augmentation.</content>
internal sealed partial class GpuBackend
{
    private readonly Lazy<SpatialSampler> sampler;

    /// <inheritdoc/>
    public override long SamplingBytes(in SamplingLimits limits) => WholeLines(new SpatialLayout(limits).Length) * sizeof(float);

    /// <inheritdoc/>
    protected override void SampleAffineCore(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch) =>
        sampler.Value.Affine(p, source, patch);

    /// <inheritdoc/>
    protected override void SampleSplineCore(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch) =>
        sampler.Value.Spline(p, source, patch);

    /// <inheritdoc/>
    protected override void TakeChannelCore(Tensor maps, int channel, Extent origin, Tensor volume) =>
        Kernels.Resampling.LaunchTakeChannel(
        Stream, new BlendSizes(volume.Shape.Spatial, maps.Shape.Spatial, origin, maps.Shape.C), View(maps), channel,
        View(volume));

    /// <inheritdoc/>
    protected override void ResampleAxisCore(in AxisResampling p, Tensor source, Tensor target)
    {
        var (from, to, axis, order) = (source.Shape.Spatial, target.Shape.Spatial[p.Axis], p.Axis, p.Order);
        var taps = AxisTable.Taps(order);
        var table = AxisTable.Of(p, to);
        var extended = order == 3 ? from.With(axis, from[axis] + ResamplingKernels.Extension) : from;
        var coefficients = order == 3 ? extended.Voxels : 0;

        // The table stands first: a view of the coefficients after it needs no alignment beyond a float's.
        var scratchLength = WholeLines(table.Length) + coefficients;
        var memory = Scratch(scratchLength);
        var onDevice = memory.SubView(0, table.Length);
        CopyIn(table, onDevice, staging, Stream);
        var values = View(source);
        if (order == 3)
        {
            values = memory.SubView(WholeLines(table.Length), coefficients);
            Kernels.Resampling.LaunchCoefficients(Stream, new AxisSizes(from, axis, to), View(source), values);
        }

        Kernels.Resampling.LaunchSample(Stream, new AxisSizes(extended, axis, to), taps, values, onDevice, View(target));
    }

    /// <inheritdoc/>
    protected override void ClipToRangeCore(Tensor source, int? axis, Tensor target)
    {
        // A volume is one slice across an axis of length 1.
        var (from, to) = axis is { } a
            ? (new AxisSizes(source.Shape.Spatial, a, 0), new AxisSizes(target.Shape.Spatial, a, 0))
            : (Whole(source.Shape.Spatial), Whole(target.Shape.Spatial));
        var parts = ResamplingKernels.RangeParts(from);
        var ranges = Scratch(2L * from.From * parts);
        Kernels.Resampling.LaunchRange(Stream, from, View(source), ranges);
        Kernels.Resampling.LaunchClip(Stream, to, parts, ranges, View(target));
    }

    /// <inheritdoc/>
    protected override void ResampleLabelsCore(in LabelResampling p, Tensor source, Tensor target)
    {
        var table = LabelSizes.Table(p, target.Shape.Spatial);
        var onDevice = Scratch(table.Length);
        CopyIn(table, onDevice, staging, Stream);
        Kernels.Resampling.LaunchLabels(Stream, new LabelSizes(p, target.Shape.Spatial), View(source), onDevice, View(target));
    }

    /// <inheritdoc/>
    protected override void KeepHighestCore(Tensor volume, float label, bool first, Tensor best, Tensor labels) =>
        Kernels.Resampling.LaunchKeepHighest(Stream, View(volume), label, first, View(best), View(labels));

    /// <inheritdoc/>
    protected override void MarkAboveCore(Tensor volume, float threshold, float label, Tensor labels) =>
        Kernels.Resampling.LaunchMarkAbove(Stream, View(volume), threshold, label, View(labels));

    private static AxisSizes Whole(Extent size) => new(new Extent(size.Z * size.Y, 1, size.X), 1, 0);
}
