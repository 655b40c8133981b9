using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Preprocessing;

/// <summary>
/// Brings one case into the form the network sees (docs/method/preprocessing.md §1): crop to non-zero, transpose, normalise and
/// resample (classic: resample and normalise), sample foreground voxels. Nothing is read or written here; inputs are not changed.
/// </summary>
internal static class Preprocessor
{
    /// <summary>Preprocesses a case that is in memory.</summary>
    /// <param name="caseId">Name of the case.</param>
    /// <param name="image">All channels.</param>
    /// <param name="labels">Label map on the same grid; null for prediction.</param>
    /// <param name="recipe">What to do, from <see cref="PreprocessingRecipe"/>.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="backend">Resamples.</param>
    /// <exception cref="SharpSegException">
    /// The image does not fit the recipe or the label map, has values that are not numbers, or would be too large at the target
    /// spacing.
    /// </exception>
    public static PreprocessedCase Run(
        string caseId, MedicalImage image, LabelImage? labels, PreprocessingRecipe recipe, LabelScheme scheme, Backend backend)
    {
        Check(caseId, image, labels, recipe);
        if (labels is not null)
        {
            recipe.RequireLabelInterpolation();
        }

        var orientation = recipe.ReorientToRas ? Orientation.ToRas(image.Geometry) : Orientation.AsStored;
        (image, labels) = Turn(image, labels, orientation);
        var order = recipe.TransposeForward;
        var crop = NonZeroCrop.Find(image.Channels, image.Extent);
        var croppedShape = AxisOrder.Apply(crop.Size, order);
        var croppedLabels = AxisOrder.Apply(NonZeroCrop.CropLabels(labels?.Voxels, image.Extent, crop), crop.Size, order);

        var current = AxisOrder.Apply(image.Spacing, order);
        var target = recipe.TargetFor(current);
        var rules = recipe.Resampling;
        var shape = rules.Data.Method == ResamplingMethod.None
            ? croppedShape
            : TargetShape(caseId, croppedShape, current, target, image.Channels.Count);
        var finalLabels = ResampleLabels(backend, croppedLabels, croppedShape, shape, rules.Segmentation, current, target);

        var channels = image.Channels.Count;
        var result = channels == 1 ? [] : new float[shape.Voxels * channels];
        var separateAxis = rules.Data.SeparateAxis(current, target);
        for (var c = 0; c < channels; c++)
        {
            // One channel at a time: only one channel's intermediate volumes are in memory beside input and result.
            var voxels = new float[crop.Mask.Length];
            NonZeroCrop.CopyBox(image.Channels[c], image.Extent, crop.Origin, crop.Size, voxels);
            voxels = AxisOrder.Apply(voxels, crop.Size, order);
            if (recipe.Profile == Profile.Modern)
            {
                Normalize(recipe, c, voxels, croppedLabels, caseId);
            }

            voxels = Resampling.ResampleImage(backend, voxels, croppedShape, shape, rules.Data.Order, separateAxis, rules.Data.OrderZ);
            if (recipe.Profile == Profile.Classic)
            {
                Normalize(recipe, c, voxels, finalLabels, caseId);
            }

            if (channels == 1)
            {
                result = voxels;
            }
            else
            {
                Interleave(voxels, result, c, channels);
            }
        }

        return new PreprocessedCase(shape, channels, result, finalLabels, labels is null ? [] : ForegroundLocations.Sample(finalLabels, shape, scheme), new CaseProperties
        {
            CaseId = caseId,
            Orientation = orientation,
            Spacing = image.Spacing,
            ShapeBeforeCropping = AxisOrder.Apply(image.Extent, order),
            BboxOrigin = AxisOrder.Apply(crop.Origin, order),
            ShapeAfterCropping = croppedShape,
            Shape = shape,
            Channels = channels,
            SourceFiles = [],
            RecipeHash = "",
        });
    }

    /// <summary>Preprocesses a case that is in memory by a configuration of the plans.</summary>
    /// <param name="caseId">Name of the case.</param>
    /// <param name="image">All channels.</param>
    /// <param name="labels">Label map on the same grid; null for prediction.</param>
    /// <param name="plans">The plans.</param>
    /// <param name="configuration">One of their configurations.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="backend">Resamples.</param>
    /// <exception cref="SharpSegException">As for the other overload.</exception>
    public static PreprocessedCase Run(
        string caseId, MedicalImage image, LabelImage? labels, Plans plans, ConfigurationPlan configuration, LabelScheme scheme,
        Backend backend) =>
        Run(caseId, image, labels, PreprocessingRecipe.From(plans, configuration), scheme, backend);

