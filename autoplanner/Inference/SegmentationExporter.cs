using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// From network outputs on the preprocessed grid back to labels on the image's own grid (docs/method/inference.md §8): resample
/// each map, decide, undo the cropping, undo the transposition.
/// </summary>
internal static class SegmentationExporter
{
    /// <summary>
    /// Voxels of a slab of the target: large enough for a GPU, small enough to hold several beside a whole case.
    /// </summary>
    internal const long SlabVoxels = 1L << 24;

    /// <summary>Labels (z, y, x) in the original axis order and size.</summary>
    /// <param name="outputs">On the preprocessed grid.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition and profile.</param>
    /// <param name="configuration">Spacing and resampling orders.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="cancel">Stops between slabs.</param>
    public static short[] ToOriginalGrid(
        NetworkOutputs outputs, CaseProperties properties, Plans plans, ConfigurationPlan configuration, LabelScheme labels,
        CancellationToken cancel = default)
    {
        var change = OutputGrid.Of(properties, plans, configuration);
        return Restore(
            Decide(outputs, change, OutputGrid.Threshold(plans.Profile), labels, cancel: cancel), properties, plans);
    }

    /// <summary>
    /// A volume in the original axis order and size from one on the cropped, transposed original grid, in one step, so that no
    /// third volume is alive.
    /// </summary>
    /// <param name="cropped">Labels or probabilities; not changed, and itself the result where nothing is to be undone.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition.</param>
    /// <param name="outside">The value outside the box.</param>
    internal static T[] Restore<T>(T[] cropped, CaseProperties properties, Plans plans, T outside = default) where T : struct
    {
        if (IsAsStored(properties, plans))
        {
            return cropped;
        }

        var result = new T[properties.ShapeBeforeCropping.Voxels];
        Restore(cropped, new Box(default, properties.ShapeAfterCropping), result.AsSpan(), 0, properties, plans, outside);
        return result;
    }

    /// <summary>
    /// The part of the cropped, transposed grid that planes of the scan show; empty where they are outside of it.
    /// </summary>
    /// <param name="first">The first plane of the scan as it is stored.</param>
    /// <param name="count">How many.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition.</param>
    internal static Box PartOf(int first, int count, CaseProperties properties, Plans plans)
    {
        var (origin, size) = (default(Extent), properties.ShapeAfterCropping);
        var (axis, isBackwards) = PlaneAxis(properties.Orientation, plans);
        var from = (isBackwards ? properties.ShapeBeforeCropping[axis] - first - count : first) - properties.BboxOrigin[axis];
        var (begin, end) = (Math.Clamp(from, 0, size[axis]), Math.Clamp(from + count, 0, size[axis]));
        return new Box(origin.With(axis, begin), size.With(axis, end - begin));
    }

    /// <summary>The axis of the transposed grid across which the scan's planes lie, and whether they run backwards.</summary>
    internal static (int Axis, bool IsBackwards) PlaneAxis(Orientation orientation, Plans plans)
    {
        var turned = 0;
        while (orientation.Stored(turned).Axis != 0)
        {
            turned++;
        }

        return (plans.TransposeBackward[turned], orientation.Stored(turned).IsBackwards);
    }

