using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Planning.Fingerprinting;

/// <summary>
/// fingerprint.json under the key names of nnU-Net v2's dataset_fingerprint.json, which is read as it is; `spacings`,
/// `shapes_after_crop` and `median_relative_size_after_cropping` are enough to plan from.
/// </summary>
public static class FingerprintJson
{
    private const string IntensitiesKey = "foreground_intensity_properties_per_channel";
    private const string LeftRightKey = "left_right_axes";
    private const string OlderIntensitiesKey = "foreground_intensity_properties_by_modality"; // nnU-Net 2.0

    /// <summary>Reads a fingerprint file.</summary>
    /// <exception cref="SharpSegException">Missing or bad; the message names the file and the key.</exception>
    public static Fingerprint Read(string path) => Parse(JsonFile.ReadText(path), path);

    /// <summary>Reads a fingerprint from a text; <paramref name="source"/> names it in messages.</summary>
    /// <exception cref="SharpSegException">A key is missing or bad.</exception>
    public static Fingerprint Parse(string text, string source)
    {
        var file = JsonFile.Parse(text, source);
        var spacings = file.RequiredNumberRows("spacings");
        var shapes = file.RequiredIntRows("shapes_after_crop");
        if (spacings.Length == 0 || spacings.Length != shapes.Length)
        {
            throw file.Error(
                "spacings", $"{spacings.Length} spacings and {shapes.Length} shapes_after_crop; one of each per case is needed");
        }

        for (var i = 0; i < spacings.Length; i++)
        {
            if (spacings[i].Length != 3 || !spacings[i].All(Spacing.IsPlausible))
            {
                throw file.Error(
                    "spacings",
                    $"entry {i} must be three positive numbers of mm (z, y, x), found [{string.Join(", ", spacings[i].Take(4))}]");
            }

            if (shapes[i].Length != 3 || shapes[i].Any(value => value < 1))
            {
                throw file.Error(
                    "shapes_after_crop", $"entry {i} must be three sizes (z, y, x), found [{string.Join(", ", shapes[i].Take(4))}]");
            }
        }

        var ids = file.Has("case_ids") ? file.RequiredTexts("case_ids") : [];
        if (ids.Length != 0 && ids.Length != spacings.Length)
        {
            throw file.Error("case_ids", $"{ids.Length} ids for {spacings.Length} cases");
        }

        return new Fingerprint
        {
            CaseIds = ids,
            Spacings = [.. spacings.Select(Spacing.FromArray)],
            ShapesAfterCrop = [.. shapes.Select(Extent.FromArray)],
            MedianRelativeSizeAfterCropping = file.RequiredNumber("median_relative_size_after_cropping"),
            MeanRelativeSizeAfterCropping = file.Number("mean_relative_size_after_cropping"),
            IntensityProperties = ReadIntensities(file),
            Classes = ReadClasses(file),
            LeftRightAxes = ReadLeftRight(file),
            Profile = file.Text("profile") switch
            {
                null => null,
                "classic" => Profile.Classic,
                "modern" => Profile.Modern,
                var other => throw file.Error("profile", $"`{other}` is neither `classic` nor `modern`"),
            },
            DataHash = file.Text("data_hash"),
        };
    }

    /// <summary>The text of a fingerprint file.</summary>
    public static string ToJson(Fingerprint fingerprint)
    {
        var json = new JsonObject
        {
            ["case_ids"] = PlansJson.List(fingerprint.CaseIds),
            ["spacings"] = PlansJson.Rows(fingerprint.Spacings.Select(spacing => spacing.ToArray())),
            ["shapes_after_crop"] = PlansJson.Rows(fingerprint.ShapesAfterCrop.Select(shape => shape.ToArray())),
            ["median_relative_size_after_cropping"] = fingerprint.MedianRelativeSizeAfterCropping,
            ["mean_relative_size_after_cropping"] = fingerprint.MeanRelativeSizeAfterCropping,
            [IntensitiesKey] = WriteIntensities(fingerprint.IntensityProperties),
            ["classes"] = new JsonArray([.. fingerprint.Classes.Select(WriteClass)]),
            [LeftRightKey] = fingerprint.LeftRightAxes is { } axes ? PlansJson.List(axes) : null,
            ["profile"] = fingerprint.Profile?.ToString().ToLowerInvariant(),
            ["data_hash"] = fingerprint.DataHash,
        };
        return JsonFile.ToText(json);
    }

