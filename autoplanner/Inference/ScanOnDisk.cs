using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Volumes;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// A scan that does not fit into memory: it is decoded piece by piece into a file, cropped, turned, normalised and resampled from
/// file to file, and its tiles are read from the last one (docs/method/memory.md §2). Values are those of
/// <see cref="Preprocessor"/>, byte for byte.
/// </summary>
internal sealed class ScanOnDisk : ITileSource, IDisposable
{
    private const int SlabsInWork = 8;                    // of the resampling; read, turned and normalised ones are fewer

    private readonly VoxelStore<float>[] channels;
    private float[] row = [];

    private ScanOnDisk(VoxelStore<float>[] channels, short[] labels, CaseProperties properties) =>
        (this.channels, Labels, Properties) = (channels, labels, properties);

    /// <summary>In the second stage of a cascade the first one's labels on this grid, in memory; else empty.</summary>
    public short[] Labels { get; }

    /// <summary>What was done to the scan.</summary>
    public CaseProperties Properties { get; }

    /// <inheritdoc/>
    public Extent Size => channels[0].Size;

    /// <inheritdoc/>
    public int Channels => channels.Length;

    /// <summary>
    /// Whether a recipe can be followed this way. Profile classic normalises inside a mask that is resampled before, and labels
    /// that are resampled by vote take volumes of numbers: both look at everything.
    /// </summary>
    /// <param name="recipe">What is done.</param>
    /// <param name="hasLabels">There is a segmentation by the first stage of a cascade.</param>
    public static bool IsOffered(PreprocessingRecipe recipe, bool hasLabels) =>
        (recipe.Profile == Profile.Modern || !UsesMask(recipe))
            && (!hasLabels || recipe.Resampling.Segmentation.Method != ResamplingMethod.Torch);

    /// <summary>
    /// Memory that it takes: slabs, or a plane where that is more; where a mask is used, it and its labels; with labels, as they
    /// are stored, cropped and resampled.
    /// </summary>
    /// <param name="stored">Voxels of the scan.</param>
    /// <param name="shape">Voxels of the preprocessed grid.</param>
    /// <param name="recipe">What is done.</param>
    /// <param name="hasLabels">There is a segmentation by the first stage of a cascade.</param>
    public static long MemoryBytes(Extent stored, Extent shape, PreprocessingRecipe recipe, bool hasLabels) =>
        (SlabsInWork * sizeof(float) * Math.Max(StepwiseResampling.SlabVoxels, LargestPlane(stored)))
            + (hasLabels ? Math.Max(5 * stored.Voxels, sizeof(short) * (stored.Voxels + shape.Voxels))
                : UsesMask(recipe) ? (sizeof(bool) + sizeof(short)) * stored.Voxels
                : 0);

    /// <summary>Files that it needs: every channel as stored, and of one the box and two steps of its resampling.</summary>
    public static long DiskBytes(Extent stored, Extent shape, int channels) =>
        sizeof(float) * ((channels * (stored.Voxels + shape.Voxels)) + (2 * Math.Max(stored.Voxels, shape.Voxels)));

