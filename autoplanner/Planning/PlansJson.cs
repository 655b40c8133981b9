using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Planning;

/// <summary>
/// plans.json under nnU-Net v2's key names: a file of nnU-Net v2 is read as it is, and ours can be read by it. Four keys are
/// ours beside `profile`: `classic_paper`, `preset`, `unmirrored_axes` and `mirrors_all`; without them a file is `modern` and
/// mirrors all axes.
/// </summary>
internal static class PlansJson
{
    private const string DefaultReader = "SimpleITKIO";
    private const string UnmirroredKey = "unmirrored_axes", MirrorsAllKey = "mirrors_all", PaperKey = "classic_paper";
    private const int FirstPaper = 2018, SecondPaper = 2019;

    // All give arrays (z, y, x) as the files store them; they differ in the formats they know.
    private static readonly string[] ReadersAsStored = [DefaultReader, "NibabelIO", "NaturalImage2DIO", "Tiff3DIO"];
    private static readonly string[] ReadersToRas = ["NibabelIOWithReorient", "SimpleITKIOWithReorient"];
    // Far above anything that trains; a damaged file must not ask for minutes of planning or for numbers that overflow.
    private const int LongestEdge = 1 << 14, LargestBatch = 1 << 14;

    /// <summary>Reads a plans file.</summary>
    /// <exception cref="SharpSegException">Missing or bad; the message names the file and the key.</exception>
    public static Plans Read(string path) => Parse(JsonFile.ReadText(path), path);

    /// <summary>Reads plans from a text. A key that would change the result and is not known is refused by its name.</summary>
    /// <exception cref="SharpSegException">A key is missing, bad or not supported.</exception>
    /// <param name="text">The file's text.</param>
    /// <param name="source">Its name, for messages.</param>
    /// <param name="only">Configurations to read; null reads all. What is wrong with the others does not matter then.</param>
    public static Plans Parse(string text, string source, IReadOnlyCollection<string>? only = null)
    {
        var file = JsonFile.Parse(text, source);
        var forward = ReadTransposition(file);
        RequireSupported(file, "label_manager", "LabelManager");
        var reader = ArchitectureJson.LastName(file.Text("image_reader_writer") ?? DefaultReader);
        if (!ReadersAsStored.Contains(reader) && !ReadersToRas.Contains(reader))
        {
            throw file.Error(
                "image_reader_writer", $"`{reader}` is not supported",
                $"{string.Join(", ", ReadersAsStored.Concat(ReadersToRas))} are");
        }

        var configurations = file.RequiredObject("configurations");
        var resolved = new Dictionary<string, ConfigurationPlan>(StringComparer.Ordinal);
        foreach (var (name, _) in configurations.Node.Where(pair => only?.Contains(pair.Key) != false))
        {
            SafeName.Require(name, "the configuration", source);
            resolved[name] = ReadConfiguration(ConfigurationInheritance.Resolve(configurations, name), name);
        }

        return new Plans
        {
            DatasetName = file.Text("dataset_name") ?? "",
            PlansName = file.Text("plans_name") ?? "nnUNetPlans",
            Profile = ProfileOf(file),
            SecondPaper = IsOfSecondPaper(file),
            Preset = file.Text("preset") ?? "default",
            TransposeForward = forward,
            TransposeBackward = Transposition.Inverse(forward),
            ImageReader = reader,
            ReorientToRas = ReadersToRas.Contains(reader),
            UnmirroredAxes = ReadUnmirrored(file),
            MirrorsAll = file.Flag(MirrorsAllKey) ?? false,
            OriginalMedianSpacing = file.Has("original_median_spacing_after_transp")
                ? file.RequiredNumbers("original_median_spacing_after_transp")
                : [],
            OriginalMedianShape = file.Has("original_median_shape_after_transp")
                ? file.RequiredInts("original_median_shape_after_transp")
                : [],
            IntensityProperties = FingerprintJson.ReadIntensities(file),
            Configurations = resolved,
        };
    }

