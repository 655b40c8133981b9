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
        string caseId, MedicalImage image, LabelImage? labels, PreprocessingRecipe recipe, LabelScheme scheme, Backend backend) =>
        Consume(
            caseId, new MedicalImage(image.Geometry, image.Channels.Select(channel => (float[])channel.Clone()).ToArray()),
            () => labels is null ? null : labels with { Voxels = (short[])labels.Voxels.Clone() }, recipe, scheme, backend);

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

    /// <summary>
    /// Preprocesses a case whose image and labels nobody needs any more: their arrays are worked on in place and let go one by
    /// one.
    /// </summary>
    /// <param name="caseId">Name of the case.</param>
    /// <param name="image">All channels, in a list that can be changed; empty afterwards.</param>
    /// <param name="loadLabels">Reads the label map on the same grid; null for prediction.</param>
    /// <param name="recipe">What to do.</param>
    /// <param name="scheme">The dataset's labels.</param>
    /// <param name="backend">Resamples.</param>
    /// <param name="needsLabels">The result's labels are wanted; else they may be empty.</param>
    /// <param name="watch">Sees each channel after each step; null for nobody.</param>
    /// <exception cref="SharpSegException">As for
    /// <see cref="Run(string, MedicalImage, LabelImage?, PreprocessingRecipe, LabelScheme, Backend)"/>.</exception>
    internal static PreprocessedCase Consume(
        string caseId, MedicalImage image, Func<LabelImage?>? loadLabels, PreprocessingRecipe recipe, LabelScheme scheme,
        Backend backend,
        bool needsLabels = true, PreprocessingWatch? watch = null)
    {
        Check(caseId, image, recipe);
        var orientation = recipe.ReorientToRas ? Orientation.ToRas(image.Geometry) : Orientation.AsStored;
        image = Turn(image, orientation);
        var order = recipe.TransposeForward;
        // Without a label map the mask is needed where a z-score looks at it.
        needsLabels |= loadLabels is not null || recipe.UseMaskForNorm.Any(isUsed => isUsed);
        var inPlace = IsInPlace(image.Extent) && watch is null; // who looks on is shown boxes alone
        var cropped = Crop(caseId, image, loadLabels, recipe, orientation, needsLabels, inPlace);
        var croppedShape = cropped.Shape;
        MemoryBudget.GiveBack(image.Extent.Voxels);       // the mask and the label map as it was read

        var current = AxisOrder.Apply(image.Spacing, order);
        var target = recipe.TargetFor(current);
        var rules = recipe.Resampling;
        var channels = image.Channels.Count;
        var shape = rules.Data.Method == ResamplingMethod.None
            ? croppedShape
            : TargetShape(caseId, croppedShape, current, target, channels);

        var properties = new CaseProperties
        {
            CaseId = caseId,
            Orientation = orientation,
            Spacing = image.Spacing,
            ShapeBeforeCropping = AxisOrder.Apply(image.Extent, order),
            BboxOrigin = AxisOrder.Apply(cropped.Origin, order),
            ShapeAfterCropping = croppedShape,
            Shape = shape,
            Channels = channels,
            SourceFiles = [],
            RecipeHash = "",
        };

        // Everything that looks at the cropped label map comes before the first channel is resampled, and then it is let go.
        var stores = new ArrayStore<float>[channels];
        for (var c = 0; c < channels; c++)
        {
            stores[c] = TakeChannel(image, c, cropped, recipe, properties, watch);
        }

        var finalLabels = needsLabels ? TakeLabels(backend, cropped, shape, rules.Segmentation, current, target) : [];

        var result = channels == 1 ? [] : new float[shape.Voxels * channels];
        var separateAxis = rules.Data.SeparateAxis(current, target);
        var change = new GridChange(croppedShape, shape, rules.Data.Order, separateAxis, rules.Data.OrderZ);
        for (var c = 0; c < channels; c++)
        {
            // One channel at a time: only one channel's intermediate volumes are in memory beside input and result.
            var resampled = Resampling.Resample(backend, stores[c], change);
            watch?.Invoke(PreprocessingStep.Resampled, c, resampled.Values, shape, properties);
            if (recipe.Profile == Profile.Classic)
            {
                Normalize(recipe, c, resampled, finalLabels, caseId);
                watch?.Invoke(PreprocessingStep.Normalised, c, resampled.Values, shape, properties);
            }

            if (channels == 1)
            {
                result = resampled.Values;
            }
            else
            {
                Interleave(resampled, result, c, channels);
            }
        }

        return new PreprocessedCase(
            shape, channels, result, finalLabels,
            cropped.HasLabels ? ForegroundLocations.Sample(finalLabels, shape, scheme, scheme.Partial.Of(caseId)) : [],
            properties);
    }

    /// <summary>
    /// Whether a volume is cropped to the front of its own array, so that no second one is needed; of smaller ones the room is
    /// worth more than the copy.
    /// </summary>
    internal static bool IsInPlace(Extent stored) => stored.Voxels > MemoryBudget.LargeVoxels;

    /// <summary>Finds the box; in a method of its own, after which the mask and the stored label map are free.</summary>
    private static Cropped Crop(
        string caseId, MedicalImage image, Func<LabelImage?>? loadLabels, PreprocessingRecipe recipe, Orientation orientation,
        bool needsLabels, bool inPlace)
    {
        var labels = LoadLabels(caseId, image.Extent, loadLabels, recipe, orientation);
        MemoryBudget.GiveBack(image.Extent.Voxels);       // what reading took
        RequireFinite(caseId, image);
        if (!needsLabels)
        {
            var (origin, size) = NonZeroCrop.FindBox(image.Channels, image.Extent);
            return new Cropped(origin, size, AxisOrder.Apply(size, recipe.TransposeForward), hasLabels: false, inPlace);
        }

        var crop = NonZeroCrop.Find(image.Channels, image.Extent);
        var own = NonZeroCrop.CropLabels(labels, image.Extent, crop, inPlace);
        return new Cropped(
            crop.Origin, crop.Size, AxisOrder.Apply(crop.Size, recipe.TransposeForward), labels is not null, inPlace)
        {
            Labels = AxisOrder.Apply(own, crop.Size, recipe.TransposeForward),
        };
    }

    private static MedicalImage Turn(MedicalImage image, Orientation orientation)
    {
        if (orientation.IsAsStored)
        {
            return image;
        }

        var stored = image.Extent;
        var channels = (IList<float[]>)image.Channels;
        for (var c = 0; c < channels.Count; c++)
        {
            channels[c] = orientation.Apply(channels[c], stored);
        }

        var geometry = image.Geometry with { Extent = orientation.Apply(stored), Spacing = orientation.Apply(image.Spacing) };
        return new MedicalImage(geometry, image.Channels);
    }

    /// <summary>The label map, turned like the image; null where there is none.</summary>
    private static short[]? LoadLabels(
        string caseId, Extent turned, Func<LabelImage?>? load, PreprocessingRecipe recipe, Orientation orientation)
    {
        if (load?.Invoke() is not { } labels)
        {
            return null;
        }

        recipe.RequireLabelInterpolation();
        return orientation.Apply(labels.Extent) == turned
            ? orientation.Apply(labels.Voxels, labels.Extent)
            : throw new SharpSegException(
                $"case `{caseId}`: the label map has {labels.Extent} voxels, the image {orientation.Undo(turned)}",
                "`sharpseg verify DATASET` lists every such case");
    }

    /// <summary>Labels of the box on the preprocessed grid; those of the box are let go.</summary>
    private static short[] TakeLabels(
        Backend backend, Cropped cropped, Extent to, ResamplingOrder rule, Spacing current, Spacing target)
    {
        var labels = ResampleLabels(backend, cropped.Labels, cropped.Shape, to, rule, current, target);
        cropped.Labels = [];
        return labels;
    }

    /// <summary>Labels of the box on the preprocessed grid.</summary>
    internal static short[] ResampleLabels(
        Backend backend, short[] labels, Extent from, Extent to, ResamplingOrder rule, Spacing current, Spacing target) =>
        rule.Method switch
        {
            ResamplingMethod.Torch => Resampling.ResampleLabelsByVote(
                backend, labels, from, to, rule.SeparateAxis(current, target)),
            // Without labels this is the mask alone, whatever order the plans name for labels.
            _ => Resampling.ResampleLabels(
                backend, labels, from, to, Math.Min(rule.Order, 1), rule.SeparateAxis(current, target)),
        };

    /// <summary>
    /// The box of a channel, which the image lets go, turned and, in the modern profile, normalised; in the channel's own array
    /// where the box is everything, or is cropped in place.
    /// </summary>
    private static ArrayStore<float> TakeChannel(
        MedicalImage image, int c, Cropped cropped, PreprocessingRecipe recipe, CaseProperties properties,
        PreprocessingWatch? watch)
    {
        var channel = image.Channels[c];
        ((IList<float[]>)image.Channels)[c] = [];
        if (cropped.Size != image.Extent)
        {
            var box = cropped.IsInPlace ? channel : GC.AllocateUninitializedArray<float>((int)cropped.Size.Voxels);
            NonZeroCrop.CopyBox(channel, image.Extent, cropped.Origin, cropped.Size, box.AsSpan());
            channel = box;
        }

        var voxels = AxisOrder.Apply(channel, cropped.Size, recipe.TransposeForward);
        var store = new ArrayStore<float>(voxels, cropped.Shape);
        watch?.Invoke(PreprocessingStep.Cropped, c, voxels, cropped.Shape, properties);
        if (recipe.Profile == Profile.Modern)
        {
            Normalize(recipe, c, store, cropped.Labels, properties.CaseId);
            watch?.Invoke(PreprocessingStep.Normalised, c, voxels, cropped.Shape, properties);
        }

        return store;
    }

    /// <summary>Normalises a channel in place, as the recipe says.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="c">Number of the channel.</param>
    /// <param name="channel">Its intensities.</param>
    /// <param name="labels">As for <see cref="Normalization.Apply"/>.</param>
    /// <param name="caseId">Named in messages.</param>
    /// <param name="planes">How many planes of a channel on disk are in memory at a time.</param>
    internal static void Normalize(
        PreprocessingRecipe recipe, int c, VoxelStore<float> channel, short[] labels, string caseId, int planes = 1) =>
        Normalization.Apply(
            recipe.Normalization[c], recipe.UseMaskForNorm[c], recipe.Profile, channel, labels,
            c < recipe.Intensities.Count ? recipe.Intensities[c] : null, caseId, planes);

    private static void Interleave(ArrayStore<float> channel, float[] channelsLast, int index, int channels)
    {
        var values = channel.Span;
        for (int i = 0, at = index; i < values.Length; i++, at += channels)
        {
            channelsLast[at] = values[i];
        }

        channel.Dispose();
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
                $"case `{caseId}`: {cropped} voxels of {current} become {voxels:0.###e0} voxels of {target}, more than can be "
                    + $"held ({Array.MaxLength})",
                "check the spacing in the image's header, or plan a coarser configuration");
    }

    private static void Check(string caseId, MedicalImage image, PreprocessingRecipe recipe)
    {
        if (image.Channels.Count != recipe.Normalization.Count)
        {
            throw new SharpSegException(
                $"case `{caseId}`: {image.Channels.Count} channels, the plans were made for {recipe.Normalization.Count}",
                "give every channel of the case, as in dataset.json");
        }
    }

    private static void RequireFinite(string caseId, MedicalImage image)
    {
        for (var c = 0; c < image.Channels.Count; c++)
        {
            foreach (var value in image.Channels[c])
            {
                if (!float.IsFinite(value))
                {
                    throw new SharpSegException(
                        $"case `{caseId}`: channel {c} has values that are not numbers (NaN or infinite)",
                        "replace them in the image");
                }
            }
        }
    }

    /// <summary>
    /// The box and its labels. A class, as <see cref="ArrayStore{T}"/> is one, so that what is large is let go where it is
    /// disposed of or replaced: a method that is not optimised yet keeps all arrays that it has ever touched.
    /// </summary>
    private sealed class Cropped(Extent origin, Extent size, Extent shape, bool hasLabels, bool isInPlace)
    {
        /// <summary>First voxel of the box in the image.</summary>
        public Extent Origin => origin;

        /// <summary>Voxels of the box in the image.</summary>
        public Extent Size => size;

        /// <summary>Voxels of the box in transposed axis order.</summary>
        public Extent Shape => shape;

        public bool HasLabels => hasLabels;

        /// <summary>Volumes are cropped to the front of their own arrays.</summary>
        public bool IsInPlace => isInPlace;

        public short[] Labels { get; set; } = [];
    }
}

/// <summary>The steps of preprocessing, as they are watched.</summary>
internal enum PreprocessingStep
{
    /// <summary>Cropped to the box of non-zero voxels, axes in transposed order.</summary>
    Cropped,

    /// <summary>Intensities brought to the network's scale.</summary>
    Normalised,

    /// <summary>On the grid of the target spacing.</summary>
    Resampled,
}

/// <summary>Sees a channel after a step.</summary>
/// <param name="step">The step.</param>
/// <param name="channel">Which channel.</param>
/// <param name="voxels">Its values (z, y, x): to be looked at, or copied, at once.</param>
/// <param name="shape">Voxels (z, y, x).</param>
/// <param name="properties">Where the voxels lie in the scan.</param>
internal delegate void PreprocessingWatch(
    PreprocessingStep step, int channel, float[] voxels, Extent shape, CaseProperties properties);