    /// <summary>Some planes of the scan, into memory that is there.</summary>
    /// <param name="cropped">Labels or probabilities of a part of the cropped, transposed grid; not changed.</param>
    /// <param name="part">Of which.</param>
    /// <param name="result">Receives the planes.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition.</param>
    /// <param name="outside">The value outside the box.</param>
    internal static void Restore<T>(
        ReadOnlySpan<T> cropped, in Box part, Span<T> result, int first, CaseProperties properties, Plans plans, T outside)
        where T : struct
    {
        var (origin, size, order) = (properties.BboxOrigin, part.Size, plans.TransposeBackward);
        var stored = StoredExtent(properties, plans);
        var steps = properties.Orientation.StridesOf(stored, out var start);
        Span<int> step = stackalloc int[3];               // of the cropped volume's axes, in voxels of the result
        for (var i = 0; i < 3; i++)
        {
            step[order[i]] = steps[i];
        }

        for (var axis = 0; axis < 3; axis++)
        {
            start += (origin[axis] + part.Origin[axis]) * step[axis];
        }

        start -= first * stored.Y * stored.X;
        if (size.Voxels < result.Length)
        {
            result.Fill(outside);
        }

        var at = 0;
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var to = start + (z * step[0]) + (y * step[1]);
                if (step[2] == 1)
                {
                    cropped.Slice(at, size.X).CopyTo(result[to..]);
                    at += size.X;
                    continue;
                }

                for (var x = 0; x < size.X; x++, to += step[2])
                {
                    result[to] = cropped[at++];
                }
            }
        }
    }

    /// <summary>Whether labels on the cropped, transposed grid are those of the scan: nothing was cropped or turned.</summary>
    internal static bool IsAsStored(CaseProperties properties, Plans plans) =>
        properties.ShapeBeforeCropping == properties.ShapeAfterCropping && !AxisOrder.Turns(plans.TransposeBackward)
        && properties.Orientation.IsAsStored;

    /// <summary>Voxels of the image as its file stores it.</summary>
    internal static Extent StoredExtent(CaseProperties properties, Plans plans) =>
        properties.Orientation.Undo(AxisOrder.Apply(properties.ShapeBeforeCropping, plans.TransposeBackward));

    /// <summary>
    /// Labels on the grid on which the next stage of a cascade has the case (docs/method/inference.md §7): both grids share crop
    /// and transposition, so nothing is undone; whether slices are resampled by themselves is decided with this stage's spacing
    /// alone.
    /// </summary>
    /// <param name="outputs">Of this stage.</param>
    /// <param name="to">Voxels of the case as preprocessed for the next stage.</param>
    /// <param name="profile">Of the plans.</param>
    /// <param name="configuration">The stage that predicted.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="cancel">Stops between slabs.</param>
    public static short[] ToNextStage(
        NetworkOutputs outputs, Extent to, Profile profile, ConfigurationPlan configuration, LabelScheme labels,
        CancellationToken cancel = default)
    {
        var spacing = Spacing.FromArray(configuration.Spacing);
        var change = OutputGrid.Between(outputs.Size, to, spacing, spacing, configuration);
        return Decide(outputs, change, OutputGrid.Threshold(profile), labels, cancel: cancel);
    }

    /// <summary>Decides the label of each voxel of the other grid, slab by slab and map by map.</summary>
    /// <param name="outputs">All maps.</param>
    /// <param name="change">Both grids.</param>
    /// <param name="threshold">Regions are where their map is above it.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <param name="slabVoxels">Voxels of the other grid that are in work at a time.</param>
    /// <param name="cancel">Stops between slabs.</param>
    internal static short[] Decide(
        NetworkOutputs outputs, in GridChange change, float threshold, LabelScheme labels, long slabVoxels = SlabVoxels,
        CancellationToken cancel = default)
    {
        var decided = new short[change.To.Voxels];
        using var memory = new VolumeMemory(outputs.Backend);
        foreach (var slab in change.Slabs(slabVoxels))
        {
            cancel.ThrowIfCancellationRequested();
            var decision = Decide(outputs, memory, change, slab, threshold, labels);
            memory.Download(decision, decided.AsSpan(slab.Origin.Z * slab.Size.Y * slab.Size.X, (int)slab.Size.Voxels));
            memory.Free(decision);
        }

        return decided;
    }

    /// <summary>Decides the labels of a box of the other grid, map by map.</summary>
    /// <param name="outputs">All maps, at least where the box depends on them.</param>
    /// <param name="memory">Of the outputs' device.</param>
    /// <param name="change">Both grids.</param>
    /// <param name="box">Of the other grid.</param>
    /// <param name="threshold">Regions are where their map is above it.</param>
    /// <param name="labels">Heads to labels.</param>
    /// <returns>Labels as whole numbers, to be freed.</returns>
    internal static Tensor Decide(
        IOutputMaps outputs, VolumeMemory memory, in GridChange change, in Box box, float threshold, LabelScheme labels)
    {
        var backend = memory.Backend;
        var source = change.Source(box);
        Tensor best = memory.Allocate(box.Size), decided = memory.Allocate(box.Size);
        backend.Fill(decided, 0);
        for (var head = 0; head < labels.HeadCount; head++)
        {
            var map = outputs.Take(memory, head, source);
            var resampled = change.Resample(memory, map, source, box);
            if (labels.HasRegions)
            {
                backend.MarkAbove(resampled, threshold, labels.RegionsClassOrder[head], decided); // later regions overwrite
            }
            else
            {
                backend.KeepHighest(resampled, labels.AllLabels[head], head == 0, best, decided); // the lowest index wins ties
            }

            memory.Free(map);
            if (!ReferenceEquals(resampled, map))
            {
                memory.Free(resampled);
            }
        }

        memory.Free(best);
        return decided;
    }

    /// <summary>A part of one map on the other grid.</summary>
    internal static void Resample(NetworkOutputs outputs, int head, in GridChange change, in Box part, Span<float> result)
    {
        using var memory = new VolumeMemory(outputs.Backend);
        var area = part.Size.Y * part.Size.X;
        var most = change.IsLocal ? (int)Math.Clamp(SlabVoxels / area, 1, part.Size.Z) : part.Size.Z;
        for (var done = 0; done < part.Size.Z; done += most)
        {
            var slab = new Box(
                part.Origin with { Z = part.Origin.Z + done }, part.Size with { Z = Math.Min(most, part.Size.Z - done) });
            var source = change.Source(slab);
            var map = ((IOutputMaps)outputs).Take(memory, head, source);
            var resampled = change.Resample(memory, map, source, slab);
            outputs.Backend.Download(resampled, result.Slice(done * area, (int)resampled.Length));
            memory.Free(map);
            if (!ReferenceEquals(resampled, map))
            {
                memory.Free(resampled);
            }
        }
    }
}
