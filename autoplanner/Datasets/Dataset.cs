using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// A dataset on disk, read in place and never written to. Opening reads dataset.json and the names of files; what is inside them
/// is checked when they are loaded, or all at once by <see cref="DatasetVerifier"/>.
/// </summary>
public sealed class Dataset
{
    /// <summary>Name of the describing file in every format.</summary>
    public const string DescriptionFile = "dataset.json";

    private Dataset(
        string folder, DatasetFormat format, DatasetDescription description, IReadOnlyList<DatasetCase> training,
        IReadOnlyList<DatasetCase> test)
    {
        Folder = folder;
        Format = format;
        Description = description;
        TrainingCases = training;
        TestCases = test;
    }

    /// <summary>Full path.</summary>
    public string Folder { get; }

    /// <summary>How it lies on disk.</summary>
    public DatasetFormat Format { get; }

    /// <summary>Channels, labels, file ending.</summary>
    public DatasetDescription Description { get; }

    /// <summary>Cases with labels, sorted by id (ordinal).</summary>
    public IReadOnlyList<DatasetCase> TrainingCases { get; }

    /// <summary>Cases without labels, sorted by id (ordinal); often none.</summary>
    public IReadOnlyList<DatasetCase> TestCases { get; }

    /// <summary>The user's own split (splits_final.json in the dataset folder), or null.</summary>
    public string? SplitsFile
    {
        get
        {
            var path = Path.Combine(Folder, "splits_final.json");
            return File.Exists(path) ? path : null;
        }
    }

    /// <summary>Opens a Medical Segmentation Decathlon folder or an nnU-Net v2 or v1 raw folder.</summary>
    /// <param name="folder">The folder that holds dataset.json.</param>
    /// <exception cref="SharpSegException">No such folder, no usable dataset.json, or no training case.</exception>
    public static Dataset Open(string folder)
    {
        var full = Path.GetFullPath(folder);
        var source = Path.Combine(full, DescriptionFile);
        if (!Directory.Exists(full))
        {
            throw new SharpSegException(
                $"`{folder}`: no such folder", NnUNetHabits.Hint(folder) ?? "give the folder that holds dataset.json");
        }

        if (!File.Exists(source))
        {
            throw new SharpSegException(
                $"`{folder}`: there is no dataset.json",
                NnUNetHabits.Hint(folder) ?? (Directory.Exists(Path.Combine(full, "imagesTr"))
                    ? $"`sharpseg verify {folder}` proposes one"
                    : "expected a Medical Segmentation Decathlon or nnU-Net raw folder, with imagesTr and labelsTr"));
        }

        return OpenAs(folder, JsonFile.ReadText(source));
    }

    /// <summary>Opens a folder as if its dataset.json had another text.</summary>
    /// <param name="folder">The folder, which is there.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="SharpSegException">No usable description, or no training case.</exception>
    internal static Dataset OpenAs(string folder, string json)
    {
        var full = Path.GetFullPath(folder);
        var source = Path.Combine(full, DescriptionFile);
        using var document = DatasetJson.Parse(json, source);
        var root = document.RootElement;
        var format = CaseDiscovery.Detect(full, root, source);
        var description = DatasetDescription.FromJson(root, source, Path.GetFileName(Path.TrimEndingDirectorySeparator(full)));
        var ending = description.FileEnding;
        if (!ImageFile.CanRead("x" + ending) || !ImageFile.KeepsValues("x" + ending))
        {
            var why = ImageFile.CanRead("x" + ending) ? "in which labels would change" : "which cannot be read";
            throw new SharpSegException(
                $"`{source}`: `file_ending` is `{ending}`, {why}",
                $"supported endings: {string.Join(", ", ImageFile.LosslessEndings)}");
        }

        var (training, test) = format switch
        {
            DatasetFormat.CaseList => (
                CaseDiscovery.FromCaseList(full, root.GetProperty("dataset"), source),
                CaseDiscovery.InFolder(Path.Combine(full, "imagesTs"), null, ending)),
            DatasetFormat.NnUnetV2 => (
                CaseDiscovery.InFolder(Path.Combine(full, "imagesTr"), Path.Combine(full, "labelsTr"), ending),
                CaseDiscovery.InFolder(Path.Combine(full, "imagesTs"), null, ending)),
            _ => (
                CaseDiscovery.Listed(full, root, "training", format, ending, source),
                CaseDiscovery.Listed(full, root, "test", format, ending, source)),
        };
        if (training.Count == 0)
        {
            throw NoCase(folder, Path.Combine(full, "imagesTr"), ending);
        }

        RequireLabelled(description.Labels, [.. training.Select(item => item.Id)], source);
        return new(full, format, description, Sorted(training), Sorted(test));
    }

    /// <summary>
    /// A misspelt case would be trained as if its label map showed everything, a class that no case shows as background.
    /// </summary>
    private static void RequireLabelled(LabelScheme labels, HashSet<string> training, string source)
    {
        if (labels.Partial.Labelled.Keys.FirstOrDefault(id => !training.Contains(id)) is { } unknown)
        {
            throw new SharpSegException(
                $"`{source}`: `labelled` names `{unknown}`, which is no training case",
                $"the names are like `{training.Min(StringComparer.Ordinal)}`");
        }

        if (labels.Partial.ShownByNone(training, labels.EvaluatedClasses.Count) is [var index, ..])
        {
            throw new SharpSegException(
                $"`{source}`: by `labelled`, no training case shows `{labels.EvaluatedClasses[index].Name}`",
                "remove it from `labels`, or add it to the cases that show it");
        }
    }

