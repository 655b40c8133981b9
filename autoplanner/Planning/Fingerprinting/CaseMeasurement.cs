using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>What is measured of one case: small, whatever the case's size.</summary>
/// <param name="Spacing">mm.</param>
/// <param name="Extent">Voxels of the image.</param>
/// <param name="ShapeAfterCrop">Voxels of the box around the nonzero voxels.</param>
/// <param name="RelativeSize">Voxels after over voxels before cropping.</param>
/// <param name="Intensities">Per channel the condensed foreground; empty without any foreground voxel.</param>
/// <param name="ClassVoxels">Voxels of each evaluated class in the reference.</param>
/// <param name="ClassComponents">Components (face contact) of each evaluated class in the reference.</param>
/// <param name="SpacingProblem">Why <paramref name="Spacing"/> is not what the header says; null if it is.</param>
internal sealed record CaseMeasurement(
    Spacing Spacing, Extent Extent, Extent ShapeAfterCrop, double RelativeSize, IReadOnlyList<IntensityPooling.CondensedCase> Intensities, long[] ClassVoxels,
    int[] ClassComponents, string? SpacingProblem)
{
    /// <summary>Reads and measures one case.</summary>
    /// <param name="dataset">The dataset.</param>
    /// <param name="item">The case.</param>
    /// <param name="poolings">One per channel; only <see cref="IntensityPooling.Condense"/> is used.</param>
    /// <exception cref="SharpSegException">
    /// A file is bad, has other voxels than its label map, or holds NaN or infinity.
    /// </exception>
    public static CaseMeasurement Of(Dataset dataset, DatasetCase item, IReadOnlyList<IntensityPooling> poolings)
    {
        var image = dataset.LoadImage(item);
        var labels = dataset.LoadLabels(item);
        if (labels.Extent != image.Extent)
        {
            throw new SharpSegException(
                $"case `{item.Id}`: the image has {image.Extent} voxels (z, y, x), its label map {labels.Extent}",
                "`sharpseg verify DATASET` lists every such case");
        }

        RefuseNonFinite(item, dataset.Description, image);
        var crop = NonZeroCrop.Find(image.Channels, image.Extent);
        var foreground = Foreground(labels, dataset.Description.Labels, crop);
        var intensities = new List<IntensityPooling.CondensedCase>();
        if (foreground.Length > 0)
        {
            var values = new float[foreground.Length];
            for (var channel = 0; channel < image.Channels.Count; channel++)
            {
                var voxels = image.Channels[channel];
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = voxels[foreground[i]];
                }

                intensities.Add(poolings[channel].Condense(values));
            }
        }

        var (counts, components) = Classes(labels, dataset.Description.Labels);
        return new CaseMeasurement(
            image.Spacing, image.Extent, crop.Size, (double)crop.Size.Voxels / image.Extent.Voxels, intensities, counts, components, image.Geometry.SpacingProblem);
    }

    private static void RefuseNonFinite(DatasetCase item, DatasetDescription description, MedicalImage image)
    {
        for (var channel = 0; channel < image.Channels.Count; channel++)
        {
            var at = Array.FindIndex(image.Channels[channel], value => !float.IsFinite(value));
            if (at >= 0)
            {
                var (plane, row) = (image.Extent.Y * image.Extent.X, image.Extent.X);
                throw new SharpSegException(
                    $"case `{item.Id}`: channel {channel} (`{description.ChannelNames[channel]}`) is {image.Channels[channel][at]} at voxel " +
                    $"({at / plane}, {at % plane / row}, {at % row}) (z, y, x)",
                    "replace what is not a finite number, or leave the case out");
            }
        }
    }

    /// <summary>Indices of the labelled voxels inside the box; ignore voxels are no foreground (SharpSeg choice).</summary>
    private static int[] Foreground(LabelImage labels, LabelScheme scheme, CropResult crop)
    {
        var ignore = scheme.IgnoreLabel ?? -1;
        var indices = new int[CollectForeground(labels, ignore, crop, indices: null)];
        CollectForeground(labels, ignore, crop, indices);
        return indices;
    }

    /// <summary>Counts the foreground voxels and, where there is room for them, writes their indices.</summary>
    private static int CollectForeground(LabelImage labels, int ignore, CropResult crop, int[]? indices)
    {
        var count = 0;
        for (var z = crop.Origin.Z; z < crop.Origin.Z + crop.Size.Z; z++)
        {
            for (var y = crop.Origin.Y; y < crop.Origin.Y + crop.Size.Y; y++)
            {
                var start = (((z * labels.Extent.Y) + y) * labels.Extent.X) + crop.Origin.X;
                for (var index = start; index < start + crop.Size.X; index++)
                {
                    if (labels.Voxels[index] <= 0 || labels.Voxels[index] == ignore)
                    {
                        continue;
                    }

                    if (indices is not null)
                    {
                        indices[count] = index;
                    }

                    count++;
                }
            }
        }

        return count;
    }

    private static (long[] Voxels, int[] Components) Classes(LabelImage labels, LabelScheme scheme)
    {
        var histogram = new long[1 + (scheme.IgnoreLabel ?? scheme.HighestLabel)];
        foreach (var label in labels.Voxels)
        {
            histogram[label]++;
        }

        var classes = scheme.EvaluatedClasses;
        var voxels = new long[classes.Count];
        var components = new int[classes.Count];
        for (var i = 0; i < classes.Count; i++)
        {
            voxels[i] = classes[i].Values.Sum(value => histogram[value]);
            components[i] = voxels[i] == 0
                ? 0
                : ConnectedComponents.Find(labels.Voxels, labels.Extent, [.. classes[i].Values], Connectivity.Face).Count;
        }

        return (voxels, components);
    }
}
