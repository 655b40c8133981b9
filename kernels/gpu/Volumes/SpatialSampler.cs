using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Device;

namespace SharpSeg.Kernels.Gpu.Volumes;

/// <summary>
/// Augmentation's spatial transform on the device, in parallel with training: a stream and memory of its own, one sample at a
/// time, from any thread. Its memory (<see cref="SpatialLayout"/>) grows with the first samples and then stays.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="kernels">Its kernels.</param>
/// <param name="allocate">The backend's memory.</param>
/// <param name="free">Gives it back.</param>
/// <param name="releases">Where a failure to give something back is kept.</param>
internal sealed class SpatialSampler(
    Accelerator accelerator, GpuKernels kernels, Func<long, DeviceBuffer> allocate, Action<DeviceBuffer> free,
    DeviceReleases releases) : IDisposable
{
    private readonly Lock gate = new();
    private AcceleratorStream? stream;
    private PageLockedArray1D<float>? host;
    private GpuBuffer? device;

    /// <inheritdoc cref="Backend.SampleAffine"/>
    public void Affine(in AffineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        var maps = patch.Previous.IsEmpty ? 1 : 2;
        var layout = new SpatialLayout(p.Box, p.Patch, p.Channels, maps, p.Planar, elasticTaps: 0);
        lock (gate)
        {
            var staged = Open(layout);
            Stage(new PaddedBox(p.Box, default, p.Box), layout, p.Channels, source, 0, staged);
            Upload(layout);
            kernels.Spatial.Launch(
                stream!, new SpatialSizes(p, maps), Image(layout), Labels(layout), View(layout.ToImageAt, layout.ToImage),
                View(layout.ToLabelsAt, layout.ToLabels));
            Download(layout, patch);
        }
    }

    /// <inheritdoc cref="Backend.SampleSpline"/>
    public void Spline(in SplineSampling p, in BoxVoxels source, in PatchVoxels patch)
    {
        var affine = p.Affine;
        var (first, filtered, channels) = (p.First, p.Filtered, affine.Channels);
        var maps = patch.Previous.IsEmpty ? 1 : 2;
        var layout = new SpatialLayout(filtered, affine.Patch, channels, maps, affine.Planar, p.Elastic?.Kernel.Length ?? 0);
        if (layout.Uploaded > int.MaxValue)
        {
            throw new ShapeException($"{filtered} voxels of {channels} channels are too many for the offsets of a kernel");
        }

        var at = new Extent(affine.Origin.Z - first.Z, affine.Origin.Y - first.Y, affine.Origin.X - first.X);
        lock (gate)
        {
            var staged = Open(layout);
            Stage(new PaddedBox(affine.Box, at, filtered), layout, channels, source, p.PreviousPadding, staged);
            p.Elastic?.Kernel.CopyTo(staged[(int)layout.WeightsAt..]);
            Upload(layout);
            kernels.Splines.LaunchFilter(stream!, filtered, channels, affine.Planar, Image(layout));
            var fields = p.Elastic is null ? Labels(layout) : kernels.Elastic.Launch(
                stream!, affine.Planar ? affine.Patch.With(0, 1) : affine.Patch, layout.Fields, p.Elastic.Noise,
                View(layout.WeightsAt, layout.Weights), View(layout.FieldsAt, layout.FieldLength),
                View(layout.SmoothedAt, layout.FieldLength));
            kernels.Splines.LaunchSample(
                stream!, new SpatialSizes(affine with { Origin = first, Box = filtered }, maps), Image(layout),
                Labels(layout), fields,
                p.Elastic?.Strength ?? 0f, View(layout.ToImageAt, layout.ToImage), View(layout.ToLabelsAt, layout.ToLabels));
            Download(layout, patch);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            device?.Dispose();
            releases.Release(host);
            releases.Release(stream);
            (device, host, stream) = (null, null, null);
        }
    }

    /// <summary>Stream and memory for a transform; the host's part.</summary>
    private Span<float> Open(in SpatialLayout layout)
    {
        stream ??= accelerator.CreateStream();
        var staged = Math.Max(layout.Uploaded, layout.Downloaded);
        if (host is null || host.Span.Length < staged)
        {
            host?.Dispose();
            host = null;
            host = accelerator.AllocatePageLocked1D<float>(staged);
        }

        if (device is null || device.Length < layout.Length)
        {
            if (device is not null)
            {
                free(device);
                device = null;
            }

            device = (GpuBuffer)allocate(layout.Length);
        }

        return host.Span;
    }

    private static void Stage(
        PaddedBox box, in SpatialLayout layout, int channels, in BoxVoxels source, short previousPadding, Span<float> staged)
    {
        var (labelsAt, weightsAt) = ((int)layout.LabelsAt, (int)layout.WeightsAt);
        var voxels = labelsAt / channels;
        box.Fill(source.Image, channels, staged[..labelsAt]);
        box.Fill(source.Labels, -1, staged.Slice(labelsAt, voxels));
        if (weightsAt > labelsAt + voxels)
        {
            box.Fill(source.Previous, previousPadding, staged.Slice(labelsAt + voxels, voxels));
        }
    }

    private void Upload(in SpatialLayout layout) => View(0, layout.Uploaded).CopyFromCPUUnsafeAsync<float, ArrayView<float>>(
        stream!, ref MemoryMarshal.GetReference(host!.Span), layout.Uploaded);

    private void Download(in SpatialLayout layout, in PatchVoxels patch)
    {
        var result = host!.Span;
        View(layout.ToImageAt, layout.Downloaded).CopyToCPU<float, ArrayView<float>>(
            stream!, ref MemoryMarshal.GetReference(result), layout.Downloaded);
        result[..patch.Image.Length].CopyTo(patch.Image);
        ToLabels(result[patch.Image.Length..], patch.Labels);
        ToLabels(result[(patch.Image.Length + patch.Labels.Length)..], patch.Previous);
    }

    private ArrayView<float> Image(in SpatialLayout layout) => View(0, Math.Max(1, layout.LabelsAt));

    private ArrayView<float> Labels(in SpatialLayout layout) =>
        View(layout.LabelsAt, Math.Max(1, layout.WeightsAt - layout.LabelsAt));

    private ArrayView<float> View(long offset, long length) => device!.View(offset, length);

    private static void ToLabels(ReadOnlySpan<float> values, Span<short> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = (short)values[i];
        }
    }
}