    /// <summary>
    /// The intensities of a fingerprint or plans file: one entry per channel "0", "1", …; empty if the file has none.
    /// </summary>
    internal static IntensityProperties?[] ReadIntensities(JsonFile file)
    {
        if ((file.OptionalObject(IntensitiesKey) ?? file.OptionalObject(OlderIntensitiesKey)) is not { } channels)
        {
            return [];
        }

        var properties = new IntensityProperties?[channels.Node.Count];
        for (var channel = 0; channel < properties.Length; channel++)
        {
            var key = channel.ToString(CultureInfo.InvariantCulture);
            if (!channels.Node.ContainsKey(key))
            {
                throw channels.Error(key, $"missing; {properties.Length} channels must be named 0 to {properties.Length - 1}");
            }

            // A dataset without foreground has nulls, for the channel or for each number.
            if (channels.OptionalObject(key) is { } one && one.Has("mean"))
            {
                properties[channel] = new IntensityProperties(
                    one.RequiredNumber("mean"), one.RequiredNumber("median"), one.RequiredNumber("std"),
                    one.RequiredNumber("min"),
                    one.RequiredNumber("max"), one.RequiredNumber("percentile_00_5"), one.RequiredNumber("percentile_99_5"));
            }
        }

        return properties;
    }

    /// <summary>The same as JSON, numbers under nnU-Net's keys.</summary>
    internal static JsonObject WriteIntensities(IReadOnlyList<IntensityProperties?> properties)
    {
        var json = new JsonObject();
        for (var channel = 0; channel < properties.Count; channel++)
        {
            var one = properties[channel];
            json[channel.ToString(CultureInfo.InvariantCulture)] = new JsonObject
            {
                ["max"] = one?.Max,
                ["mean"] = one?.Mean,
                ["median"] = one?.Median,
                ["min"] = one?.Min,
                ["percentile_00_5"] = one?.Percentile005,
                ["percentile_99_5"] = one?.Percentile995,
                ["std"] = one?.Std,
            };
        }

        return json;
    }

    private static int[]? ReadLeftRight(JsonFile file)
    {
        int[]? axes = file.Has(LeftRightKey) ? file.RequiredInts(LeftRightKey) : null;
        return axes is null || (axes.Length is > 0 and <= 3 && axes.Distinct().Count() == axes.Length
            && axes.All(axis => axis is >= 0 and <= 2))
                ? axes
                : throw file.Error(LeftRightKey, $"[{string.Join(", ", axes.Take(4))}] are not different axes 0, 1 or 2");
    }

    private static JsonObject WriteClass(ClassFacts facts) => new()
    {
        ["name"] = facts.Name,
        ["labels"] = PlansJson.List(facts.Labels),
        ["voxels"] = facts.Voxels,
        ["cases_present"] = facts.CasesPresent,
        ["most_components"] = facts.MostComponents,
    };

    private static ClassFacts[] ReadClasses(JsonFile file)
    {
        if (file.Node["classes"] is not JsonArray list)
        {
            return [];
        }

        var classes = new ClassFacts[list.Count];
        for (var i = 0; i < classes.Length; i++)
        {
            var one = new JsonFile(
                file.Source, $"classes[{i}]",
                list[i] as JsonObject ?? throw file.Error("classes", $"entry {i} is not an object"));
            classes[i] = new ClassFacts(
                one.RequiredText("name"), one.RequiredInts("labels"), (long)one.RequiredNumber("voxels"),
                one.RequiredInt("cases_present"), one.RequiredInt("most_components"));
        }

        return classes;
    }
}
