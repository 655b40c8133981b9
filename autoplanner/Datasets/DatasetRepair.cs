using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpSeg.AutoPlanner.Imaging;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>
/// What can be repaired in a dataset, found by reading all of it: the copy is in nnU-Net v2's raw format, whatever the dataset's
/// was (docs/method/datasets.md §9).
/// </summary>
internal sealed partial class DatasetRepair
{
    private const string TrainingImages = "imagesTr", TrainingLabels = "labelsTr", TestImages = "imagesTs",
        TestLabels = "labelsTs";

    private static readonly string[] Replaced =
    [
        "modality", "training", "test", "dataset", "numTest", "tensorImageSize", "channel_names", "labels",
        "regions_class_order", DatasetJson.OriginalValuesKey, "numTraining", "file_ending",
    ];

    private readonly string ending;
    private readonly LabelScheme labels;
    private readonly List<string> lines = [];
    private readonly SideBySide memory;

    private DatasetRepair(
        string folder, Action<int, int>? progress, MemoryBudget? budget, Action<string>? info, CancellationToken cancel)
    {
        Folder = Path.GetFullPath(folder);
        var source = Path.Combine(Folder, Dataset.DescriptionFile);
        var root = File.Exists(source) ? JsonFile.Read(source).Node : null;
        if (root is null)
        {
            lines.Add("dataset.json was missing: one was written; correct the names of channels and labels in it");
        }

        (Cases, ending) = FindCases(root);
        TestCases = [.. PredictedCases()];
        CaseRepair[] all = [.. Cases, .. TestCases];
        memory = SideBySide.Plan(
            [.. all.Select(item => item.Need())], budget ?? MemoryBudget.OfMachine(), "a machine with more memory", info,
            workers: 2);
        OrderedWork.Run(
            all.Length, memory.Workers,
            i =>
            {
                memory.Run(i, () => all[i].Look(ending));
                return i;
            },
            (i, _) => progress?.Invoke(i + 1, all.Length), cancel);

        var declared = root is null ? default : Declared(root, source);
        if (declared.Entries is null && root is not null)
        {
            lines.Add("dataset.json had no `labels`");
        }

        var repair = LabelRepair.Of(declared.Entries, declared.Order, [.. Cases.SelectMany(item => item.Values).Distinct()]);
        labels = repair.Labels;
        lines.AddRange(repair.Lines);
        foreach (var item in Cases)
        {
            item.Check(labels);
        }

        foreach (var item in TestCases)
        {
            item.Check(labels, knownOnly: true); // nothing looks at them later
        }

        Description = Describe(root, source);
    }

    /// <summary>The dataset's folder.</summary>
    public string Folder { get; }

    /// <summary>Training cases.</summary>
    public IReadOnlyList<CaseRepair> Cases { get; }

    /// <summary>Cases to be predicted; some datasets have label maps of them, too.</summary>
    public IReadOnlyList<CaseRepair> TestCases { get; }

    /// <summary>The copy's dataset.json.</summary>
    public string Description { get; }

    /// <summary>What is repaired, one line each: of the whole dataset, then case by case.</summary>
    public IReadOnlyList<string> Lines =>
        [.. lines, .. Cases.SelectMany(item => item.Lines), .. TestCases.SelectMany(item => item.Lines)];

    /// <summary>What cannot be repaired and would not show in the copy.</summary>
    public IReadOnlyList<Finding> Problems => [.. Cases.Concat(TestCases).SelectMany(item => item.Problems)];

    /// <summary>All files that are read.</summary>
    public IEnumerable<string> Files => Cases.Concat(TestCases).SelectMany(item => item.Files)
        .Concat(new[] { Dataset.DescriptionFile, "splits_final.json" }.Select(name => Path.Combine(Folder, name)));

    /// <summary>
    /// What lies in the folder and belongs to no dataset, and what lies in its folders and belongs to no case, such as a file
    /// with another ending.
    /// </summary>
    public IReadOnlyList<string> LeftOut
    {
        get
        {
            var taken = Files.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
            string[] parts = [TrainingImages, TrainingLabels, TestImages, TestLabels];
            return
            [
                .. Directory.EnumerateFileSystemEntries(Folder).Select(path => Path.GetFileName(path))
                    .Where(name => !name.StartsWith('.') && !parts.Contains(name)
                        && name is not (Dataset.DescriptionFile or "splits_final.json")).Order(StringComparer.Ordinal),
                .. parts.SelectMany(part => EntriesIn(Path.Combine(Folder, part))
                    .Where(file => !Path.GetFileName(file).StartsWith('.') && !taken.Contains(Path.GetFullPath(file)))
                    .Select(file => $"{part}/{Path.GetFileName(file)}").Order(StringComparer.Ordinal)),
            ];
        }
    }

