using System.Text.Json;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>Finds the cases of a dataset by listing folders or from dataset.json (docs/method/datasets.md §1 to §4).</summary>
internal static partial class CaseDiscovery
{
    /// <summary>Length of `_0000`, which stands between the case's name and the ending.</summary>
    private const int ChannelSuffix = 5;

    /// <summary>Which format a dataset.json belongs to.</summary>
    /// <exception cref="SharpSegException">None of the four.</exception>
    public static DatasetFormat Detect(string folder, JsonElement root, string source)
    {
        if (root.TryGetProperty("dataset", out _))
        {
            return DatasetFormat.CaseList;
        }

        if (root.TryGetProperty("channel_names", out _))
        {
            return DatasetFormat.NnUnetV2;
        }

        if (!root.TryGetProperty("training", out var training))
        {
            return root.TryGetProperty("modality", out _) && root.TryGetProperty("file_ending", out _)
                ? DatasetFormat.NnUnetV2
                : throw new SharpSegException(
                    $"`{source}`: neither `channel_names` nor `training`: not a dataset of a known format",
                    "expected a Medical Segmentation Decathlon or nnU-Net raw folder");
        }

        DatasetJson.Expect(training, JsonValueKind.Array, "training", source);
        foreach (var entry in training.EnumerateArray())
        {
            // The first listed image decides; further ones only if that one is missing altogether.
            var image = Resolve(folder, Member(entry, "image", "training", source), "training", source);
            if (File.Exists(image))
            {
                return DatasetFormat.Decathlon;
            }

            if (File.Exists(WithChannel(image)))
            {
                return DatasetFormat.NnUnetV1;
            }
        }

        throw new SharpSegException(
            $"`{folder}`: none of the {training.GetArrayLength()} images listed under `training` exists, with or without `_0000`",
            "was the whole dataset copied?");
    }

    /// <summary>The Decathlon's cases. Hidden files (AppleDouble `._x` and the like) are no cases.</summary>
    public static IReadOnlyList<DatasetCase> Listed(
        string folder, JsonElement root, string key, DatasetFormat format, string ending, string source)
    {
        if (!root.TryGetProperty(key, out var list))
        {
            return [];
        }

        DatasetJson.Expect(list, JsonValueKind.Array, key, source);
        var byFolder = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>();
        var cases = new List<DatasetCase>();
        foreach (var entry in list.EnumerateArray())
        {
            var image = Resolve(
                folder, entry.ValueKind == JsonValueKind.String ? entry.GetString()! : Member(entry, "image", key, source),
                key, source);
            var name = Path.GetFileName(image);
            if (name.StartsWith('.') || name.StartsWith('_'))
            {
                continue;
            }

            var id = name[..^(ImageFile.EndingOf(name)?.Length ?? Path.GetExtension(name).Length)];
            var label = key == "training" ? Resolve(folder, Member(entry, "label", key, source), key, source) : null;
            IReadOnlyList<string> images = [image];
            if (format == DatasetFormat.NnUnetV1)
            {
                var imageFolder = Path.GetDirectoryName(image)!;
                if (!byFolder.TryGetValue(imageFolder, out var found))
                {
                    byFolder[imageFolder] = found = ChannelFiles(imageFolder, ending);
                }

                images = found.GetValueOrDefault(id) ?? [];
            }

            cases.Add(new(SafeName.Require(id, "the case id", source), images, label));
        }

        return cases;
    }

    /// <summary>nnU-Net's cases: every CASE_CCCC.ext of a folder.</summary>
    /// <param name="imageFolder">imagesTr or imagesTs; may be missing.</param>
    /// <param name="labelFolder">labelsTr; null where there are no labels.</param>
    /// <param name="ending">File ending, leading dot included.</param>
    public static IReadOnlyList<DatasetCase> InFolder(string imageFolder, string? labelFolder, string ending) =>
        [.. ChannelFiles(imageFolder, ending).Select(pair =>
            new DatasetCase(pair.Key, pair.Value, labelFolder is null ? null : Path.Combine(labelFolder, pair.Key + ending)))];

    /// <summary>The cases of the key `dataset`, sorted by id.</summary>
    public static IReadOnlyList<DatasetCase> FromCaseList(string folder, JsonElement list, string source)
    {
        DatasetJson.Expect(list, JsonValueKind.Object, "dataset", source);
        var cases = new List<DatasetCase>();
        foreach (var member in list.EnumerateObject())
        {
            SafeName.Require(member.Name, "the case id", source);
            var key = $"dataset.{member.Name}";
            DatasetJson.Expect(member.Value, JsonValueKind.Object, key, source);
            if (!member.Value.TryGetProperty("images", out var images))
            {
                throw new SharpSegException($"`{source}`: `{key}` has no `images`");
            }

            DatasetJson.Expect(images, JsonValueKind.Array, $"{key}.images", source);
            cases.Add(new(
                member.Name,
                [.. images.EnumerateArray()
                    .Select(image => Resolve(folder, Expanded(DatasetJson.Text(image, $"{key}.images", source)), key, source))],
                Resolve(folder, Expanded(Member(member.Value, "label", key, source)), key, source)));
        }

        return [.. cases.OrderBy(item => item.Id, StringComparer.Ordinal)];
    }

    /// <summary>Case id → its channel files in order. A full match: `case_1` must not collect `case_10_0000`.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> ChannelFiles(string folder, string ending)
    {
        var cases = new SortedDictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var path in FilesIn(folder)
            .Where(path => path.EndsWith(ending, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var stem = Path.GetFileName(path)[..^ending.Length];
            if (!stem.StartsWith('.') && ChannelName().IsMatch(stem) && stem.Length > ChannelSuffix)
            {
                var id = stem[..^ChannelSuffix];
                cases[id] = [.. cases.GetValueOrDefault(id) ?? [], path];
            }
        }

        return cases;
    }

    /// <summary>The files of a folder; none if it does not exist.</summary>
    /// <exception cref="SharpSegException">The folder may not be read.</exception>
    public static IReadOnlyList<string> FilesIn(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SharpSegException($"`{folder}`: cannot be read: {error.Message}", null, error);
        }
    }

    private static string Member(JsonElement entry, string member, string key, string source) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(member, out var value)
            ? DatasetJson.Text(value, $"{key}.{member}", source)
            : throw new SharpSegException($"`{source}`: an entry of `{key}` has no `{member}`");

    private static string Resolve(string folder, string path, string key, string source) =>
        Path.GetFullPath(Path.Combine(folder, SafeName.RequirePath(path, $"a file of `{key}`,", source)));

    private static string WithChannel(string image)
    {
        var ending = ImageFile.EndingOf(image) ?? Path.GetExtension(image);
        return $"{image[..^ending.Length]}_0000{image[^ending.Length..]}";
    }

    private static string Expanded(string path) => Environment.ExpandEnvironmentVariables(ShellVariable().Replace(path, match =>
        Environment.GetEnvironmentVariable(match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value)
            ?? match.Value));

    [GeneratedRegex(@"^.+_[0-9]{4}$", RegexOptions.Singleline)]
    private static partial Regex ChannelName();

    [GeneratedRegex(@"\$\{(\w+)\}|\$(\w+)")]
    private static partial Regex ShellVariable();
}
