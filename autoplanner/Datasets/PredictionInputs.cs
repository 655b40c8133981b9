using System.Globalization;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// Turns what a user gives to `predict` into cases: folders and files, one file a channel (CASE_0000.ext, CASE_0001.ext), one
/// file with all channels (CASE.ext), or the folder of a DICOM series (CASE).
/// </summary>
internal static partial class PredictionInputs
{
    private static readonly string[] DatasetFolders = ["imagesTs", "imagesTr"];

    // What predictions leave beside their segmentations, and what datasets have.
    private static readonly string[] ByProducts =
        ["dataset.json", "plans.json", "summary.json", "report.html", "report.json", "run.json", "log.txt"];

    /// <summary>Finds the cases.</summary>
    /// <param name="paths">
    /// Folders (searched; of their sub-folders only those that hold a DICOM series themselves) and files, in any mixture.
    /// </param>
    /// <param name="description">Of the model's dataset: its channels and its file ending.</param>
    /// <param name="warn">Receives a line on files and one on sub-folders of a folder that are left out.</param>
    /// <returns>Cases without labels, sorted by id (ordinal).</returns>
    /// <exception cref="SharpSegException">
    /// A path is missing, nothing is found, a channel is missing, or two cases have the same name.
    /// </exception>
    public static IReadOnlyList<DatasetCase> Find(
        IReadOnlyList<string> paths, DatasetDescription description, Action<string>? warn = null)
    {
        var files = new List<string>();
        foreach (var path in paths)
        {
            if (Directory.Exists(path))
            {
                files.AddRange(InFolder(path, description.FileEnding, warn));
            }
            else if (!File.Exists(path))
            {
                throw new SharpSegException($"`{path}`: no such file or folder");
            }
            else if (!ImageFile.CanRead(path))
            {
                throw ImageFile.Unknown(path);
            }
            else
            {
                files.Add(Path.GetFullPath(path));
            }
        }

        if (files.Count == 0)
        {
            throw new SharpSegException("no input given", "give a folder or files to predict");
        }

        var cases = Group([.. files.Distinct().Order(StringComparer.Ordinal)], description);
        foreach (var same in cases.GroupBy(item => item.Id).Where(group => group.Count() > 1))
        {
            throw new SharpSegException(
                $"case `{same.Key}` is given twice: {string.Join(" and ", same.Select(item => $"`{item.ImageFiles[0]}`"))}",
                "outputs are named after the case: rename one of them, or predict them separately");
        }

        return [.. cases.OrderBy(item => item.Id, StringComparer.Ordinal)];
    }

    /// <summary>Looks whether a case's headers fit the model.</summary>
    /// <param name="item">The case.</param>
    /// <param name="description">Of the model's dataset.</param>
    /// <param name="warn">
    /// Receives a line on each doubtful spacing and affine, and on channels that do not lie over each other.
    /// </param>
    /// <returns>The first channel's grid.</returns>
    /// <exception cref="SharpSegException">A file cannot be read, or the channels are not as many as the model's.</exception>
    public static ImageGeometry CheckHeaders(DatasetCase item, DatasetDescription description, Action<string> warn)
    {
        var headers = item.ImageFiles.Select(ImageFile.ReadHeader).ToArray();
        if (headers[0].Geometry.SpacingProblem is { } problem)
        {
            warn($"case `{item.Id}`: {problem}");
        }

        string?[] doubts = [.. headers.SelectMany(header => new[] { header.Doubt, header.Geometry.AffineProblem })];
        foreach (var doubt in doubts.OfType<string>().Distinct())
        {
            warn($"case `{item.Id}`: {doubt}");
        }

        foreach (var header in headers.Skip(1).Where(header => header.Geometry.Extent == headers[0].Geometry.Extent))
        {
            if (PatientSpace.Displacement(header.Geometry, headers[0].Geometry) is { } displacement)
            {
                warn($"case `{item.Id}`: its channels do not lie over each other in space ({displacement})");
                break;
            }
        }

        var channels = headers.Sum(header => header.Channels);
        if (channels != description.ChannelNames.Count)
        {
            throw new SharpSegException(
                $"case `{item.Id}`: {Counted.Of(channels, "channel")}, the model was trained on {description.ChannelNames.Count} "
                    + $"({string.Join(", ", description.ChannelNames)})",
                "name channel files CASE_0000, CASE_0001, … as in training");
        }

        return headers[0].Geometry;
    }

    // A DICOM series is a folder, whose whole name is the case's.
    private static int EndingLength(string file) =>
        ImageFile.EndingOf(file)?.Length ?? (Directory.Exists(file) ? 0 : Path.GetExtension(file).Length);