    /// <summary>Prepares a scan.</summary>
    /// <param name="caseId">For messages.</param>
    /// <param name="files">Of its channels.</param>
    /// <param name="recipe">What is done; offered.</param>
    /// <param name="folder">Where the files lie as long as they are needed.</param>
    /// <param name="backend">Resamples.</param>
    /// <param name="cancel">Stops between pieces.</param>
    /// <param name="previous">In the second stage of a cascade, hands over the first one's segmentation; else null.</param>
    /// <param name="constant">Told of every channel with one value everywhere, and of the value.</param>
    /// <exception cref="SharpSegException">As for <see cref="Preprocessor"/>, or the disk is full.</exception>
    public static ScanOnDisk Prepare(
        string caseId, IReadOnlyList<string> files, PreprocessingRecipe recipe, string folder, Backend backend,
        CancellationToken cancel, Func<LabelImage>? previous = null, Action<int, float>? constant = null)
    {
        var stores = new List<VoxelStore<float>>();
        try
        {
            var box = new SignalBox();
            var everywhere = new List<float?>();
            var geometry = Decode(caseId, files, folder, stores, everywhere, box, cancel);
            if (stores.Count != recipe.Normalization.Count)
            {
                throw new SharpSegException(
                    $"case `{caseId}`: {stores.Count} channels, the plans were made for {recipe.Normalization.Count}",
                    "give every channel of the case, as in dataset.json");
            }

            foreach (var (c, value) in everywhere.Index())
            {
                if (value is { } one)
                {
                    constant?.Invoke(c, one);
                }
            }

            var crop = box.Of(geometry.Extent);
            var order = recipe.TransposeForward;
            var orientation = recipe.ReorientToRas ? Orientation.ToRas(geometry) : Orientation.AsStored;
            var spacing = orientation.Apply(geometry.Spacing);
            var cropped = AxisOrder.Apply(orientation.Apply(crop.Size), order);
            var current = AxisOrder.Apply(spacing, order);
            var target = recipe.TargetFor(current);
            var rule = recipe.Resampling.Data;
            var shape = rule.Method == ResamplingMethod.None ? cropped : ResampledShape.Of(cropped, current, target);
            var change = new GridChange(cropped, shape, rule.Order, rule.SeparateAxis(current, target), rule.OrderZ);
            VoxelStore<float> Create(Extent size) => new FileStore<float>(folder, size, "a scan's voxels");
            for (var c = 0; c < stores.Count; c++)
            {
                cancel.ThrowIfCancellationRequested();
                if (crop.Size != geometry.Extent || AxisOrder.Turns(order) || !orientation.IsAsStored)
                {
                    var whole = stores[c];
                    stores[c] = Create(cropped);
                    using (whole)
                    {
                        Take(whole, crop, orientation, order, stores[c], cancel);
                    }
                }
            }

            var origin = AxisOrder.Apply(orientation.OriginOf(crop.Origin, crop.Size, geometry.Extent), order);
            var labels = previous is not null || UsesMask(recipe) ? Mask(stores) : [];
            if (previous is not null)
            {
                recipe.RequireLabelInterpolation();
                Cover(labels, previous(), geometry.Extent, orientation, order, new Box(origin, cropped), caseId);
            }

            MemoryBudget.GiveBack(geometry.Extent.Voxels); // the mask, and the labels as they were stored
            for (var c = 0; c < stores.Count; c++)
            {
                cancel.ThrowIfCancellationRequested();
                if (recipe.Profile == Profile.Modern)
                {
                    Preprocessor.Normalize(recipe, c, stores[c], labels, caseId, Planes(stores[c].Size));
                }

                stores[c] = new StepwiseResampling(backend, change, Create) { Cancel = cancel }.Resample(stores[c]);
                if (recipe.Profile == Profile.Classic)
                {
                    Preprocessor.Normalize(recipe, c, stores[c], [], caseId, Planes(stores[c].Size));
                }
            }

            labels = previous is null
                ? []
                : Preprocessor.ResampleLabels(backend, labels, cropped, shape, recipe.Resampling.Segmentation, current, target);
            return new ScanOnDisk([.. stores], labels, new CaseProperties
            {
                CaseId = caseId,
                Orientation = orientation,
                Spacing = spacing,
                ShapeBeforeCropping = AxisOrder.Apply(orientation.Apply(geometry.Extent), order),
                BboxOrigin = origin,
                ShapeAfterCropping = cropped,
                Shape = shape,
                Channels = stores.Count,
                SourceFiles = [],
                RecipeHash = "",
            });
        }
        catch
        {
            stores.ForEach(store => store.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Read(Extent origin, Extent size, Span<float> channelsLast)
    {
        if (channels.Length == 1)
        {
            channels[0].Read(new Box(origin, size), channelsLast[..(int)size.Voxels]);
            return;
        }

        if (row.Length < size.Voxels)
        {
            row = new float[size.Voxels];
        }

        for (var c = 0; c < channels.Length; c++)
        {
            channels[c].Read(new Box(origin, size), row.AsSpan(0, (int)size.Voxels));
            for (int i = 0, at = c; i < (int)size.Voxels; i++, at += channels.Length)
            {
                channelsLast[at] = row[i];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(channels, channel => channel.Dispose());

    private static long LargestPlane(Extent size) =>
        Math.Max((long)size.Y * size.X, Math.Max((long)size.Z * size.X, (long)size.Z * size.Y));

    private static ImageGeometry Decode(
        string caseId, IReadOnlyList<string> files, string folder, List<VoxelStore<float>> stores,
        List<float?> everywhere, SignalBox box, CancellationToken cancel)
    {
        ImageGeometry? geometry = null;
        foreach (var path in files)
        {
            var before = stores.Count;
            ImageFile.Stream(path, (header, _) =>
            {
                geometry ??= header.Geometry;
                if (header.Geometry.Extent != geometry.Extent)
                {
                    throw new SharpSegException(
                        $"case `{caseId}`: `{Path.GetFileName(path)}` has {header.Geometry.Extent} voxels (z, y, x), its first "
                            + $"channel {geometry.Extent}",
                        "all channels of a case must lie on one grid: resample them");
                }

                for (var c = 0; c < header.Channels; c++)
                {
                    stores.Add(new FileStore<float>(folder, geometry.Extent, "a scan's voxels"));
                    everywhere.Add(null);
                }

                return (channel, first, values) =>
                {
                    cancel.ThrowIfCancellationRequested();
                    box.Add(caseId, before + channel, first, values, geometry.Extent);
                    var value = first == 0 ? values[0] : everywhere[before + channel];
                    everywhere[before + channel] = value is { } one && !values.ContainsAnyExcept(one) ? one : null;
                    ((FileStore<float>)stores[before + channel]).Write(first, values);
                };
            });
        }

        return geometry!;
    }

    /// <summary>The box of a volume, turned, slab by slab.</summary>
    private static void Take(
        VoxelStore<float> volume, in Box crop, Orientation orientation, IReadOnlyList<int> order, VoxelStore<float> target,
        CancellationToken cancel)
    {
        var planes = Planes(target.Size);
        var (across, isBackwards) = orientation.Stored(order[0]);
        for (var first = 0; first < target.Size.Z; first += planes)
        {
            cancel.ThrowIfCancellationRequested();

            // Planes of the target are slices of the source across the axis that comes first.
            var count = Math.Min(planes, target.Size.Z - first);
            var begin = crop.Origin[across] + (isBackwards ? crop.Size[across] - first - count : first);
            var source = new Box(crop.Origin.With(across, begin), crop.Size.With(across, count));
            var values = new float[source.Size.Voxels];
            volume.Read(source, values);
            var turned = orientation.Apply(values, source.Size);
            target.Write(
                Box.Planes(target.Size, first, count), AxisOrder.Apply(turned, orientation.Apply(source.Size), order));
        }
    }

    private static bool UsesMask(PreprocessingRecipe recipe) => recipe.UseMaskForNorm.Any(isUsed => isUsed);

    /// <summary>Labels of a case without labels: 0 inside the mask of all channels, −1 outside.</summary>
    private static short[] Mask(IReadOnlyList<VoxelStore<float>> channels)
    {
        var size = channels[0].Size;
        var mask = new bool[size.Voxels];
        var planes = Planes(size);
        var values = new float[size.With(0, planes).Voxels];
        foreach (var channel in channels)
        {
            for (var first = 0; first < size.Z; first += planes)
            {
                var box = Box.Planes(size, first, Math.Min(planes, size.Z - first));
                channel.Read(box, values.AsSpan(0, (int)box.Size.Voxels));
                for (int i = 0, at = first * size.Y * size.X; i < (int)box.Size.Voxels; i++, at++)
                {
                    mask[at] |= values[i] != 0f;
                }
            }
        }

        NonZeroCrop.FillHoles(mask, size);
        return NonZeroCrop.CropLabels(null, size, new CropResult(default, size, mask));
    }

    /// <summary>Writes the labels of a stored segmentation over a mask; its background leaves the mask as it is.</summary>
    /// <param name="mask">Of the box; 0 inside, −1 outside.</param>
    /// <param name="segmentation">On the scan's grid.</param>
    /// <param name="stored">Voxels of the scan.</param>
    /// <param name="orientation">How the scan was turned.</param>
    /// <param name="order">How it was transposed then.</param>
    /// <param name="box">Of the turned, transposed scan.</param>
    /// <param name="caseId">For messages.</param>
    private static void Cover(
        short[] mask, LabelImage segmentation, Extent stored, Orientation orientation, IReadOnlyList<int> order, in Box box,
        string caseId)
    {
        if (segmentation.Extent != stored)
        {
            throw new SharpSegException(
                $"case `{caseId}`: the label map has {segmentation.Extent} voxels, the image {stored}",
                "`sharpseg verify DATASET` lists every such case");
        }

        var steps = orientation.StridesOf(stored, out var start);
        var (stepZ, stepY, stepX) = (steps[order[0]], steps[order[1]], steps[order[2]]);
        start += (box.Origin.Z * stepZ) + (box.Origin.Y * stepY) + (box.Origin.X * stepX);
        var at = 0;
        for (var z = 0; z < box.Size.Z; z++)
        {
            for (var y = 0; y < box.Size.Y; y++)
            {
                var from = start + (z * stepZ) + (y * stepY);
                for (var x = 0; x < box.Size.X; x++, at++, from += stepX)
                {
                    mask[at] = segmentation.Voxels[from] != 0 ? segmentation.Voxels[from] : mask[at];
                }
            }
        }
    }

    private static int Planes(Extent size) =>
        (int)Math.Clamp(StepwiseResampling.SlabVoxels / Math.Max(1, (long)size.Y * size.X), 1, size.Z);

    /// <summary>The box around the voxels of which any channel is not 0, while they are read.</summary>
    private sealed class SignalBox
    {
        private Extent low = new(int.MaxValue, int.MaxValue, int.MaxValue), high = new(-1, -1, -1);

        public void Add(string caseId, int channel, long first, ReadOnlySpan<float> values, Extent size)
        {
            for (var i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i]))
                {
                    throw new SharpSegException(
                        $"case `{caseId}`: channel {channel} has values that are not numbers (NaN or infinite)",
                        "replace them in the image");
                }

                if (values[i] == 0f)
                {
                    continue;
                }

                var voxel = first + i;
                var (z, y, x) = ((int)(voxel / size.X / size.Y), (int)(voxel / size.X % size.Y), (int)(voxel % size.X));
                low = new Extent(Math.Min(low.Z, z), Math.Min(low.Y, y), Math.Min(low.X, x));
                high = new Extent(Math.Max(high.Z, z), Math.Max(high.Y, y), Math.Max(high.X, x));
            }
        }

        /// <summary>The box; everything where all is 0.</summary>
        public Box Of(Extent all) => high.Z < 0
            ? new Box(default, all)
            : new Box(low, new Extent(high.Z - low.Z + 1, high.Y - low.Y + 1, high.X - low.X + 1));
    }
}

/// <summary>A scan, read as a whole or in pieces.</summary>
/// <param name="Load">Reads it as a whole.</param>
/// <param name="Files">Of its channels; empty where there are none, so that it can only be read as a whole.</param>
/// <param name="Constant">
/// Told of a channel with one value everywhere, and of the value, where the scan is read in pieces; null where nobody asks.
/// </param>
internal sealed record ScanSource(
    Func<MedicalImage> Load, IReadOnlyList<string> Files, Action<int, float>? Constant = null);
