using System.Globalization;
using System.Text.Json;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>The parts of a dataset.json, read with messages that name the key. Object members keep their file order.</summary>
internal static class DatasetJson
{
    /// <summary>Key of the table from labels to the values that the user's own files have.</summary>
    public const string OriginalValuesKey = "original_values";

    /// <summary>Parses a text whose root must be an object.</summary>
    public static JsonDocument Parse(string json, string source)
    {
        var document = JsonFile.Parse(json, $"`{source}`", text => JsonDocument.Parse(text, JsonFile.Tolerant));
        if (document.RootElement.ValueKind == JsonValueKind.Object)
        {
            return document;
        }

        document.Dispose();
        throw new SharpSegException($"`{source}`: not a JSON object");
    }

    /// <summary>A whole number.</summary>
    public static int Int(JsonElement element, string key, string source) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value)
            ? value
            : throw new SharpSegException($"`{source}`: `{key}` has {Show(element)} where a whole number is expected");

    /// <summary>A text.</summary>
    public static string Text(JsonElement element, string key, string source) => element.ValueKind == JsonValueKind.String
        ? element.GetString()!
        : throw new SharpSegException($"`{source}`: `{key}` has {Show(element)} where a text is expected");

    /// <summary>The channel names, ordered by their number.</summary>
    public static IReadOnlyList<string> Channels(JsonElement element, string source)
    {
        Expect(element, JsonValueKind.Object, "channel_names", source);
        var names = new SortedDictionary<int, string>();
        foreach (var member in element.EnumerateObject())
        {
            if (!int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var channel) ||
                !names.TryAdd(
                    channel,
                    member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : member.Value.GetRawText()))
            {
                throw new SharpSegException(
                    $"`{source}`: channel `{member.Name}`", "channels are numbered \"0\", \"1\", …, each once");
            }
        }

        return names.Count > 0 && names.Keys.Last() == names.Count - 1
            ? [.. names.Values]
            : throw new SharpSegException(
                $"`{source}`: the channels are {string.Join(", ", names.Keys)}", "channels are numbered from 0 without gaps");
    }

    /// <summary>The labels, in either direction.</summary>
    public static LabelScheme Labels(JsonElement root, string source)
    {
        var (entries, order) = Entries(root, source);
        var originals = root.TryGetProperty(OriginalValuesKey, out var table) && table.ValueKind != JsonValueKind.Null
            ? OriginalValues(table, source)
            : null;
        try
        {
            return new(entries, order, originals, Labelled(root, source));
        }
        catch (SharpSegException error)
        {
            throw new SharpSegException($"`{source}`: {error.Message}", error.Hint, error);
        }
    }

    /// <summary>The labels as they stand there, whether or not they are a scheme that can be trained, and the order of regions.
    /// </summary>
    public static (IReadOnlyList<LabelEntry> Entries, IReadOnlyList<int>? Order) Entries(JsonElement root, string source)
    {
        if (!root.TryGetProperty("labels", out var element))
        {
            throw new SharpSegException(
                $"`{source}`: the key `labels` is missing", "it maps the names of the structures to their values");
        }

        Expect(element, JsonValueKind.Object, "labels", source);
        var members = element.EnumerateObject().ToArray();
        var numbersToNames = members.Length > 0 && members.All(member => IsInt(member.Name)) && members.All(member =>
            member.Value.ValueKind == JsonValueKind.String && !IsInt(member.Value.GetString()!));
        LabelEntry[] entries = numbersToNames ? Inverted(members) : [.. members.Select(member => Entry(member, source))];
        int[]? order = null;
        if (root.TryGetProperty("regions_class_order", out var given) && given.ValueKind != JsonValueKind.Null)
        {
            Expect(given, JsonValueKind.Array, "regions_class_order", source);
            order = [.. given.EnumerateArray().Select(label => Int(label, "regions_class_order", source))];
        }

        return (entries, order);
    }

    /// <summary>Which classes are labelled in which case; null without the key, which Americans spell otherwise.</summary>
    private static Dictionary<string, IReadOnlyList<string>>? Labelled(JsonElement root, string source)
    {
        var key = root.TryGetProperty("labeled", out var element) ? "labeled" : "labelled";
        if (root.TryGetProperty("labelled", out var given))
        {
            if (key == "labeled")
            {
                throw new SharpSegException($"`{source}`: both `labelled` and `labeled`", "keep one of them");
            }

            element = given;
        }
        else if (key == "labelled")
        {
            return null;
        }

        Expect(element, JsonValueKind.Object, key, source);
        var cases = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            Expect(member.Value, JsonValueKind.Array, $"{key}.{member.Name}", source);
            cases[member.Name] = [.. member.Value.EnumerateArray().Select(name => Text(name, $"{key}.{member.Name}", source))];
        }

        return cases;
    }

    /// <summary>Refuses a value of another kind.</summary>
    public static void Expect(JsonElement element, JsonValueKind kind, string key, string source)
    {
        if (element.ValueKind != kind)
        {
            throw new SharpSegException(
                $"`{source}`: `{key}` is {Show(element)}, not {(kind == JsonValueKind.Object ? "an object" : "a list")}");
        }
    }

    // {"0": 0, "1": 255}: label to value, every label from 0 on.
    private static int[] OriginalValues(JsonElement element, string source)
    {
        Expect(element, JsonValueKind.Object, OriginalValuesKey, source);
        var values = new SortedDictionary<int, int>();
        foreach (var member in element.EnumerateObject())
        {
            if (!int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var label)
                || !values.TryAdd(label, Int(member.Value, $"{OriginalValuesKey}.{member.Name}", source)))
            {
                throw new SharpSegException(
                    $"`{source}`: `{OriginalValuesKey}` has `{member.Name}`", "labels are numbered \"0\", \"1\", …, each once");
            }
        }

        return values.Keys.SequenceEqual(Enumerable.Range(0, values.Count))
            ? [.. values.Values]
            : throw new SharpSegException(
                $"`{source}`: `{OriginalValuesKey}` is for the labels {string.Join(", ", values.Keys)}",
                "it names a value for every label from 0 on");
    }

    private static bool IsInt(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    // The Decathlon's direction, number → name. Label 0 is the background, whatever it is called there.
    private static LabelEntry[] Inverted(JsonProperty[] members)
    {
        var entries = members
            .Select(member => (Value: int.Parse(member.Name, CultureInfo.InvariantCulture), Name: member.Value.GetString()!))
            .OrderBy(entry => entry.Value)
            .ToArray();
        var named = entries.Any(entry => entry.Name == "background");
        return [
            .. entries.Select(entry => new LabelEntry(entry.Value == 0 && !named ? "background" : entry.Name, [entry.Value]))];
    }

    private static LabelEntry Entry(JsonProperty member, string source) =>
        new(member.Name, member.Value.ValueKind == JsonValueKind.Array
        ? [.. member.Value.EnumerateArray().Select(value => Label(value, $"labels.{member.Name}", source))]
        : [Label(member.Value, $"labels.{member.Name}", source)]);

    // nnU-Net takes a number in quotes as well.
    private static int Label(JsonElement element, string key, string source) =>
        element.ValueKind == JsonValueKind.String
            && int.TryParse(element.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var label)
            ? label
            : Int(element, key, source);

    private static string Show(JsonElement element)
    {
        var text = element.GetRawText();
        return text.Length <= 60 ? text : text[..60] + "…";
    }
}
