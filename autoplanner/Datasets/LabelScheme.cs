namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>One entry of the dataset's labels.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">The label values that belong to it: one, or several for a region.</param>
public sealed record LabelEntry(string Name, IReadOnlyList<int> Values);

/// <summary>
/// The labels of a dataset and what the network predicts from them: one softmax head per label, or, as soon as an entry unites
/// several labels, one sigmoid head per region. Source: nnU-Net v2; docs/method/datasets.md §5.
/// </summary>
public sealed class LabelScheme
{
    private const string Background = "background", Ignore = "ignore";

    /// <summary>Builds the scheme from entries in file order.</summary>
    /// <param name="entries">Names and values; `background` is 0, `ignore` (optional) the next above all others,
    /// or several.</param>
    /// <param name="regionsClassOrder">
    /// Per region, the label written where its head is above one half; needed iff there are regions.
    /// </param>
    /// <param name="originalValues">
    /// For each label from 0 on the value that the user's own files have for it; null where they have the label itself.
    /// </param>
    /// <param name="labelled">
    /// Cases whose label maps do not show every class, with the names of those that they show; null if all show all.
    /// </param>
    /// <exception cref="SharpSegException">The entries break a rule; the message lists every broken one.</exception>
    public LabelScheme(
        IReadOnlyList<LabelEntry> entries, IReadOnlyList<int>? regionsClassOrder = null,
        IReadOnlyList<int>? originalValues = null, IReadOnlyDictionary<string, IReadOnlyList<string>>? labelled = null)
    {
        Entries = [.. entries.Select(entry => entry with { Values = [.. entry.Values] })];
        AllLabels = [.. Entries.Where(entry => entry.Name != Ignore).SelectMany(entry => entry.Values).Distinct().Order()];
        ForegroundLabels = [.. AllLabels.Where(label => label != 0)];
        HighestValue = Math.Max(0, AllLabels.Count - 1);
        if (IgnoredValues is var (first, last))
        {
            IgnoreLabel = (int)Math.Min(first, short.MaxValue);
            HighestValue = Math.Max(HighestValue, (int)Math.Min(last, short.MaxValue));
        }

        HasRegions = Entries.Any(entry => entry.Name != Ignore && entry.Values.Count > 1);
        LabelEntry[] regions = HasRegions ? [.. ForegroundEntries] : [];
        Regions = [.. regions.Select(region => region.Values)];
        RegionsClassOrder = HasRegions && regionsClassOrder is not null ? [.. regionsClassOrder] : [];
        OriginalValues = originalValues is null ? null : [.. originalValues];
        string[] problems = [.. EntryProblems(), .. IgnoreProblems(), .. RegionProblems(regions), .. OriginalValueProblems()];
        if (problems.Length > 0)
        {
            throw new SharpSegException($"labels: {string.Join("; ", problems)}", "correct `labels` in dataset.json");
        }

        Classes = HasRegions
            ? [.. regions]
            : [.. Entries.Where(entry => entry.Name != Ignore).DistinctBy(entry => entry.Values[0])
                .OrderBy(entry => entry.Values[0])];
        EvaluatedClasses = HasRegions ? Classes : [.. Classes.Skip(1)];
        Partial = new PartialLabels([.. EvaluatedClasses.Select(entry => entry.Name)], labelled);
    }

    /// <summary>All entries in file order, background and ignore among them.</summary>
    public IReadOnlyList<LabelEntry> Entries { get; }

    /// <summary>Number of entries, background and ignore included, a region as one: the planner's C.</summary>
    public int EntryCount => Entries.Count;

    /// <summary>True if at least one entry unites several labels.</summary>
    public bool HasRegions { get; }

    /// <summary>All label values but ignore, ascending: 0, 1, 2, …</summary>
    public IReadOnlyList<int> AllLabels { get; }

    /// <summary>All label values but background and ignore, ascending.</summary>
    public IReadOnlyList<int> ForegroundLabels { get; }

    /// <summary>The highest label that is predicted.</summary>
    public int HighestLabel => AllLabels[^1];