    // The dataset's format and DICOM series are taken side by side, images of other formats only where there are neither.
    private static string[] InFolder(string given, string ending, Action<string>? warn)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(given));
        var all = CaseDiscovery.FilesIn(folder).Where(file => IsVisible(file) && !DicomSeries.IsContents(file)).ToArray();
        var images = all.Where(
            file => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase) || ImageFile.EndingOf(file) is not null).ToArray();
        var files = images.Where(file => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase)
            || ImageFile.IsSameFormat(file, "x" + ending)).ToArray();
        var isSeries = files.Length == 0 && DicomSeries.IsIn(folder);
        var below = Directory.GetDirectories(folder).Where(IsVisible).Order(StringComparer.Ordinal).ToArray();
        var series = isSeries ? [folder] : below.Where(DicomSeries.IsIn).ToArray();
        files = files.Length > 0 || series.Length > 0 ? files : images;
        string[] strange =
        [
            .. below.Except(series).Where(sub => !IsKnown(sub)).Select(sub => Described(sub, folder, given)),
            .. series.Where(sub => sub != folder).Select(DicomSeries.Below).OfType<string>()
                .Select(sub => Described(sub, folder, given)),
        ];
        if (files.Length == 0 && series.Length == 0)
        {
            throw Nothing(given, all.Length, strange, ending);
        }

        if (files.Length == 0 && SimpleItk.Installed is null && Dcm2Niix.Program is null)
        {
            throw SimpleItk.Missing(series[0]); // beside other images, the case fails by itself
        }

        // What lies beside the slices of a series is looked at where the series is read.
        string[] others = isSeries ? [] : [.. all.Except(files.SelectMany(ImageFile.FilesOf))
            .Select(file => Path.GetFileName(file)).Where(name => !ByProducts.Contains(name) && !PartRecord().IsMatch(name))];
        Leave("file", given, [.. others.Order(StringComparer.Ordinal)], warn);
        Leave("folder", given, strange, warn);
        return [.. files, .. series];
    }

    private static bool IsVisible(string path) => !Path.GetFileName(path).StartsWith('.');

    // Datasets, workspaces and earlier predictions are no scans.
    private static bool IsKnown(string folder) => File.Exists(Path.Combine(folder, Dataset.DescriptionFile));

    private static string Described(string sub, string folder, string given)
    {
        var series = DicomSeries.IsIn(sub) ? sub : DicomSeries.Below(sub);
        var why = series is null ? "no DICOM series in it"
            : $"a DICOM series lies {(series == sub ? "below another" : "deeper")}: give `{From(series, given)}`";
        return $"{From(sub, "")} ({why})";

        string From(string path, string start) => Path.Combine(start, Path.GetRelativePath(folder, path));
    }

    private static void Leave(string what, string folder, string[] names, Action<string>? warn)
    {
        const int shown = 5;
        if (names.Length > 0)
        {
            warn?.Invoke(
                $"{Counted.Of(names.Length, what)} in `{folder}` {Counted.Noun(names.Length, "is", "are")} not predicted: "
                    + $"{Counted.First(names, shown)}");
        }
    }

    private static SharpSegException Nothing(string folder, int others, string[] strange, string ending)
    {
        var within = DatasetFolders.FirstOrDefault(sub => Directory.Exists(Path.Combine(folder, sub)));
        var below = within is null && strange.Length > 0 ? $" and {Counted.Of(strange.Length, "folder")}: {strange[0]}" : "";
        return new(
            $"`{folder}`: no images in this folder (looked for `{ending}` and DICOM series; it holds "
                + $"{Counted.Of(others, "other file")}{below}{(below.Length > 0 && strange.Length > 1 ? ", …" : "")})",
            within is null
                ? "give the folder that holds the images, or the files"
                : $"this is a dataset: give `{Path.Combine(folder, within)}`");
    }

    private static List<DatasetCase> Group(IReadOnlyList<string> files, DatasetDescription description)
    {
        var cases = new List<DatasetCase>();
        var numbered = new Dictionary<(string Folder, string Id, string Ending), SortedDictionary<int, string>>();
        foreach (var file in files)
        {
            var ending = file[^EndingLength(file)..];
            var stem = Path.GetFileName(file)[..^ending.Length];
            if (ChannelName().Match(stem) is not { Success: true } match)
            {
                cases.Add(new(stem, [file], null));
                continue;
            }

            var key = (Path.GetDirectoryName(file) ?? "", match.Groups[1].Value, ending);
            var channels = numbered.TryGetValue(key, out var found) ? found : numbered[key] = [];
            channels[int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)] = file;
        }

        foreach (var ((_, id, ending), channels) in numbered)
        {
            var highest = channels.Keys.Last();
            if (!channels.ContainsKey(0) || highest >= description.ChannelNames.Count)
            {
                // Names that merely end in four digits, like scan_2021: a file each.
                cases.AddRange(
                    channels.Values.Select(file => new DatasetCase(Path.GetFileName(file)[..^ending.Length], [file], null)));
                continue;
            }

            if (highest != channels.Count - 1)
            {
                var missing = Enumerable.Range(0, highest).First(c => !channels.ContainsKey(c));
                throw new SharpSegException(
                    $"case `{id}`: the file of channel {missing} ({description.ChannelNames[missing]}), "
                        + $"`{id}_{missing:0000}{ending}`, is missing");
            }

            cases.Add(new(id, [.. channels.Values], null));
        }

        return cases;
    }

    [GeneratedRegex(@"^(run\.part-[0-9]+\.json|log\.part-[0-9]+\.txt)\z")]
    private static partial Regex PartRecord();

    [GeneratedRegex("^(.+)_([0-9]{4})$", RegexOptions.Singleline)]
    private static partial Regex ChannelName();
}
