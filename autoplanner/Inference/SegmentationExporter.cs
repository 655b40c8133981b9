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
public static class SegmentationExporter
{
    /// <summary>Labels (z, y, x) in the original axis order and size.</summary>
    /// <param name="maps">Channels last (z, y, x, heads) on the preprocessed grid: logits (modern) or probabilities (classic).</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition and profile.</param>
    /// <param name="configuration">Spacing and resampling orders.</param>
    /// <param name="labels">Heads to labels.</param>
    public static short[] ToOriginalGrid(
        float[] maps, CaseProperties properties, Plans plans, ConfigurationPlan configuration, LabelScheme labels) =>
        Restore(Decide(maps, GridChange.Of(properties, plans, configuration), labels), properties, plans);

    /// <summary>A volume in the original axis order and size from one on the cropped, transposed original grid.</summary>
    /// <param name="cropped">Labels or probabilities; not changed.</param>
    /// <param name="properties">What preprocessing did to the case.</param>
    /// <param name="plans">Transposition.</param>
    /// <param name="outside">The value outside the box.</param>
    internal static T[] Restore<T>(T[] cropped, CaseProperties properties, Plans plans, T outside = default) where T : struct =>
        properties.Orientation.Undo(
            AxisOrder.Apply(Uncrop(cropped, properties, outside), properties.ShapeBeforeCropping, plans.TransposeBackward),
            StoredExtent(properties, plans));

    /// <summary>Voxels of the image as its file stores it.</summary>
    internal static Extent StoredExtent(CaseProperties properties, Plans plans) =>
        properties.Orientation.Undo(AxisOrder.Apply(properties.ShapeBeforeCropping, plans.TransposeBackward));

    /// <summary>
    /// Labels on the grid on which the next stage of a cascade has the case (docs/method/inference.md §7): both grids share crop
    /// and transposition, so nothing is undone; whether slices are resampled by themselves is decided with this stage's spacing
    /// alone.
    /// </summary>
    /// <param name="maps">Channels last (z, y, x, heads): logits (modern) or probabilities (classic).</param>
    /// <param name="from">Their voxels.</param>
    /// <param name="to">Voxels of the case as preprocessed for the next stage.</param>
    /// <param name="profile">Of the plans.</param>
    /// <param name="configuration">The stage that predicted.</param>
    /// <param name="labels">Heads to labels.</param>
    public static short[] ToNextStage(float[] maps, Extent from, Extent to, Profile profile, ConfigurationPlan configuration, LabelScheme labels)
    {
        var spacing = Spacing.FromArray(configuration.Spacing);
        return Decide(maps, GridChange.Between(from, to, spacing, spacing, profile, configuration), labels);
    }

    /// <summary>Permutes axes: output axis i is input axis backward[i].</summary>
    internal static short[] TransposeBack(short[] labels, Extent shape, IReadOnlyList<int> backward) =>
        AxisOrder.Apply(labels, shape, backward);

    /// <summary>Resamples one map after the other and decides the label of each voxel of the other grid.</summary>
    internal static short[] Decide(float[] maps, in GridChange change, LabelScheme labels)
    {
        var heads = labels.HeadCount;
        var (from, to) = (change.From, change.To);
        var decision = new LabelDecision(to.Voxels, labels, change.Threshold);
        var map = new float[from.Voxels];
        for (var head = 0; head < heads; head++)
        {
            for (long i = 0, j = head; i < map.Length; i++, j += heads)
            {
                map[i] = maps[j];
            }

            decision.Add(head, Resampling.ResampleImage(map, from, to, change.Order, change.SeparateAxis, change.SeparateOrder));
        }

        return decision.Labels;
    }

    private static T[] Uncrop<T>(T[] cropped, CaseProperties properties, T outside) where T : struct
    {
        var (shape, origin, size) = (properties.ShapeBeforeCropping, properties.BboxOrigin, properties.ShapeAfterCropping);
        if (shape == size)
        {
            return cropped;
        }

        var full = new T[shape.Voxels];
        Array.Fill(full, outside);
        for (var z = 0; z < size.Z; z++)
        {
            for (var y = 0; y < size.Y; y++)
            {
                var from = (((long)z * size.Y) + y) * size.X;
                var to = ((((long)(z + origin.Z) * shape.Y) + y + origin.Y) * shape.X) + origin.X;
                Array.Copy(cropped, from, full, to, size.X);
            }
        }

        return full;
    }
}
