using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Datasets;

/// <summary>What dataset.json says about a dataset, whichever format it is in.</summary>
/// <param name="Name">Name of the dataset.</param>
/// <param name="ChannelNames">One name a channel, in order; the name selects the normalisation.</param>
/// <param name="Labels">The labels.</param>
/// <param name="FileEnding">Ending of images and labels, leading dot included.</param>
/// <param name="NumTraining">Number of training cases that the file declares; null if it does not.</param>
public sealed partial record DatasetDescription(
    string Name, IReadOnlyList<string> ChannelNames, LabelScheme Labels, string FileEnding, int? NumTraining)
{
    private static readonly JsonWriterOptions Indented =
        new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Reads nnU-Net v2's keys (`channel_names`, `labels` name → value, `file_ending`, …), and as well the Decathlon's
    /// (`modality`, `labels` value → name; without `file_ending` the ending is then .nii.gz).
    /// </summary>
    /// <param name="json">The text of a dataset.json.</param>
    /// <param name="source">Its file name, for messages.</param>
    /// <param name="name">Name of the dataset where the file has no key `name`.</param>
    /// <exception cref="SharpSegException">No JSON, or a missing or wrong key.</exception>
    public static DatasetDescription FromJson(string json, string source = "dataset.json", string name = "dataset")
    {
        using var document = DatasetJson.Parse(json, source);
        return FromJson(document.RootElement, source, name);
    }

    /// <summary>The description in nnU-Net v2's form, with the additional key `name`.</summary>
    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Indented))
        {
            writer.WriteStartObject();
            writer.WriteString("name", Name);
            writer.WriteStartObject("channel_names");
            for (var c = 0; c < ChannelNames.Count; c++)
            {
                writer.WriteString(c.ToString(CultureInfo.InvariantCulture), ChannelNames[c]);
            }

            writer.WriteEndObject();
            writer.WriteStartObject("labels");
            foreach (var entry in Labels.Entries)
            {
                writer.WritePropertyName(entry.Name);
                WriteValues(writer, entry.Values);
            }

            writer.WriteEndObject();
            if (Labels.HasRegions)
            {
                writer.WritePropertyName("regions_class_order");
                writer.WriteStartArray();
                foreach (var label in Labels.RegionsClassOrder)
                {
                    writer.WriteNumberValue(label);
                }

                writer.WriteEndArray();
            }

            if (Labels.OriginalValues is { } originals)
            {
                writer.WriteStartObject(DatasetJson.OriginalValuesKey);
                foreach (var (label, value) in originals.Index())
                {
                    writer.WriteNumber(label.ToString(CultureInfo.InvariantCulture), value);
                }

                writer.WriteEndObject();
            }

            if (Labels.Partial.Labelled.Count > 0)
            {
                writer.WriteStartObject("labelled");
                foreach (var (caseId, names) in Labels.Partial.Labelled)
                {
                    writer.WriteStartArray(caseId);
                    foreach (var name in names)
                    {
                        writer.WriteStringValue(name);
                    }

                    writer.WriteEndArray();
                }

                writer.WriteEndObject();
            }

            if (NumTraining is { } count)
            {
                writer.WriteNumber("numTraining", count);
            }

            writer.WriteString("file_ending", FileEnding);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    /// <summary>
    /// Keys in which this contradicts another description of the same dataset, so that networks and data that go by one do not
    /// fit the other. Names of the dataset, its channels and its classes may differ.
    /// </summary>
    internal IReadOnlyList<string> Contradictions(DatasetDescription other)
    {
        var (own, others) = (Labels, other.Labels);
        var sameClasses = own.HasRegions == others.HasRegions && own.IgnoreLabel == others.IgnoreLabel
            && own.HighestValue == others.HighestValue && own.Classes.Count == others.Classes.Count
            && own.Classes.Zip(others.Classes).All(pair => pair.First.Values.Order().SequenceEqual(pair.Second.Values.Order()));
        var samePartial = own.Partial.Labelled.Keys.Union(others.Partial.Labelled.Keys)
            .All(id => own.Partial.Of(id).SequenceEqual(others.Partial.Of(id)));
        var keys = new List<string>();
        void Unless(bool same, string key) => keys.AddRange(same ? [] : [key]);
        Unless(ChannelNames.Count == other.ChannelNames.Count, "channel_names");
        Unless(sameClasses, "labels");
        Unless(own.RegionsClassOrder.SequenceEqual(others.RegionsClassOrder), "regions_class_order");
        Unless(samePartial, "labelled");
        return keys;
    }

    internal static DatasetDescription FromJson(JsonElement root, string source, string name)
    {
        var isV2 = root.TryGetProperty("channel_names", out var channels);
        if (!isV2 && !root.TryGetProperty("modality", out channels))
        {
            throw new SharpSegException(
                $"`{source}`: the key `channel_names` is missing", "it maps \"0\", \"1\", … to the names of the channels");
        }

        var ending = ".nii.gz";
        if (root.TryGetProperty("file_ending", out var fileEnding))
        {
            ending = fileEnding.ValueKind == JsonValueKind.String ? fileEnding.GetString()! : "";
            if (!Ending().IsMatch(ending))
            {
                throw new SharpSegException(
                    $"`{source}`: `file_ending` is {fileEnding.GetRawText()}", "it is a text like \".nii.gz\"");
            }
        }
        else if (isV2)
        {
            throw new SharpSegException($"`{source}`: the key `file_ending` is missing", "add e.g. \"file_ending\": \".nii.gz\"");
        }

        int? numTraining = root.TryGetProperty("numTraining", out var number)
            ? DatasetJson.Int(number, "numTraining", source)
            : null;
        var labels = DatasetJson.Labels(root, source);
        return new(
            root.TryGetProperty("name", out var given) && given.ValueKind == JsonValueKind.String && given.GetString()!.Length > 0
                ? given.GetString()!
                : name,
            DatasetJson.Channels(channels, source),
            labels,
            ending,
            numTraining);
    }

    [GeneratedRegex(@"^(\.[A-Za-z0-9]{1,16}){1,3}\z")]
    private static partial Regex Ending();

    private static void WriteValues(Utf8JsonWriter writer, IReadOnlyList<int> values)
    {
        if (values.Count == 1)
        {
            writer.WriteNumberValue(values[0]);
            return;
        }

        writer.WriteStartArray();
        foreach (var value in values)
        {
            writer.WriteNumberValue(value);
        }

        writer.WriteEndArray();
    }
}
