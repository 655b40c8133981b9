using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A model that is part of another.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Work">Its workspace.</param>
public sealed record ModelPart(string Name, Workspace Work);

/// <summary>How the labels of several models become one map: by their names.</summary>
internal static class LabelMerge
{
    private const string Background = "background";

    /// <summary>The description of the merged map.</summary>
    /// <param name="parts">The models.</param>
    /// <param name="table">A JSON file with the number of each name (or the name of each number), which segmentations then have;
    /// null numbers the names in order, and segmentations have the parts' original values if a part has them.</param>
    /// <exception cref="SharpSegException">The parts take other channels, a name has no number or two, numbers have gaps, or
    /// original values of the parts contradict one another.</exception>
    public static DatasetDescription Description(IReadOnlyList<ModelPart> parts, string? table)
    {
        var descriptions = parts.Select(part => part.Work.ReadDescription()).ToArray();
        for (var i = 1; i < parts.Count; i++)
        {
            if (!descriptions[i].ChannelNames.SequenceEqual(descriptions[0].ChannelNames)
                || descriptions[i].FileEnding != descriptions[0].FileEnding)
            {
                throw new SharpSegException(
                    $"`{parts[i].Name}` takes {string.Join(", ", descriptions[i].ChannelNames)} ({descriptions[i].FileEnding}), "
                        + $"`{parts[0].Name}` "
                        + $"{string.Join(", ", descriptions[0].ChannelNames)} ({descriptions[0].FileEnding})",
                    "parts of one model segment the same scans");
            }
        }

        var names = descriptions.SelectMany(description => description.Labels.LabelNames.Values).Distinct().ToArray();
        var numbers = table is null
            ? names.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i + 1, StringComparer.Ordinal)
            : ReadTable(table);
        if (names.FirstOrDefault(name => !numbers.ContainsKey(name)) is { } missing)
        {
            throw new SharpSegException($"{table}: `{missing}` has no number", "the table names every structure of the parts");
        }

        LabelEntry[] entries =
            [new(Background, [0]), .. numbers.OrderBy(pair => pair.Value).Select(pair => new LabelEntry(pair.Key, [pair.Value]))];
        var originals = table is null && descriptions.Any(description => description.Labels.OriginalValues is not null)
            ? OriginalValues(parts, entries)
            : null;
        return new(
            "merged", descriptions[0].ChannelNames, new LabelScheme(entries, originalValues: originals),
            descriptions[0].FileEnding, null);
    }

    /// <summary>The values that the users' files have for the merged labels, those of the parts (docs/method/import.md §6).
    /// </summary>
    private static int[] OriginalValues(IReadOnlyList<ModelPart> parts, IReadOnlyList<LabelEntry> entries)
    {
        const string Hint = "give the values of the merged map with --merge";
        var valueOf = new Dictionary<string, (int Value, string Part)>(StringComparer.Ordinal);
        var nameOf = new Dictionary<int, (string Name, string Part)>();
        foreach (var part in parts)
        {
            var labels = part.Work.ReadDescription().Labels;
            foreach (var (label, name) in labels.LabelNames.Prepend(new(0, Background)))
            {
                var value = labels.OriginalValue(label);
                if (!valueOf.TryAdd(name, (value, part.Name)) && valueOf[name].Value != value)
                {
                    throw new SharpSegException(
                        $"`{name}` has the value {value} in `{part.Name}` and {valueOf[name].Value} in `{valueOf[name].Part}`",
                        Hint);
                }

                if (!nameOf.TryAdd(value, (name, part.Name)) && nameOf[value].Name != name)
                {
                    throw new SharpSegException(
                        $"the value {value} is `{name}` in `{part.Name}` and `{nameOf[value].Name}` in `{nameOf[value].Part}`",
                        Hint);
                }
            }
        }

        return [.. entries.Select(entry => valueOf[entry.Name].Value)];
    }

    /// <summary>For each label of a part its number in the merged map; index 0 is the background's.</summary>
    public static short[] Table(LabelScheme part, LabelScheme merged)
    {
        var numbers = merged.Entries.ToDictionary(entry => entry.Name, entry => (short)entry.Values[0], StringComparer.Ordinal);
        var table = new short[part.AllLabels.Count];
        foreach (var (label, name) in part.LabelNames)
        {
            table[label] = numbers.TryGetValue(name, out var number)
                ? number
                : throw new SharpSegException(
                    $"the merged labels have no `{name}`", "the model's parts do not belong together: import it again");
        }

        return table;
    }

    /// <summary>Writes the foreground of a part over the merged map.</summary>
    public static void Over(Span<short> merged, ReadOnlySpan<short> part, ReadOnlySpan<short> table)
    {
        for (var v = 0; v < merged.Length; v++)
        {
            merged[v] = part[v] == 0 ? merged[v] : table[part[v]];
        }
    }

    private static Dictionary<string, int> ReadTable(string path)
    {
        var file = JsonFile.Read(path);
        file = file.OptionalObject("labels") ?? file;
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (key, value) in file.Node)
        {
            var (name, number) = value is JsonValue text && text.TryGetValue<string>(out var structure)
                ? (structure, int.TryParse(key, out var n) ? n : throw file.Error(key, "a name where a number is expected"))
                : (key, file.RequiredInt(key));
            if (name != Background && !numbers.TryAdd(name, number))
            {
                throw file.Error(key, $"`{name}` is there twice");
            }
        }

        var given = numbers.Values.Order().ToArray();
        return given.SequenceEqual(Enumerable.Range(1, given.Length))
            ? numbers
            : throw new SharpSegException(
                $"{path}: the numbers are not 1 to {given.Length}, each once", "numbers without gaps, 0 is the background");
    }
}