    /// <summary>The text of a plans file.</summary>
    public static string ToJson(Plans plans)
    {
        var complete = plans.Configurations.ToDictionary(pair => pair.Key, pair => WriteConfiguration(pair.Value));
        var configurations = new JsonObject();
        foreach (var (name, configuration) in plans.Configurations)
        {
            configurations[name] = configuration.InheritsFrom is { } parent && complete.TryGetValue(parent, out var inherited)
                ? ConfigurationInheritance.Difference(complete[name], inherited, parent)
                : complete[name];
        }

        var json = new JsonObject
        {
            ["dataset_name"] = plans.DatasetName,
            ["plans_name"] = plans.PlansName,
            ["profile"] = plans.Profile == Profile.Classic ? "classic" : "modern",
            ["preset"] = plans.Preset,
            ["original_median_spacing_after_transp"] = List(plans.OriginalMedianSpacing),
            ["original_median_shape_after_transp"] = List(plans.OriginalMedianShape),
            ["image_reader_writer"] = plans.ReorientToRas == ReadersToRas.Contains(plans.ImageReader)
                ? plans.ImageReader
                : plans.ReorientToRas ? ReadersToRas[0] : DefaultReader,
            ["transpose_forward"] = List(plans.TransposeForward),
            ["transpose_backward"] = List(plans.TransposeBackward),
            ["configurations"] = configurations,
            ["experiment_planner_used"] = $"SharpSeg {plans.PlansName}",
            ["label_manager"] = "LabelManager",
            ["foreground_intensity_properties_per_channel"] = FingerprintJson.WriteIntensities(plans.IntensityProperties),
        };
        if (plans.UnmirroredAxes.Count > 0)
        {
            json[UnmirroredKey] = List(plans.UnmirroredAxes);
        }

        if (plans.MirrorsAll)
        {
            json[MirrorsAllKey] = true;
        }

        if (plans.SecondPaper)
        {
            json[PaperKey] = SecondPaper;
        }

        return JsonFile.ToText(json);
    }

    /// <summary>A JSON list of values.</summary>
    internal static JsonArray List<T>(IEnumerable<T> values) =>
        new([.. values.Select(value => (JsonNode?)JsonValue.Create(value))]);

    /// <summary>A JSON list of lists.</summary>
    internal static JsonArray Rows<T>(IEnumerable<IEnumerable<T>> rows) => new([.. rows.Select(row => (JsonNode?)List(row))]);

    private static int[] ReadUnmirrored(JsonFile file)
    {
        int[] axes = file.Has(UnmirroredKey) ? file.RequiredInts(UnmirroredKey) : [];
        return axes.Length <= 3 && axes.Distinct().Count() == axes.Length && axes.All(axis => axis is >= 0 and <= 2)
            ? axes
            : throw file.Error(UnmirroredKey, $"[{Shown(axes)}] are not different axes 0, 1 or 2");
    }

    private static int[] ReadTransposition(JsonFile file)
    {
        var forward = file.RequiredInts("transpose_forward");
        if (!forward.Order().SequenceEqual([0, 1, 2]))
        {
            throw file.Error("transpose_forward", $"[{string.Join(", ", forward)}] is not an order of the axes 0, 1, 2");
        }

        return !file.Has("transpose_backward")
            || file.RequiredInts("transpose_backward").SequenceEqual(Transposition.Inverse(forward))
            ? forward
            : throw file.Error("transpose_backward", $"does not undo transpose_forward [{string.Join(", ", forward)}]");
    }

    /// <summary>Refuses a class that does something else than the one known.</summary>
    private static void RequireSupported(JsonFile file, string key, string known)
    {
        if (file.Text(key) is { } name && ArchitectureJson.LastName(name) != known)
        {
            throw file.Error(key, $"`{name}` is not supported", $"{known} is");
        }
    }

    /// <summary>`classic_paper`, which is 2018 or 2019 and 2018 where it is missing; of profile `classic` alone.</summary>
    private static bool IsOfSecondPaper(JsonFile file)
    {
        if (!file.Has(PaperKey))
        {
            return false;
        }

        var year = file.RequiredInt(PaperKey);
        return ProfileOf(file) == Profile.Classic && year is FirstPaper or SecondPaper
            ? year == SecondPaper
            : throw file.Error(PaperKey, $"must be {FirstPaper} or {SecondPaper}, and of profile classic");
    }

    private static Profile ProfileOf(JsonFile file) => file.Text("profile") switch
    {
        null or "modern" => Profile.Modern,
        "classic" => Profile.Classic,
        var other => throw file.Error("profile", $"`{other}` is neither `classic` nor `modern`"),
    };