    /// <summary>
    /// For each label the value that the user's own files have for it (docs/method/datasets.md §5); null where no label was
    /// renumbered.
    /// </summary>
    public IReadOnlyList<int>? OriginalValues { get; }

    /// <summary>The value that a segmentation has in the user's files for a label.</summary>
    public int OriginalValue(int label) => OriginalValues is { } values ? values[label] : label;

    /// <summary>Marks voxels that nobody annotated; null if the dataset has none. Of several the lowest, for all.</summary>
    public int? IgnoreLabel { get; }

    /// <summary>The highest value that a label map may hold: of several ignore labels the last.</summary>
    public int HighestValue { get; }

    /// <summary>Makes one of several ignore labels, so that no one else need know of them.</summary>
    public void MergeIgnored(Span<short> voxels)
    {
        if (IgnoreLabel is not { } ignore || HighestValue == ignore)
        {
            return;
        }

        foreach (ref var voxel in voxels)
        {
            voxel = voxel > ignore && voxel <= HighestValue ? (short)ignore : voxel;
        }
    }

    /// <summary>
    /// The label sets of the regions in file order, without ignore and background; empty if there are no regions.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>> Regions { get; }

    /// <summary>Per region, the label it writes; later entries overwrite earlier ones. Empty if there are no regions.</summary>
    public IReadOnlyList<int> RegionsClassOrder { get; }

    /// <summary>What each head of the network predicts, in order: all labels with background first, or the regions.</summary>
    public IReadOnlyList<LabelEntry> Classes { get; }

    /// <summary>What is scored: the foreground labels, or the regions.</summary>
    public IReadOnlyList<LabelEntry> EvaluatedClasses { get; }

    /// <summary>Which of the evaluated classes the label maps of which cases do not show.</summary>
    public PartialLabels Partial { get; }

    /// <summary>The head that predicts the first of the evaluated classes; the others follow in order.</summary>
    public int FirstEvaluatedHead => HasRegions ? 0 : 1;

    /// <summary>The same labels without what is known of single cases: what a model needs.</summary>
    public LabelScheme WithoutCases() => Partial.Any ? new(Entries, RegionsClassOrder, OriginalValues) : this;

    /// <summary>The values of a label map that a case's labelled classes, or its background, cannot explain.</summary>
    /// <param name="caseId">The case.</param>
    /// <returns>Foreground labels, ascending; of a case that shows all classes none.</returns>
    public IReadOnlyList<int> UnexpectedLabels(string caseId)
    {
        var lacking = Partial.Of(caseId);
        return lacking.Count == 0 ? [] :
        [
            .. ForegroundLabels.Where(label => !EvaluatedClasses.Where((_, index) => !lacking.Contains(index))
                .Any(entry => entry.Values.Contains(label))),
        ];
    }

    /// <summary>Output channels of the network: all labels (softmax), or the regions (sigmoid).</summary>
    public int HeadCount => Classes.Count;

    /// <summary>
    /// The name of a head's class: without regions the head's number is the label, with regions the region's index.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not below <see cref="HeadCount"/>.</exception>
    public string ClassName(int head) => head >= 0 && head < Classes.Count
        ? Classes[head].Name
        : throw new ArgumentOutOfRangeException(nameof(head), head, $"there are {Classes.Count} heads");

    /// <summary>The names of <see cref="LabelNames"/>, by the values that stand in files.</summary>
    public IReadOnlyDictionary<int, string> OriginalNames =>
        LabelNames.ToDictionary(pair => OriginalValue(pair.Key), pair => pair.Value);

    /// <summary>
    /// The values that stand in files for each structure, by its name: of a label one, of a region those of all labels in it.
    /// </summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> OriginalStructures
    {
        get
        {
            var structures = new Dictionary<string, IReadOnlyList<int>>(StringComparer.Ordinal);
            foreach (var entry in ForegroundEntries)
            {
                structures.TryAdd(entry.Name, [.. entry.Values.Select(OriginalValue)]);
            }

            foreach (var (label, name) in LabelNames)
            {
                structures.TryAdd(name, [OriginalValue(label)]);
            }

            return structures;
        }
    }