    private static (MedicalImage Image, LabelImage? Labels) Turn(MedicalImage image, LabelImage? labels, Orientation orientation)
    {
        if (orientation.IsAsStored)
        {
            return (image, labels);
        }

        var stored = image.Extent;
        var geometry = image.Geometry with { Extent = orientation.Apply(stored), Spacing = orientation.Apply(image.Spacing) };
        return (
            new MedicalImage(geometry, [.. image.Channels.Select(channel => orientation.Apply(channel, stored))]),
            labels is null ? null : new LabelImage(geometry, orientation.Apply(labels.Voxels, stored)));
    }

    private static short[] ResampleLabels(
        Backend backend, short[] labels, Extent from, Extent to, ResamplingOrder rule, Spacing current, Spacing target) => rule.Method switch
        {
            ResamplingMethod.Torch => Resampling.ResampleLabelsByVote(backend, labels, from, to, rule.SeparateAxis(current, target)),
            // Without labels this is the mask alone, whatever order the plans name for labels.
            _ => Resampling.ResampleLabels(backend, labels, from, to, Math.Min(rule.Order, 1), rule.SeparateAxis(current, target)),
        };

    private static void Normalize(PreprocessingRecipe recipe, int c, float[] voxels, short[] labels, string caseId) =>
        Normalization.Apply(
            recipe.Normalization[c], recipe.UseMaskForNorm[c], recipe.Profile, voxels, labels,
            c < recipe.Intensities.Count ? recipe.Intensities[c] : null, caseId);

    private static void Interleave(float[] channel, float[] channelsLast, int index, int channels)
    {
        for (int i = 0, at = index; i < channel.Length; i++, at += channels)
        {
            channelsLast[at] = channel[i];
        }
    }

    private static Extent TargetShape(string caseId, Extent cropped, Spacing current, Spacing target, int channels)
    {
        var voxels = 1.0;
        for (var axis = 0; axis < 3; axis++)
        {
            voxels *= Math.Max(1, Math.Round(current[axis] / target[axis] * cropped[axis]));
        }

        return voxels * channels <= Array.MaxLength
            ? ResampledShape.Of(cropped, current, target)
            : throw new SharpSegException(
                $"case `{caseId}`: {cropped} voxels of {current} become {voxels:0.###e0} voxels of {target}, more than can be held ({Array.MaxLength})",
                "check the spacing in the image's header, or plan a coarser configuration");
    }

    private static void Check(string caseId, MedicalImage image, LabelImage? labels, PreprocessingRecipe recipe)
    {
        if (image.Channels.Count != recipe.Normalization.Count)
        {
            throw new SharpSegException(
                $"case `{caseId}`: {image.Channels.Count} channels, the plans were made for {recipe.Normalization.Count}",
                "give every channel of the case, as in dataset.json");
        }

        if (labels is not null && labels.Extent != image.Extent)
        {
            throw new SharpSegException(
                $"case `{caseId}`: the label map has {labels.Extent} voxels, the image {image.Extent}", "`sharpseg verify DATASET` lists every such case");
        }

        for (var c = 0; c < image.Channels.Count; c++)
        {
            foreach (var value in image.Channels[c])
            {
                if (!float.IsFinite(value))
                {
                    throw new SharpSegException(
                        $"case `{caseId}`: channel {c} has values that are not numbers (NaN or infinite)", "replace them in the image");
                }
            }
        }
    }
}

/// <summary>A case as the network sees it: transposed, cropped, normalised and resampled to its configuration's spacing.</summary>
/// <param name="Shape">Voxels (z, y, x), in transposed axis order.</param>
/// <param name="Channels">Image channels.</param>
/// <param name="Image">Normalised intensities, channels last (z, y, x, c).</param>
/// <param name="Labels">One label per voxel, -1 outside the non-zero mask; without a label file only 0 and -1.</param>
/// <param name="Locations">Per foreground class (label or region) in the order of the label scheme, then the annotated voxels if there is
/// an ignore label; empty without a label file.</param>
/// <param name="Properties">What export needs to go back to the original grid.</param>
internal sealed record PreprocessedCase(
    Extent Shape, int Channels, float[] Image, short[] Labels, IReadOnlyList<ClassLocations> Locations, CaseProperties Properties);
