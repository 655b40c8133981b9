namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>How the labels of a dataset become 0, 1, 2, … without gaps (docs/method/datasets.md §9).</summary>
/// <param name="Labels">The labels of the repaired copy, with a table to the user's values if any was renumbered.</param>
/// <param name="Lines">What was changed, one line each; empty where nothing was.</param>
internal sealed record LabelRepair(LabelScheme Labels, IReadOnlyList<string> Lines)
{
    private const string Background = "background", Ignore = "ignore";

    /// <summary>Decides.</summary>
    /// <param name="declared">The labels in dataset.json; null where it names none.</param>
    /// <param name="order">Its `regions_class_order`, or null.</param>
    /// <param name="found">All values in the label maps.</param>
    /// <exception cref="SharpSegException">No numbering makes a scheme of them.</exception>
    public static LabelRepair Of(
        IReadOnlyList<LabelEntry>? declared, IReadOnlyList<int>? order, IReadOnlyCollection<int> found)
    {
        var lines = new List<string>();
        if (declared is null)
        {
            declared = [.. found.Where(value => value != 0).Order().Select(value => new LabelEntry($"label {value}", [value]))];
            lines.Add(
                $"dataset.json did not name the labels: they are named by their values, {Text(found)}; correct the names");
        }

        if (declared.All(entry => entry.Name != Background) && declared.All(entry => !entry.Values.Contains(0)))
        {
            declared = [new(Background, [0]), .. declared];
        }

        declared = ByOrder(declared, order, found, lines);
        return Renumbered(declared, order, lines);
    }

    /// <summary>
    /// Label maps with as many foreground values as dataset.json declares, of which it declares none: both are taken in
    /// ascending order, as for masks of 0 and 255. Anything else would be a guess.
    /// </summary>
    private static IReadOnlyList<LabelEntry> ByOrder(
        IReadOnlyList<LabelEntry> declared, IReadOnlyList<int>? order, IReadOnlyCollection<int> found, List<string> lines)
    {
        var foreground = declared.Where(entry => entry.Name != Background).ToArray();
        int[] values = [.. found.Where(value => value != 0).Order()];
        if (values.Length == 0 || values.Length != foreground.Length || order is not null
            || foreground.Any(entry => entry.Name == Ignore || entry.Values.Count != 1 || values.Contains(entry.Values[0]))
            || declared.Any(entry => entry.Name == Background && !entry.Values.SequenceEqual([0])))
        {
            return declared;
        }

        var byName = foreground.OrderBy(entry => entry.Values[0]).Zip(values)
            .ToDictionary(pair => pair.First.Name, pair => pair.Second, StringComparer.Ordinal);
        lines.Add(
            $"the label maps hold {Text(values)}, none of which dataset.json names: they are taken in this order for "
                + string.Join(", ", byName.OrderBy(pair => pair.Value).Select(pair => $"{pair.Key} ({pair.Value})")));
        return [.. declared.Select(entry => byName.TryGetValue(entry.Name, out var value) ? new(entry.Name, [value]) : entry)];
    }

    private static LabelRepair Renumbered(IReadOnlyList<LabelEntry> entries, IReadOnlyList<int>? order, List<string> lines)
    {
        int[] values =
        [
            .. Of(entries, entry => entry.Name == Background),
            .. Of(entries, entry => entry.Name is not (Background or Ignore)),
            .. Of(entries, entry => entry.Name == Ignore),
        ];
        values = [.. values.Distinct()];
        if (values.SequenceEqual(Enumerable.Range(0, values.Length)))
        {
            return new(new LabelScheme(entries, order), lines);
        }

        var number = values.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        var labels = new LabelScheme(
            [.. entries.Select(entry => new LabelEntry(entry.Name, [.. entry.Values.Select(value => number[value])]))],
            order is null ? null : [.. order.Select(value => number.GetValueOrDefault(value, value))],
            values);
        lines.Add(
            $"labels {Text(values)} became 0 {(values.Length == 2 ? "and" : "to")} {values.Length - 1}; `{DatasetJson.OriginalValuesKey}` in dataset.json keeps the "
                + "values, and segmentations get them back");
        return new(labels, lines);
    }

    private static IEnumerable<int> Of(IReadOnlyList<LabelEntry> entries, Func<LabelEntry, bool> which) =>
        entries.Where(which).SelectMany(entry => entry.Values).Order();

    private static string Text(IReadOnlyCollection<int> values) => Counted.First(values, 20);
}
