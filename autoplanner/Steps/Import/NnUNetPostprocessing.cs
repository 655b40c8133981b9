using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Volumes;

namespace SharpSeg.AutoPlanner.Steps.Import;

/// <summary>
/// What nnU-Net decided to do to its predictions, from <c>crossval_results_folds_0_1_2_3_4/postprocessing.json</c>; never from
/// the pickle beside it.
/// </summary>
internal static class NnUNetPostprocessing
{
    private const string KeepLargest = "remove_all_but_largest_component_from_segmentation";

    /// <summary>The steps decided for a configuration; none where nothing is decided, or only in a pickle.</summary>
    /// <param name="results">The configuration's results.</param>
    /// <param name="labels">Of its dataset.</param>
    /// <param name="read">Gets a line if there are steps.</param>
    /// <param name="left">Gets a line for what is not read.</param>
    /// <exception cref="SharpSegException">A step is not known.</exception>
    public static PostprocessingSteps Of(NnUNetResults results, LabelScheme labels, List<string> read, List<string> left)
    {
        // nnU-Net may have compared several sets of folds; the one with all of them decides.
        var folder = Directory.EnumerateDirectories(results.Folder, "crossval_results_folds_*")
            .OrderByDescending(path => path.Length).ThenBy(path => path, StringComparer.Ordinal).FirstOrDefault();
        return folder is null ? PostprocessingSteps.None : Read(folder, labels, read, left) ?? PostprocessingSteps.None;
    }

    /// <summary>The steps decided for a folder's segmentations; null where they are not there, or only in a pickle.</summary>
    /// <param name="folder">A folder of cross-validated segmentations; it may be missing.</param>
    /// <param name="labels">Of the dataset.</param>
    /// <param name="read">Gets a line if there are steps.</param>
    /// <param name="left">Gets a line for a pickle.</param>
    /// <exception cref="SharpSegException">A step is not known.</exception>
    public static PostprocessingSteps? Read(string folder, LabelScheme labels, List<string> read, List<string> left)
    {
        var path = Path.Combine(folder, "postprocessing.json");
        if (!File.Exists(path))
        {
            if (File.Exists(Path.ChangeExtension(path, ".pkl")))
            {
                left.Add(
                    $"{Path.GetFileName(folder)}/postprocessing.pkl: a pickle; its contents stand in postprocessing.json, which "
                        + "is missing");
            }

            return null;
        }

        var steps = Read(PythonJson.Read(path), labels);
        if (steps.LabelSets.Count > 0)
        {
            read.Add($"{Path.GetFileName(folder)}/postprocessing.json: {steps.Describe(labels)}");
        }

        return steps;
    }

    private static PostprocessingSteps Read(JsonFile file, LabelScheme labels)
    {
        var functions = file.RequiredTexts("postprocessing_fns");
        var arguments = file.Node["postprocessing_kwargs"] as JsonArray;
        if (arguments?.Count != functions.Length)
        {
            throw file.Error(
                "postprocessing_kwargs", $"{arguments?.Count ?? 0} entries for {functions.Length} postprocessing_fns");
        }

        var sets = new List<IReadOnlyList<int>>();
        for (var i = 0; i < functions.Length; i++)
        {
            if (functions[i] != KeepLargest)
            {
                throw file.Error("postprocessing_fns", $"`{functions[i]}` is not supported", $"{KeepLargest} is");
            }

            var kwargs = new JsonFile(
                file.Source, $"postprocessing_kwargs[{i}]",
                arguments[i] as JsonObject ?? throw file.Error("postprocessing_kwargs", $"entry {i} is not an object"));
            if (kwargs.Node.FirstOrDefault(pair => pair.Key is not ("labels_or_regions" or "background_label")).Key
                is { } unknown)
            {
                throw kwargs.Error(unknown, $"`{kwargs.Node[unknown]?.ToJsonString() ?? "null"}` is not supported");
            }

            if (kwargs.Number("background_label") is not (null or 0))
            {
                throw kwargs.Error(
                    "background_label", $"{kwargs.Number("background_label")} is not supported: what is removed becomes 0");
            }

            // A label, a region, or a list of both: the union is one mask.
            var set = Flat(kwargs.Node["labels_or_regions"]).Distinct().Order().ToArray();
            if (set.Length == 0 || set.Any(label => !labels.ForegroundLabels.Contains(label)))
            {
                throw kwargs.Error(
                    "labels_or_regions",
                    $"{kwargs.Node["labels_or_regions"]?.ToJsonString() ?? "null"} are no labels of the dataset");
            }

            sets.Add(set);
        }

        return new(sets, Connectivity.Full);
    }

    private static IEnumerable<int> Flat(JsonNode? node) => node switch
    {
        JsonArray list => list.SelectMany(Flat),
        JsonValue value when value.TryGetValue<int>(out var label) => [label],
        _ => [-1],
    };
}