    private static IEnumerable<string> EntriesIn(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFileSystemEntries(folder) : [];

    /// <summary>Reads a dataset, also one that <see cref="Dataset.Open"/> refuses.</summary>
    /// <param name="folder">The dataset's folder.</param>
    /// <param name="progress">Called with cases read and their number.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <param name="info">Receives the memory plan.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <exception cref="SharpSegException">It has no cases, or nothing can be made of its description.</exception>
    public static DatasetRepair Of(
        string folder, Action<int, int>? progress = null, MemoryBudget? budget = null, Action<string>? info = null,
        CancellationToken cancel = default) =>
        Directory.Exists(folder)
            ? new DatasetRepair(folder, progress, budget, info, cancel)
            : throw new SharpSegException($"`{folder}`: no such folder", NnUNetHabits.Hint(folder));

    /// <summary>Writes what is not there yet; dataset.json last.</summary>
    /// <param name="folder">The copy, which is made.</param>
    /// <param name="progress">Called with cases written and their number.</param>
    /// <param name="cancel">Ends before the next case; what is written is whole.</param>
    /// <exception cref="SharpSegException">A file cannot be written.</exception>
    public void Write(string folder, Action<int, int>? progress, CancellationToken cancel)
    {
        string Sub(string name) => Path.Combine(folder, name);
        string[] made =
        [
            TrainingImages, TrainingLabels, .. TestCases.Count > 0 ? [TestImages] : Array.Empty<string>(),
            .. TestCases.Any(item => item.HasLabels) ? [TestLabels] : Array.Empty<string>(),
        ];
        Array.ForEach(made, name => Directory.CreateDirectory(Sub(name)));
        var all = Cases.Select(item => (Case: item, Images: TrainingImages, Labels: TrainingLabels))
            .Concat(TestCases.Select(item => (item, TestImages, TestLabels))).ToArray();
        foreach (var (i, (item, images, maps)) in all.Index())
        {
            cancel.ThrowIfCancellationRequested();
            memory.Run(i, () => item.Write(Sub(images), Sub(maps), ending, labels));
            progress?.Invoke(i + 1, all.Length);
        }

        if (Path.Combine(Folder, "splits_final.json") is var splits && File.Exists(splits))
        {
            AtomicFile.WriteText(Path.Combine(folder, "splits_final.json"), JsonFile.ReadText(splits));
        }

        AtomicFile.WriteText(Path.Combine(folder, Dataset.DescriptionFile), Description);
    }

    private static (IReadOnlyList<LabelEntry>? Entries, IReadOnlyList<int>? Order) Declared(JsonObject root, string source)
    {
        if (!root.ContainsKey("labels"))
        {
            return default;
        }

        if (root.ContainsKey(DatasetJson.OriginalValuesKey))
        {
            throw new SharpSegException(
                $"`{source}`: it has `{DatasetJson.OriginalValuesKey}`: this is a repaired copy", "repair the original instead");
        }

        using var document = JsonDocument.Parse(root.ToJsonString());
        return DatasetJson.Entries(document.RootElement, source);
    }

    private (IReadOnlyList<CaseRepair> Cases, string Ending) FindCases(JsonObject? root)
    {
        if (root is not null
            && (root.ContainsKey("dataset") || (root.ContainsKey("training") && !root.ContainsKey("channel_names"))))
        {
            // Only files matter here: their labels are decided later.
            var other = root.DeepClone().AsObject();
            other["labels"] = new JsonObject { ["background"] = 0, ["any"] = 1 };
            foreach (var key in (string[])["regions_class_order", "labelled", "labeled"])
            {
                other.Remove(key);
            }

            var dataset = Dataset.OpenAs(Folder, other.ToJsonString());
            return (
                [.. dataset.TrainingCases.Select(item => new CaseRepair(item.Id, item.ImageFiles, item.LabelFile))],
                dataset.Description.FileEnding);
        }

        var files = new[] { TrainingImages, TrainingLabels }.Select(sub => Directory.Exists(Path.Combine(Folder, sub))
            ? CaseDiscovery.FilesIn(Path.Combine(Folder, sub))
                .Where(file => !Path.GetFileName(file).StartsWith('.') && ImageFile.EndingOf(file) is not null
                    && ImageFile.KeepsValues(file)).Order(StringComparer.Ordinal).ToArray()
            : throw new SharpSegException(
                $"`{Folder}`: there is no folder `{sub}`", "images lie in imagesTr, their label maps in labelsTr")).ToArray();
        var declared = root?["file_ending"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
        var endings = files[1].Select(file => Path.GetFileName(file)[^ImageFile.EndingOf(file)!.Length..]).ToArray();
        if (endings.Length == 0)
        {
            throw new SharpSegException(
                $"`{Folder}`: no label map in {TrainingLabels}",
                $"supported endings: {string.Join(", ", ImageFile.LosslessEndings)}");
        }

        var used = declared is not null && endings.Contains(declared) ? declared
            : endings.CountBy(item => item).MaxBy(pair => pair.Value).Key;
        if (declared is not null && used != declared)
        {
            lines.Add($"`file_ending` in dataset.json was {declared}, but no label map ends so: it is {used}");
        }

        string[] Stems(string[] paths) =>
        [
            .. paths.Where(file => file.EndsWith(used, StringComparison.Ordinal))
                .Select(file => Path.GetFileName(file)[..^used.Length]),
        ];
        var (images, maps) = (Stems(files[0]), Stems(files[1]).ToHashSet(StringComparer.Ordinal));

        // A file belongs to the label map of its whole name, else to that of its name without the channel's number.
        var byCase = images.ToLookup(
            stem => !maps.Contains(stem) && Channel().IsMatch(stem) ? Channel().Replace(stem, "") : stem, StringComparer.Ordinal);
        return (
            [
                .. byCase.Select(group => group.Key).Union(maps, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                    .Select(id => new CaseRepair(
                        SafeName.Require(id, "the case id", Folder),
                        [.. byCase[id].Select(stem => Path.Combine(Folder, TrainingImages, stem + used))],
                        Path.Combine(Folder, TrainingLabels, id + used))),
            ],
            used);
    }

    private IEnumerable<CaseRepair> PredictedCases()
    {
        string[] Stems(string folder) =>
        [
            .. CaseDiscovery.FilesIn(Path.Combine(Folder, folder))
                .Where(file => file.EndsWith(ending, StringComparison.Ordinal) && Path.GetFileName(file)[0] is not ('.' or '_'))
                .Select(file => Path.GetFileName(file)[..^ending.Length]).Order(StringComparer.Ordinal),
        ];
        var (stems, maps) = (Stems(TestImages), Stems(TestLabels).ToHashSet(StringComparer.Ordinal));
        var images = stems.ToHashSet(StringComparer.Ordinal);

        // Names that merely end in four digits are those that have a label map, or no channel 0 and no label map without them.
        string CaseOf(string stem) => !maps.Contains(stem) && Channel().IsMatch(stem) && Channel().Replace(stem, "") is var id
            && (maps.Contains(id) || images.Contains(id + "_0000")) ? id : stem;
        var byCase = stems.ToLookup(CaseOf, StringComparer.Ordinal);
        return byCase.Select(group => group.Key).Union(maps, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(id => new CaseRepair(
                SafeName.Require(id, "the case id", Folder),
                [.. byCase[id].Select(stem => Path.Combine(Folder, TestImages, stem + ending))],
                maps.Contains(id) ? Path.Combine(Folder, TestLabels, id + ending) : null));
    }

    private string Describe(JsonObject? root, string source)
    {
        JsonObject Made(params IReadOnlyList<KeyValuePair<string, JsonNode?>> members) => [.. members];
        IReadOnlyList<string> channels;
        if ((root?["channel_names"] ?? root?["modality"]) is { } named)
        {
            using var document = JsonDocument.Parse(named.ToJsonString());
            channels = DatasetJson.Channels(document.RootElement, source);
        }
        else
        {
            var count = Cases.Select(item => item.Channels).Where(count => count > 0).CountBy(count => count)
                .OrderByDescending(pair => pair.Value).Select(pair => pair.Key).FirstOrDefault(1);
            channels = [.. Enumerable.Range(0, count).Select(c => $"channel {c}")];
            if (root is not null)
            {
                lines.Add("dataset.json did not name the channels: correct `channel_names`, the names decide the normalisation");
            }
        }

        if (root?["numTraining"] is { } number && number.ToJsonString() != $"{Cases.Count}")
        {
            lines.Add($"`numTraining` was {number.ToJsonString()}, {Cases.Count} cases are there");
        }

        var text = new DatasetDescription("", channels, labels, ending, Cases.Count).ToJson();
        var json = Made([.. JsonFile.Parse(text, source).Node.Where(pair => pair.Key != "name")
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))]);
        foreach (var (key, value) in root ?? [])
        {
            if (!Replaced.Contains(key))
            {
                json[key] = value?.DeepClone();
            }
        }

        return JsonFile.ToText(json);
    }

    [GeneratedRegex("_[0-9]{4}$")]
    private static partial Regex Channel();
}