    /// <summary>
    /// Name of each foreground label that a model writes: the entry that is this label alone, or the region that writes it.
    /// </summary>
    public IReadOnlyDictionary<int, string> LabelNames
    {
        get
        {
            var names = new SortedDictionary<int, string>();
            LabelEntry[] regions = [.. ForegroundEntries];
            foreach (var entry in regions.Where(entry => entry.Values.Count == 1))
            {
                names.TryAdd(entry.Values[0], entry.Name);
            }

            foreach (var (region, label) in RegionsClassOrder.Index().Where(pair => pair.Item != 0))
            {
                names.TryAdd(label, regions[region].Name);
            }

            foreach (var label in ForegroundLabels)
            {
                names.TryAdd(label, $"label {label}");
            }

            return names;
        }
    }

    private IEnumerable<LabelEntry> ForegroundEntries =>
        Entries.Where(entry => entry.Name != Ignore && entry.Values.Any(value => value != 0));

    /// <summary>
    /// The values that the ignore entry must have, one above all other labels and as many as it names; null without one. Beyond
    /// 32 bits, since a file may name the highest number there is.
    /// </summary>
    private (long First, long Last)? IgnoredValues
    {
        get
        {
            var first = AllLabels.Count == 0 ? 0 : AllLabels[^1] + 1L;
            return Entries.FirstOrDefault(entry => entry.Name == Ignore) is { } ignore
                ? (first, first + Math.Max(0, ignore.Values.Count - 1))
                : null;
        }
    }

    private IEnumerable<string> EntryProblems()
    {
        var background = Entries.FirstOrDefault(entry => entry.Name == Background);
        if (background is null || !background.Values.SequenceEqual([0]))
        {
            yield return background is null ? "`background` is missing" : $"`background` is {Show(background.Values)}, not 0";
        }

        foreach (var group in Entries.GroupBy(entry => entry.Name).Where(group => group.Count() > 1))
        {
            yield return $"the name `{group.Key}` occurs {group.Count()} times";
        }

        foreach (var entry in Entries.Where(entry => entry.Values.Count == 0))
        {
            yield return $"`{entry.Name}` has no value";
        }

        if (!AllLabels.SequenceEqual(Enumerable.Range(0, AllLabels.Count)))
        {
            yield return $"the labels are {Show(AllLabels)}; they must be 0, 1, 2, … without gaps";
        }

        if (AllLabels.Count > short.MaxValue)
        {
            yield return $"{AllLabels.Count} labels; at most {short.MaxValue} are supported";
        }
    }

    private IEnumerable<string> IgnoreProblems()
    {
        if (IgnoredValues is not var (first, last))
        {
            yield break;
        }

        var values = Entries.First(entry => entry.Name == Ignore).Values;
        if (values.Order().Where((value, i) => value != first + i).Any())
        {
            yield return $"`ignore` is {Show(values)}; it must be {first}, one above the highest other label, or several from "
                + $"{first} on without gaps";
        }

        if (last > short.MaxValue)
        {
            yield return $"`ignore` reaches {last}; values up to {short.MaxValue} are supported";
        }
    }

    private IEnumerable<string> RegionProblems(LabelEntry[] regions)
    {
        if (HasRegions && RegionsClassOrder.Count != regions.Length)
        {
            yield return $"`regions_class_order` has {RegionsClassOrder.Count} entries for {regions.Length} regions "
                + $"({string.Join(", ", regions.Select(region => region.Name))})";
        }

        foreach (var label in RegionsClassOrder.Where(label => !AllLabels.Contains(label)))
        {
            yield return $"`regions_class_order` names {label}, which is no label";
        }
    }

    private IEnumerable<string> OriginalValueProblems()
    {
        if (OriginalValues is { } values
            && (values.Count != HighestValue + 1 || values.Distinct().Count() != values.Count
                || values.Any(value => value is < 0 or > short.MaxValue)))
        {
            yield return $"`original_values` are {Show(values)}; they must be one for each label from 0 to {HighestValue}, "
                + $"different ones from 0 to {short.MaxValue}";
        }
    }

    private static string Show(IReadOnlyList<int> values) =>
        values.Count == 1 ? $"{values[0]}" : $"[{Counted.First(values, 20)}]";
}
