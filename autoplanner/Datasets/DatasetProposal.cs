using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// What dataset.json could say about a folder that has images and labels but no description: channels from the names of the
/// files, labels from every label map. Names of channels and labels are for the user to correct.
/// </summary>
public static partial class DatasetProposal
{
    private static readonly JsonSerializerOptions Style =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads all label maps and proposes a description in nnU-Net v2's form.</summary>
    /// <param name="folder">Holds imagesTr and labelsTr; it is not written to.</param>
    /// <param name="progress">Called with label maps read and their number.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <returns>The text of a dataset.json.</returns>
    /// <exception cref="SharpSegException">The folder is not laid out so, or its labels cannot be used as they are.</exception>
    public static string Of(string folder, Action<int, int>? progress = null, CancellationToken cancel = default)
    {
        var (images, labels) = (Files(folder, "imagesTr"), Files(folder, "labelsTr"));
        var ending = labels.CountBy(file => ImageFile.EndingOf(file)!).MaxBy(pair => pair.Value).Key;
        var byCase = images.Where(file => ImageFile.EndingOf(file) == ending)
            .ToLookup(file => Channel().Replace(NameOf(file, ending), ""), StringComparer.Ordinal);
        var cases = labels.Where(file => ImageFile.EndingOf(file) == ending).Select(file => NameOf(file, ending)).ToArray();
        if (cases.FirstOrDefault(id => !byCase.Contains(id)) is { } alone)
        {
            throw new SharpSegException(
                $"`{folder}`: labelsTr/{alone}{ending} has no image in imagesTr",
                $"images are named as their label map, with the channel's number: {alone}_0000{ending}");
        }

        var numbered = cases.All(id => byCase[id].All(file => Channel().IsMatch(NameOf(file, ending))));
        if (!numbered && cases.FirstOrDefault(id => byCase[id].Count() > 1) is { } several)
        {
            throw new SharpSegException(
                $"`{folder}`: {byCase[several].Count()} images belong to the label map {several}{ending}, not all with a number",
                $"name the channels of a case {several}_0000{ending}, {several}_0001{ending}, …");
        }

        var first = byCase[cases[0]].ToArray();
        var channels = numbered ? first.Length : ImageFile.ChannelCount(first[0]);
        var json = new JsonObject
        {
            ["channel_names"] = new JsonObject(Enumerable.Range(0, channels)
                .Select(c => KeyValuePair.Create($"{c}", (JsonNode?)$"channel {c}"))),
            ["labels"] = new JsonObject(LabelsIn(folder, cases, ending, progress, cancel)
                .Select(value => KeyValuePair.Create(value == 0 ? "background" : $"label {value}", (JsonNode?)value))),
            ["numTraining"] = cases.Length,
            ["file_ending"] = ending,
        };
        if (!numbered)
        {
            // Names without a channel's number: every file is listed.
            json["dataset"] = new JsonObject(cases.Select(id => KeyValuePair.Create(id, (JsonNode?)new JsonObject
            {
                ["images"] = new JsonArray($"imagesTr/{Path.GetFileName(byCase[id].First())}"),
                ["label"] = $"labelsTr/{id}{ending}",
            })));
        }

        return json.ToJsonString(Style) + "\n";
    }

    private static List<int> LabelsIn(
        string folder, string[] cases, string ending, Action<int, int>? progress, CancellationToken cancel)
    {
        var values = new SortedSet<int> { 0 };
        foreach (var (i, id) in cases.Index())
        {
            cancel.ThrowIfCancellationRequested();
            var labels = ImageFile.ReadLabels(Path.Combine(folder, "labelsTr", id + ending));
            values.UnionWith(labels.Voxels.Select(voxel => (int)voxel));
            progress?.Invoke(i + 1, cases.Length);
        }

        return values.SequenceEqual(Enumerable.Range(0, values.Count))
            ? [.. values]
            : throw new SharpSegException(
                $"`{folder}`: the label maps hold {Counted.First(values, 20)}; labels "
                    + "must be 0, 1, 2, … without gaps",
                $"`sharpseg verify {folder} --fix COPY` writes a copy in which they are; segmentations get the values back");
    }

    private static string[] Files(string folder, string sub)
    {
        var path = Path.Combine(folder, sub);
        string[] files = Directory.Exists(path)
            ? [.. Directory.GetFiles(path).Where(file => !Path.GetFileName(file).StartsWith('.')
                && ImageFile.EndingOf(file) is not null).Order(StringComparer.Ordinal)]
            : throw new SharpSegException(
                $"`{folder}`: there is no folder `{sub}`", "images lie in imagesTr, their label maps in labelsTr");
        return files.Length > 0
            ? files
            : throw new SharpSegException(
                $"`{path}`: no image in it", $"supported endings: {string.Join(", ", ImageFile.LosslessEndings)}");
    }

    private static string NameOf(string file, string ending) => Path.GetFileName(file)[..^ending.Length];

    [GeneratedRegex("_[0-9]{4}$")]
    private static partial Regex Channel();
}
