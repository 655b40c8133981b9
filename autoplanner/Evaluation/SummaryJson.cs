using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SharpSeg.AutoPlanner.Evaluation;

/// <summary>
/// summary.json, with nnU-Net's keys (docs/method/evaluation.md §2). NaN is written as null; null, "NaN" and the bare token NaN,
/// which the reference writes and strict parsers refuse, are read.
/// </summary>
public static partial class SummaryJson
{
    // 370 bytes for each class of each case: 117 classes of 10,000 cases.
    private const long MaximumBytes = 512L << 20;
    private const double MostVoxels = 1L << 53; // whole numbers beyond are not exact

    /// <summary>The text of a summary.</summary>
    public static string ToJson(EvaluationSummary summary)
    {
        var foreground = new JsonObject();
        foreach (var name in summary.MetricNames)
        {
            foreground[name] = Number(summary.ForegroundMean[name]);
        }

        foreground["n_classes_used"] = summary.ClassesUsed;
        var mean = new JsonObject();
        for (var c = 0; c < summary.Classes.Count; c++)
        {
            var entry = new JsonObject();
            foreach (var name in summary.MetricNames)
            {
                entry[name] = Number(summary.ClassMeans[c][name]);
            }

            entry["n"] = summary.CasesUsed(c);
            if (summary.MetricNames.Contains("HD95"))
            {
                entry["n_undefined"] = summary.CasesWithoutDistance(c);
            }

            mean[summary.Classes[c].Key] = entry;
        }

        var cases = new JsonArray();
        foreach (var item in summary.Cases)
        {
            var metrics = new JsonObject();
            for (var c = 0; c < summary.Classes.Count; c++)
            {
                var entry = new JsonObject();
                foreach (var name in summary.MetricNames)
                {
                    entry[name] = Number(item.Metrics[c][name]!.Value);
                }

                metrics[summary.Classes[c].Key] = entry;
            }

            cases.Add(new JsonObject
            {
                ["case"] = item.CaseId,
                ["reference_file"] = item.ReferenceFile,
                ["prediction_file"] = item.PredictionFile,
                ["metrics"] = metrics,
            });
        }

        return JsonFile.ToText(new JsonObject { ["foreground_mean"] = foreground, ["mean"] = mean, ["metric_per_case"] = cases });
    }

    /// <summary>Whether a file is a summary, ours or nnU-Net v2's, of whatever classes.</summary>
    public static bool IsSummary(string path)
    {
        try
        {
            return Root(path).Has("metric_per_case");
        }
        catch (SharpSegException)
        {
            return false; // whatever it is
        }
    }

    /// <summary>The folder of the references that a summary was scored against; null where the file is no summary.</summary>
    public static string? ReferencesOf(string path)
    {
        try
        {
            var cases = Root(path).RequiredObjects("metric_per_case");
            return cases is [var first, ..] ? Path.GetDirectoryName(first.RequiredText("reference_file")) : null;
        }
        catch (SharpSegException)
        {
            return null; // whatever it is
        }
    }

    /// <summary>Reads a summary, ours or nnU-Net v2's; averages are recomputed from the cases.</summary>
    /// <param name="path">The file.</param>
    /// <param name="classes">The classes of the dataset, which the file must hold.</param>
    /// <exception cref="SharpSegException">The file is missing or is no summary of these classes.</exception>
    public static EvaluationSummary Read(string path, IReadOnlyList<EvaluatedClass> classes)
    {
        var root = Root(path);
        if (!root.Has("metric_per_case"))
        {
            throw new SharpSegException($"`{path}`: no `metric_per_case`: not a summary.json", "`sharpseg evaluate` writes one");
        }

        var cases = new List<CaseMetrics>();
        foreach (var item in root.RequiredObjects("metric_per_case"))
        {
            var prediction = item.RequiredText("prediction_file");
            var metrics = item.RequiredObject("metrics");
            cases.Add(new CaseMetrics(
                SafeName.Require(item.Text("case") ?? CaseIdOf(prediction), "the case id", path),
                item.RequiredText("reference_file"), prediction,
                [.. classes.Select(entry => ReadMetrics(metrics.RequiredObject(entry.Key)))]));
        }

        return cases.GroupBy(item => item.CaseId).FirstOrDefault(group => group.Count() > 1)?.Key is { } twice
            ? throw new SharpSegException($"`{path}`: case `{twice}` is there twice", "`sharpseg evaluate` writes another")
            : EvaluationSummary.Of(classes, cases);
    }

    /// <summary>The object of a file, in which a bare NaN is null.</summary>
    private static JsonFile Root(string path) =>
        JsonFile.Parse(BareNaN().Replace(JsonFile.ReadText(path, MaximumBytes), "null"), path);

    private static ClassMetrics ReadMetrics(JsonFile entry) => new()
    {
        Dice = Number(entry, "Dice", 1),
        IoU = Number(entry, "IoU", 1),
        TruePositives = Number(entry, "TP", MostVoxels),
        FalsePositives = Number(entry, "FP", MostVoxels),
        FalseNegatives = Number(entry, "FN", MostVoxels),
        TrueNegatives = Number(entry, "TN", MostVoxels),
        Hd95 = entry.Node.ContainsKey("HD95") ? Number(entry, "HD95", double.MaxValue) : null,
        Nsd = entry.Node.ContainsKey("NSD") ? Number(entry, "NSD", 1) : null,
    };

    private static JsonValue? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <summary>A metric from 0 to its largest value; not defined where the file has nothing, null or the text "NaN".</summary>
    private static double Number(JsonFile entry, string key, double most)
    {
        if (entry.Node[key] is JsonValue text && text.TryGetValue(out string? word) && word == "NaN")
        {
            return double.NaN;
        }

        var value = entry.Number(key) ?? double.NaN;
        return value < 0 || value > most
            ? throw entry.Error(
                key, FormattableString.Invariant($"{value} lies outside of what it can be"),
                "evaluate again: the file was changed")
            : value;
    }

    private static string CaseIdOf(string predictionFile)
    {
        var name = predictionFile[(predictionFile.LastIndexOfAny(['/', '\\']) + 1)..];
        var ending = Imaging.ImageFile.EndingOf(name);
        return ending is null ? name : name[..^ending.Length];
    }

    [GeneratedRegex(@"(?<=[:\[,]\s*)NaN(?=\s*[,}\]])")]
    private static partial Regex BareNaN();
}
