using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>
/// Looks on while a case is predicted, writes what it sees as NIfTI files, and keeps the facts. Nothing is computed here but
/// statistics.
/// </summary>
/// <param name="folder">Gets the files.</param>
/// <param name="scan">Geometry of the scan.</param>
/// <param name="description">Channels and labels.</param>
/// <param name="manyConfigurations">Several configurations answer, so their names go into those of the files.</param>
internal sealed class TraceRecorder(
    string folder, ImageGeometry scan, DatasetDescription description, bool manyConfigurations) : IPredictionWatch
{
    private readonly List<TraceStep> steps = [];
    private readonly Dictionary<PreprocessingStep, (List<string> Facts, List<TraceVolume> Volumes)> preprocessing = [];
    private Plans plans = null!;
    private ConfigurationPlan configuration = null!;
    private CaseProperties? seen;
    private int folds;
    private bool isWeighed;

    /// <summary>The stations so far, in order.</summary>
    public IReadOnlyList<TraceStep> Steps => steps;

    /// <summary>Called once the case of a configuration is preprocessed, before it is predicted.</summary>
    public required Action<Plans, ConfigurationPlan> AfterPreprocessing { get; init; }

    /// <summary>Adds a station that is not part of the prediction.</summary>
    public void Add(TraceStep step) => steps.Add(step);

    /// <summary>The name by which files and stations tell configurations apart.</summary>
    public string NameOf(ConfigurationPlan of) => manyConfigurations ? of.Name : "";

    /// <inheritdoc/>
    public void Begin(Plans plans, ConfigurationPlan configuration, int folds)
    {
        (this.plans, this.configuration, this.folds) = (plans, configuration, folds);
        preprocessing.Clear();
        (seen, isWeighed) = (null, false);
    }

    /// <inheritdoc/>
    public void Preprocessed(
        PreprocessingStep step, int channel, float[] voxels, Extent shape, CaseProperties properties)
    {
        seen = properties;
        var name = $"{step.ToString().ToLowerInvariant()}{Channel(channel)}";
        var file = Write($"{(int)step + 2}_{name}", voxels, Grid(properties).OfCase(shape));
        if (!preprocessing.TryGetValue(step, out var entry))
        {
            preprocessing[step] = entry = ([.. FactsOf(step, properties, shape)], []);
        }

        entry.Facts.Add($"{description.ChannelNames[channel]}: {Statistics(voxels)}");
        entry.Volumes.Add(new(description.ChannelNames[channel], file));
    }

    /// <inheritdoc/>
    public void Prepared()
    {
        // The stations of preprocessing, in the order in which they were met.
        foreach (var (step, entry) in preprocessing)
        {
            var kind = step switch
            {
                PreprocessingStep.Cropped => TraceKind.Cropped,
                PreprocessingStep.Normalised => TraceKind.Normalised,
                _ => TraceKind.Resampled,
            };
            steps.Add(new TraceStep(kind, NameOf(configuration), entry.Facts, entry.Volumes));
        }

        AfterPreprocessing(plans, configuration);
    }

    /// <inheritdoc/>
    public void Weighed(Tiling tiling, float[] tile, float[] sum)
    {
        isWeighed = true;
        var grid = Grid(seen!);
        var geometry = grid.OfCase(tiling.Size);

        // The first tile, which lies outside where the case is smaller than a tile.
        var first = tiling.Tiles[tiling.Tiles.Count / 2];
        var start = new Extent(
            first.Z - tiling.Below.Z, first.Y - tiling.Below.Y, first.X - tiling.Below.X);
        var bell = geometry with { Extent = tiling.Tile, Affine = Shifted(geometry.Affine, start) };
        steps.Add(new TraceStep(
            TraceKind.Tiles, NameOf(configuration),
            [
                $"{Counted.Of(tiling.Tiles.Count, "tile")} of {tiling.Tile} voxels on {tiling.Size} voxels (z, y, x), beginning at z "
                    + $"{Starts(tiling, 0)}; y {Starts(tiling, 1)}; x {Starts(tiling, 2)}",
                Counted.Of(folds, "network answers", "networks are averaged"),
                tiling.Padded == tiling.Size ? "no padding was needed" : $"padded to {tiling.Padded} voxels, for a tile must fit",
                FormattableString.Invariant($"weights within a tile from {tile.Min():0.###e0} to {tile.Max():0.##}; their sum from {sum.Min():0.###e0} to {sum.Max():0.##}"),
            ],
            [
                new("weights of one tile", Write("6_tile_weights", tile, bell), ShownAs: geometry.Affine),
                new("sum over all tiles", Write("6_sum_of_weights", sum, geometry)),
            ]));
    }

    /// <inheritdoc/>
    public void Answered(NetworkOutputs outputs, CaseProperties properties)
    {
        if (!isWeighed)
        {
            steps.Add(new TraceStep(
                TraceKind.Tiles, NameOf(configuration),
                [
                    "the network's answers do not fit into memory together: they were summed up slab by slab, into a file, so the "
                        + "weights never were in one piece and are not drawn; the segmentation is the same",
                    Counted.Of(folds, "network answers", "networks are averaged"),
                ],
                []));
        }

        var heads = outputs.Heads;
        var geometry = Grid(properties).OfCase(outputs.Size);
        var isClassic = plans.Profile == Profile.Classic;
        string[] names = [.. HeadNames(description.Labels)];
        var volumes = new List<TraceVolume>();
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        var answer = new float[outputs.Size.Voxels];
        for (var head = 0; head < heads; head++)
        {
            outputs.Read(head, answer);
            (low, high) = (Math.Min(low, answer.Min()), Math.Max(high, answer.Max()));
            var file = Write($"7_{(isClassic ? "averaged_probability" : "logit")}_{head}", answer, geometry);
            volumes.Add(new(names[head], file, Notes: [Statistics(answer)]));
        }

        steps.Add(new TraceStep(
            TraceKind.Logits, NameOf(configuration),
            isClassic ? ["profile classic: these are probabilities, which it averages instead of logits"] : [],
            [.. volumes.Select(volume => volume with { Range = (low, high) })]));

        var probabilities = new PredictedMaps(outputs, properties, plans, configuration, description.Labels);
        var onScan = new List<TraceVolume>();
        var map = new float[scan.Extent.Voxels];          // one for all: large arrays that are dropped wait for the collector
        for (var head = 0; head < heads; head++)
        {
            probabilities.Read(head, 0, map);
            onScan.Add(new(
                names[head], Write($"8_probability_{head}", map, OwnGeometry()), Range: (0, 1),
                Notes: [FormattableString.Invariant($"above one half in {map.Count(p => p > 0.5f)} voxels, between 0.1 and 0.9 in {map.Count(p => p is > 0.1f and < 0.9f)}")]));
        }

        steps.Add(new TraceStep(
            TraceKind.Probabilities, NameOf(configuration), [$"on the scan's {scan.Extent} voxels (z, y, x)"], onScan));
    }

    /// <summary>Writes a volume as a NIfTI file of the trace's folder and returns the file's name.</summary>
    public string Write(string name, float[] voxels, ImageGeometry geometry)
    {
        var file = name + Suffix;
        ImageFile.WriteFloats(Path.Combine(folder, file), voxels, geometry);
        return file;
    }

    /// <summary>The same of labels.</summary>
    public string Write(string name, short[] labels, ImageGeometry geometry)
    {
        var file = name + Suffix;
        SegmentationFile.Write(Path.Combine(folder, file), labels, geometry, description.Labels, withIgnored: true);
        return file;
    }

    /// <summary>Mean, spread and extremes in words.</summary>
    public static string Statistics(float[] voxels)
    {
        double sum = 0, squares = 0;
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (var value in voxels)
        {
            sum += value;
            squares += (double)value * value;
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        }

        var mean = sum / voxels.Length;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"from {Short(low)} to {Short(high)}, mean {Short(mean)}, standard deviation {Short(Math.Sqrt(Math.Max(0, (squares / voxels.Length) - (mean * mean))))}");
    }

    private static double Short(double value) => Math.Round(value, 3) + 0.0; // no -0

    /// <summary>The scan's own files come before any configuration.</summary>
    private string Suffix => seen is null || NameOf(configuration).Length == 0 ? ".nii.gz" : $"_{configuration.Name}.nii.gz";

    /// <summary>What each output of the network stands for.</summary>
    private static IEnumerable<string> HeadNames(LabelScheme labels) => labels.HasRegions
        ? labels.Entries.Where(entry => labels.Regions.Contains(entry.Values)).Select(entry => entry.Name)
        : labels.AllLabels.Select(label => labels.Entries.First(entry => entry.Values is [var value] && value == label).Name);

    private static string Starts(Tiling tiling, int axis) => string.Join(", ", tiling.Starts(axis));

    private static double[] Shifted(double[] affine, Extent voxels)
    {
        var shifted = (double[])affine.Clone();
        for (var row = 0; row < 3; row++)
        {
            shifted[(4 * row) + 3] += (affine[4 * row] * voxels.X) + (affine[(4 * row) + 1] * voxels.Y)
                + (affine[(4 * row) + 2] * voxels.Z);
        }

        return shifted;
    }

    private IEnumerable<string> FactsOf(PreprocessingStep step, CaseProperties properties, Extent shape)
    {
        var current = Volumes.AxisOrder.Apply(properties.Spacing, plans.TransposeForward);
        switch (step)
        {
            case PreprocessingStep.Cropped:
                yield return $"{properties.ShapeAfterCropping} of {properties.ShapeBeforeCropping} voxels (z, y, x) are kept, from voxel "
                    + $"{properties.BboxOrigin} on: "
                    + FormattableString.Invariant($"{100.0 * properties.ShapeAfterCropping.Voxels / properties.ShapeBeforeCropping.Voxels:0.#} %");
                yield return plans.TransposeForward is [0, 1, 2] && properties.Orientation.IsAsStored
                    ? "the axes stay as they are in the file"
                    : $"the axes are put into the order {string.Join(", ", plans.TransposeForward)} of the "
                        + (properties.Orientation.IsAsStored ? "file's" : "file's, after turning the scan to RAS");
                break;
            case PreprocessingStep.Normalised:
                for (var c = 0; c < description.ChannelNames.Count; c++)
                {
                    yield return $"{description.ChannelNames[c]}: scheme {configuration.Normalization[c]}"
                        + (configuration.UseMaskForNorm[c] ? ", statistics inside the non-zero mask only" : "");
                }

                break;
            default:
                var rule = configuration.Resampling.Data;
                var recipe = PreprocessingRecipe.From(plans, configuration);
                var target = recipe.TargetFor(current);
                yield return $"from {properties.ShapeAfterCropping} voxels of {current} to {shape} voxels of {target}";
                yield return $"splines of order {rule.Order}"
                    + (rule.SeparateAxis(current, target) is { } axis
                        ? $", but order {rule.OrderZ} along {"zyx"[axis]}: its slices are too far apart" : " in all directions");
                break;
        }
    }

    private string Channel(int channel) => description.ChannelNames.Count == 1 ? "" : $"_{channel}";

    private TraceGrid Grid(CaseProperties properties) => new(scan, properties, plans.TransposeForward);

    /// <summary>The scan's geometry without its own header, so that any format becomes NIfTI.</summary>
    private ImageGeometry OwnGeometry() => scan with { Format = "", RawHeader = [] };
}