    private static ConfigurationPlan ReadConfiguration(JsonFile json, string name)
    {
        var patch = json.RequiredInts("patch_size");
        if (patch.Length is not (2 or 3) || patch.Any(size => size is < 1 or > LongestEdge))
        {
            throw json.Error("patch_size", $"[{Shown(patch)}] must be 2 or 3 sizes of 1 to {LongestEdge}");
        }

        var spacing = json.RequiredNumbers("spacing");
        if (spacing.Length != patch.Length || !spacing.All(Spacing.IsPlausible))
        {
            throw json.Error(
                "spacing",
                $"[{Shown(spacing)}] must be {patch.Length} positive numbers of mm, as the patch has {patch.Length} axes");
        }

        RequireSupported(json, "preprocessor_name", "DefaultPreprocessor");
        var architecture = ArchitectureJson.Read(json);
        var divisor = architecture.Divisor();
        for (var axis = 0; axis < patch.Length; axis++)
        {
            if (patch[axis] % divisor[axis] != 0)
            {
                throw json.Error(
                    "patch_size",
                    $"{patch[axis]} is not a multiple of {divisor[axis]}, the product of the strides of axis {axis}");
            }
        }

        var batch = json.RequiredInt("batch_size");
        return new ConfigurationPlan
        {
            Name = name,
            DataIdentifier = SafeName.Require(json.RequiredText("data_identifier"), "`data_identifier`", json.Source),
            BatchSize = batch is > 0 and <= LargestBatch
                ? batch
                : throw json.Error("batch_size", $"{batch} must be 1 to {LargestBatch}"),
            PatchSize = patch,
            Spacing = spacing,
            MedianImageSize = json.Has("median_image_size_in_voxels")
                ? json.RequiredNumbers("median_image_size_in_voxels")
                : [.. patch.Select(n => (double)n)],
            Normalization = ReadNormalization(json),
            UseMaskForNorm = json.RequiredFlags("use_mask_for_norm"),
            Resampling = ResamplingJson.Read(json),
            Architecture = architecture,
            BatchDice = json.Flag("batch_dice") ?? patch.Length == 2,
            InheritsFrom = json.Text("inherits_from"),
            PreviousStage = json.Text("previous_stage") is { } previous
                ? SafeName.Require(previous, "`previous_stage`", json.Source)
                : null,
            NextStages = [.. ReadNextStages(json).Select(next => SafeName.Require(next, "`next_stage`", json.Source))],
        };
    }

    private static string[] ReadNextStages(JsonFile json) =>
        json.Node["next_stage"] is JsonArray ? json.RequiredTexts("next_stage") : json.Text("next_stage") is { } one ? [one] : [];

    private static NormalizationScheme[] ReadNormalization(JsonFile json)
    {
        var schemes = json.RequiredTexts("normalization_schemes")
            .Select(
                name => NormalizationSchemes.FromClassName(ArchitectureJson.LastName(name))
                    ?? throw json.Error("normalization_schemes", $"unknown scheme `{name}`"))
            .ToArray();
        var masks = json.RequiredFlags("use_mask_for_norm").Length;
        return masks == schemes.Length
            ? schemes
            : throw json.Error("use_mask_for_norm", $"{masks} entries for {schemes.Length} normalization_schemes");
    }

    private static string Shown<T>(IReadOnlyCollection<T> values) => Counted.First(values, 4);

    private static JsonObject WriteConfiguration(ConfigurationPlan plan)
    {
        var json = new JsonObject
        {
            ["data_identifier"] = plan.DataIdentifier,
            ["preprocessor_name"] = "DefaultPreprocessor",
            ["batch_size"] = plan.BatchSize,
            ["patch_size"] = List(plan.PatchSize),
            ["median_image_size_in_voxels"] = List(plan.MedianImageSize),
            ["spacing"] = List(plan.Spacing),
            ["normalization_schemes"] = List(plan.Normalization.Select(scheme => scheme.ClassName())),
            ["use_mask_for_norm"] = List(plan.UseMaskForNorm),
            ["architecture"] = ArchitectureJson.Write(plan.Architecture),
            ["batch_dice"] = plan.BatchDice,
        };
        ResamplingJson.Write(plan.Resampling, json);
        if (plan.PreviousStage is { } previous)
        {
            json["previous_stage"] = previous;
        }

        if (plan.NextStages.Count > 0)
        {
            json["next_stage"] = plan.NextStages.Count == 1 ? JsonValue.Create(plan.NextStages[0]) : List(plan.NextStages);
        }

        return json;
    }
}