    /// <summary>Lists what is in imagesTr if no file has the ending that dataset.json names.</summary>
    private static SharpSegException NoCase(string folder, string images, string ending)
    {
        var others = CaseDiscovery.FilesIn(images)
            .Select(file => ImageFile.EndingOf(file)).OfType<string>().Where(other => other != ending)
            .CountBy(other => other).OrderByDescending(pair => pair.Value).ToArray();
        return others.Length == 0
            ? new(
                $"`{folder}`: no training case found",
                $"expected files like imagesTr/CASE_0000{ending}, or cases listed in dataset.json")
            : new(
                $"`{folder}`: no training case found: dataset.json says that files end in {ending}, but imagesTr holds "
                    + $"{others[0].Value} that end in {others[0].Key}",
                $"write \"file_ending\": \"{others[0].Key}\" in dataset.json, or convert the files");
    }

    /// <summary>Reads all channels of a case.</summary>
    /// <exception cref="SharpSegException">
    /// A file is missing or damaged, or the number or size of the channels is wrong.
    /// </exception>
    public MedicalImage LoadImage(DatasetCase item) => LoadImage(item, Description);

    /// <summary>Reads all channels of a case of any origin.</summary>
    /// <exception cref="SharpSegException">
    /// A file is missing or damaged, or the number or size of the channels is wrong.
    /// </exception>
    public static MedicalImage LoadImage(DatasetCase item, DatasetDescription description)
    {
        var channels = new List<float[]>();
        ImageGeometry? geometry = null;
        foreach (var file in item.ImageFiles)
        {
            var image = ImageFile.Read(file);
            geometry ??= image.Geometry;
            if (image.Extent != geometry.Extent)
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: `{Path.GetFileName(file)}` has {image.Extent} voxels (z, y, x), its first channel "
                        + $"{geometry.Extent}",
                    "all channels of a case must lie on one grid: resample them");
            }

            channels.AddRange(image.Channels);
        }

        return geometry is not null && channels.Count == description.ChannelNames.Count
            ? new(geometry, channels)
            : throw new SharpSegException(
                $"case `{item.Id}`: {Counted.Of(channels.Count, "channel")} in "
                    + $"{Counted.Of(item.ImageFiles.Count, "file")}, but the dataset has "
                    + $"{description.ChannelNames.Count} ({string.Join(", ", description.ChannelNames)})",
                "check the case's files and `channel_names` in dataset.json");
    }

    /// <summary>Reads the label map of a training case; several ignore labels become one.</summary>
    /// <exception cref="SharpSegException">
    /// The case has none, its file is missing or damaged, or it holds values that are not in the dataset's labels.
    /// </exception>
    public LabelImage LoadLabels(DatasetCase item)
    {
        var labels = ImageFile.ReadLabels(
            item.LabelFile ?? throw new SharpSegException($"case `{item.Id}`: it has no label file"));
        var highest = Description.Labels.HighestValue; // all values from 0 up to it are labels
        foreach (var label in labels.Voxels)
        {
            if (label < 0 || label > highest)
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: the label map has the value {label}, but the dataset's labels end at {highest}",
                    "correct the label map, or add the value to `labels` in dataset.json");
            }
        }

        if (Description.Labels.UnexpectedLabels(item.Id) is { Count: > 0 } unexpected
            && labels.Voxels.FirstOrDefault(label => unexpected.Contains(label)) is > 0 and var found)
        {
            throw new SharpSegException(
                $"case `{item.Id}`: the label map has the value {found}, but `labelled` in dataset.json lists no class with it",
                "list the class, or remove it from the label map");
        }

        Description.Labels.MergeIgnored(labels.Voxels);
        return labels;
    }

    private static IReadOnlyList<DatasetCase> Sorted(IReadOnlyList<DatasetCase> cases) =>
        [.. cases.OrderBy(item => item.Id, StringComparer.Ordinal)];
}

/// <summary>One case: its images and, for training, its label map.</summary>
/// <param name="Id">Unique name within the dataset.</param>
/// <param name="ImageFiles">Full paths: one file with all channels, or one file a channel in their order.</param>
/// <param name="LabelFile">
/// Full path where the label map is expected (it may be missing; `verify` reports that); null for cases without one.
/// </param>
public sealed record DatasetCase(string Id, IReadOnlyList<string> ImageFiles, string? LabelFile)
{
    /// <summary>All its files: images and label map, and where voxels or spacing lie beside them, those.</summary>
    internal IEnumerable<string> Files => ImageFiles.Append(LabelFile).OfType<string>().SelectMany(ImageFile.FilesOf);
}

/// <summary>How a dataset lies on disk (docs/method/datasets.md §1 to §4).</summary>
public enum DatasetFormat
{
    /// <summary>Medical Segmentation Decathlon: cases listed in dataset.json, one file with all channels each.</summary>
    Decathlon,

    /// <summary>nnU-Net v2 raw folder: imagesTr/CASE_0000.ext, labelsTr/CASE.ext.</summary>
    NnUnetV2,

    /// <summary>nnU-Net v1 raw folder: file names as in v2, dataset.json as in the Decathlon.</summary>
    NnUnetV1,

    /// <summary>nnU-Net v2's dataset.json with every file listed under `dataset`.</summary>
    CaseList,
}
