using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;
using SharpSeg.Kernels.Gpu.Kernels;
using SharpSeg.Kernels.Gpu.Sizes;

namespace SharpSeg.Kernels.Gpu;

/// <summary>
/// Augmentation's spatial transform on the device, beside the training: a stream and memory of its own, one sample at a time, from any
/// thread. Its memory, two boxes and two patches, grows with the first samples and then stays.
/// </summary>
internal sealed class SpatialSampler(Accelerator accelerator) : ISpatialSampler
{
    private readonly Lock gate = new();
    private SpatialKernels? kernels;
    private AcceleratorStream? stream;
    private PageLockedArray1D<float>? host;
    private MemoryBuffer1D<float, Stride1D.Dense>? device;

    /// <inheritdoc/>
    public void Sample(
        in AffineSampling p, ReadOnlySpan<float> image, ReadOnlySpan<short> labels, ReadOnlySpan<short> previous, Span<float> toImage,
        Span<short> toLabels, Span<short> toPrevious)
    {
        long box = p.Box.Voxels, patch = p.Patch.Voxels;
        var maps = toPrevious.IsEmpty ? 1 : 2;
        Require(image.Length, box * p.Channels);
        Require(labels.Length, box);
        Require(previous.Length, maps == 2 ? box : 0);
        Require(toImage.Length, patch * p.Channels);
        Require(toLabels.Length, patch);
        var sizes = new SpatialSizes(p, maps);

        // In one piece of memory: image and labels of the box, image and labels of the patch. A box may be empty, a view may not.
        var (source, result) = (Math.Max(1, box * (p.Channels + maps)), patch * (p.Channels + maps));
        lock (gate)
        {
            stream ??= accelerator.CreateStream();
            kernels ??= new SpatialKernels(accelerator);
            Grow(source + result);
            var staging = host!.Span;
            image.CopyTo(staging);
            ToFloats(labels, staging[image.Length..]);
            ToFloats(previous, staging[(image.Length + labels.Length)..]);
            var memory = device!.AsContiguous();
            memory.SubView(0, source).CopyFromCPUUnsafeAsync<float, ArrayView<float>>(stream, ref MemoryMarshal.GetReference(staging), source);
            var (images, maskAt) = (Math.Max(1, box * p.Channels), box * p.Channels);
            kernels.Launch(
                stream, sizes, memory.SubView(0, images), memory.SubView(maskAt, Math.Max(1, box * maps)),
                memory.SubView(source, patch * p.Channels), memory.SubView(source + (patch * p.Channels), patch * maps));
            memory.SubView(source, result).CopyToCPU<float, ArrayView<float>>(stream, ref MemoryMarshal.GetReference(staging), result);
            staging[..toImage.Length].CopyTo(toImage);
            ToLabels(staging.Slice(toImage.Length, toLabels.Length), toLabels);
            ToLabels(staging.Slice(toImage.Length + toLabels.Length, toPrevious.Length), toPrevious);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            try
            {
                device?.Dispose();
                host?.Dispose();
                stream?.Dispose();
            }
            catch (AcceleratorException)
            {
                // The device is lost; the failure that said so is on its way to the user.
            }

            (device, host, stream) = (null, null, null);
        }
    }

    private void Grow(long length)
    {
        if (device is not null && device.Length >= length)
        {
            return;
        }

        device?.Dispose();
        host?.Dispose();
        host = accelerator.AllocatePageLocked1D<float>(length);
        device = accelerator.Allocate1D<float>(length);
    }

    private static void ToFloats(ReadOnlySpan<short> labels, Span<float> target)
    {
        for (var i = 0; i < labels.Length; i++)
        {
            target[i] = labels[i];
        }
    }

    private static void ToLabels(ReadOnlySpan<float> values, Span<short> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = (short)values[i];
        }
    }

    private static void Require(long length, long expected)
    {
        if (length != expected)
        {
            throw new ShapeException($"{length} values, expected {expected}");
        }
    }
}
