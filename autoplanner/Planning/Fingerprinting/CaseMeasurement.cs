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
/// <param name="LeftRightAxis">Axis of the files (0 = z) along which the patient's left and right lie.</param>
/// <param name="HeaderProblems">What is wrong with spacing and affine of the image and with the labels' affine.</param>
/// <param name="LabelsLieElsewhere">The label map has another spacing or affine than the image.</param>
internal sealed record CaseMeasurement(
    Spacing Spacing, Extent Extent, Extent ShapeAfterCrop, double RelativeSize,
    IReadOnlyList<IntensityPooling.CondensedCase> Intensities, long[] ClassVoxels,
    int[] ClassComponents, int LeftRightAxis, IReadOnlyList<string> HeaderProblems, bool LabelsLieElsewhere)
{
    /// <summary>
    /// Bytes at the peak: labels, and beside them all channels as the last one is read (docs/method/memory.md §3).
    /// </summary>
    public static long Bytes(long voxels, int channels) =>
        (voxels * ((sizeof(float) * (channels - 1L)) + sizeof(short))) + ImageFile.ReadingBytes(voxels * sizeof(float));

    /// <summary>What measuring a case takes, by the header of its image.</summary>
    public static CaseNeed Need(DatasetCase item, int channels) =>
        CaseNeed.Of(item.Id, item.ImageFiles[0], image => Bytes(image.Extent.Voxels, channels));

    /// <summary>Reads and measures one case.</summary>
    /// <param name="dataset">The dataset.</param>
    /// <param name="item">The case.</param>
    /// <param name="poolings">One per channel; only <see cref="IntensityPooling.Condense"/> is used.</param>
    /// <exception cref="SharpSegException">
    /// A file is bad, has other voxels than its label map, or holds NaN or infinity.
    /// </exception>
    public static CaseMeasurement Of(Dataset dataset, DatasetCase item, IReadOnlyList<IntensityPooling> poolings)
    {
        // In methods of their own: one that is not optimised yet keeps all arrays that it has ever touched.
        var labels = dataset.LoadLabels(item);
        MemoryBudget.GiveBack(labels.Extent.Voxels);      // what cases before it took
        var measured = WithoutClasses(dataset, item, labels, poolings);
        MemoryBudget.GiveBack(labels.Extent.Voxels);      // the image
        var (counts, components) = Classes(labels, dataset.Description.Labels);
        return measured with { ClassVoxels = counts, ClassComponents = components };
    }

    /// <summary>Everything but the classes.</summary>
    private static CaseMeasurement WithoutClasses(
        Dataset dataset, DatasetCase item, LabelImage labels, IReadOnlyList<IntensityPooling> poolings)
    {
        var image = dataset.LoadImage(item);
        if (labels.Extent != image.Extent)
        {
            throw new SharpSegException(
                $"case `{item.Id}`: the image has {image.Extent} voxels (z, y, x), its label map {labels.Extent}",
                "`sharpseg verify DATASET` lists every such case");
        }

        RefuseNonFinite(item, dataset.Description, image);
        var (origin, size) = NonZeroCrop.FindBox(image.Channels, image.Extent);
        var ignore = dataset.Description.Labels.IgnoreLabel ?? -1; // ignore voxels are no foreground (SharpSeg choice)
        var intensities = new List<IntensityPooling.CondensedCase>();
        foreach (var (channel, voxels) in image.Channels.Index())
        {
            if (CollectForeground(labels, ignore, origin, size, voxels) is { Length: > 0 } values)
            {
                intensities.Add(poolings[channel].Condense(values));
            }
        }

        string?[] problems = [image.Geometry.SpacingProblem, image.Geometry.AffineProblem, labels.Geometry.AffineProblem];
        return new CaseMeasurement(
            image.Spacing, image.Extent, size, (double)size.Voxels / image.Extent.Voxels, intensities, [], [],
            PatientSpace.LeftRightAxis(image.Geometry.Affine), [.. problems.OfType<string>().Distinct()],
            GridComparison.Differs(labels.Geometry, image.Geometry));
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
                    $"case `{item.Id}`: channel {channel} (`{description.ChannelNames[channel]}`) is "
                        + $"{image.Channels[channel][at]} at voxel ({at / plane}, {at % plane / row}, {at % row}) (z, y, x)",
                    "replace what is not a finite number, or leave the case out");
            }
        }
    }

    /// <summary>Intensities of the labelled voxels inside the box, moved to the front of their channel.</summary>
    private static Span<float> CollectForeground(LabelImage labels, int ignore, Extent origin, Extent size, float[] voxels)
    {
        var count = 0;
        for (var z = origin.Z; z < origin.Z + size.Z; z++)
        {
            for (var y = origin.Y; y < origin.Y + size.Y; y++)
            {
                var start = (((z * labels.Extent.Y) + y) * labels.Extent.X) + origin.X;
                for (var index = start; index < start + size.X; index++)
                {
                    if (labels.Voxels[index] > 0 && labels.Voxels[index] != ignore)
                    {
                        voxels[count++] = voxels[index];
                    }
                }
            }
        }

        return voxels.AsSpan(0, count);
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
