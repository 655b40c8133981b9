using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// <see cref="SegmentationExporter"/>'s decision on a device that offers it: outputs stay there, are resampled map by map and
/// decided there, and only labels come back, instead of one volume per class.
/// </summary>
internal static class DeviceExporter
{
    private const double Reserve = 0.95;                  // of the device's memory; drivers and other programs take some

    /// <summary>Whether the device has room for the volumes that this takes in addition to what it holds.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="change">Both grids.</param>
    public static bool Fits(Backend backend, in GridChange change)
    {
        // The map, two steps on the way to the larger grid, the resampled map, the best so far, labels.
        double larger = 1;
        for (var axis = 0; axis < 3; axis++)
        {
            larger *= Math.Max(change.From[axis], change.To[axis]);
        }

        var needed = sizeof(float) * (change.From.Voxels + (3 * larger) + (2.0 * change.To.Voxels));
        return backend.MemoryBytes > 0 && backend.AllocatedBytes + needed <= Reserve * backend.MemoryBytes;
    }

    /// <summary>Labels on the cropped, transposed original grid.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="device">The same device's volume operations.</param>
    /// <param name="maps">(1, z, y, x, heads) on the preprocessed grid: logits (modern) or probabilities (classic).</param>
    /// <param name="change">Both grids and how to get from one to the other.</param>
    /// <param name="labels">Heads to labels.</param>
    public static short[] Decide(Backend backend, IVolumeResampling device, Tensor maps, in GridChange change, LabelScheme labels)
    {
        using var volumes = new Volumes(backend);
        var map = volumes.Allocate(change.From);
        Tensor best = volumes.Allocate(change.To), decided = volumes.Allocate(change.To);
        backend.Fill(decided, 0);
        for (var head = 0; head < labels.HeadCount; head++)
        {
            device.TakeChannel(maps, head, map);
            var resampled = Resample(volumes, device, map, change);
            if (labels.HasRegions)
            {
                device.MarkAbove(resampled, change.Threshold, labels.RegionsClassOrder[head], decided); // later regions overwrite
            }
            else
            {
                device.KeepHighest(resampled, labels.AllLabels[head], head == 0, best, decided); // the lowest index wins ties
            }

            if (!ReferenceEquals(resampled, map))
            {
                volumes.Free(resampled);
            }
        }

        var values = new float[decided.Length];
        backend.Download(decided, values);
        return Array.ConvertAll(values, v => (short)v);
    }

    /// <summary>As <see cref="Resampling.ResampleImage"/>; equal grids return the volume itself.</summary>
    internal static Tensor Resample(Volumes volumes, IVolumeResampling device, Tensor volume, in GridChange change)
    {
        if (change.From == change.To)
        {
            return volume;
        }

        if (change.SeparateAxis is not { } coarse)
        {
            return Interpolate(volumes, device, volume, change.To, change.Order, null);
        }

        // Picking slices before or after their 2D interpolation is the same; doing it on the smaller side saves work.
        var picked = volume;
        if (change.SeparateOrder == 0 && change.To[coarse] < change.From[coarse])
        {
            picked = Along(volumes, device, volume, coarse, change.To[coarse], order: 0);
        }

        var inPlane = Interpolate(volumes, device, picked, change.To.With(coarse, picked.Shape.Spatial[coarse]), change.Order, coarse);
        Release(volumes, picked, volume, inPlane);
        if (inPlane.Shape.Spatial == change.To)
        {
            return inPlane;
        }

        var result = Along(volumes, device, inPlane, coarse, change.To[coarse], change.SeparateOrder);
        Release(volumes, inPlane, volume, result);
        return result;
    }

    private static Tensor Interpolate(Volumes volumes, IVolumeResampling device, Tensor volume, Extent to, int order, int? sliceAxis)
    {
        var from = volume.Shape.Spatial;

        // Shrinking axes first: the passes commute, and later ones then have less to do.
        var axes = Enumerable.Range(0, 3).Where(axis => from[axis] != to[axis]).OrderBy(axis => (double)to[axis] / from[axis]);
        var result = volume;
        foreach (var axis in axes)
        {
            var next = Along(volumes, device, result, axis, to[axis], order);
            Release(volumes, result, volume, next);
            result = next;
        }

        if (order == 3 && !ReferenceEquals(result, volume))
        {
            device.ClipToRange(volume, sliceAxis, result);
        }

        return result;
    }

    private static Tensor Along(Volumes volumes, IVolumeResampling device, Tensor volume, int axis, int to, int order)
    {
        var target = volumes.Allocate(volume.Shape.Spatial.With(axis, to));
        device.ResampleAxis(volume, axis, order, target);
        return target;
    }

    /// <summary>Frees a step on the way, unless it is the input or the result.</summary>
    private static void Release(Volumes volumes, Tensor step, Tensor input, Tensor result)
    {
        if (!ReferenceEquals(step, input) && !ReferenceEquals(step, result))
        {
            volumes.Free(step);
        }
    }

    /// <summary>Device memory of one export; not the pool's, because volumes differ from case to case.</summary>
    internal sealed class Volumes(Backend backend) : IDisposable
    {
        private readonly List<Tensor> all = [];

        public Tensor Allocate(Extent size)
        {
            var volume = new Tensor(backend.Allocate(size.Voxels), 0, Shape.Activation(1, size, 1));
            all.Add(volume);
            return volume;
        }

        public void Free(Tensor volume)
        {
            all.Remove(volume);
            backend.Free(volume.Buffer);
        }

        public void Dispose() => all.ForEach(volume => backend.Free(volume.Buffer));
    }
}
