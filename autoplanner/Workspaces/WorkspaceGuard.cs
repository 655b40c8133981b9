using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// Keeps a workspace consistent: it belongs to one dataset, and its networks to the plans and data they were trained with.
/// Whatever would mix two of them is refused before anything is written.
/// </summary>
internal static class WorkspaceGuard
{
    private const string AnotherWorkspace = "choose another workspace with -o";

    /// <summary>
    /// Refuses to plan where a dataset.json is that no workspace wrote: of segmentations, or of another program's model. Both
    /// have a plans.json as well, which a new one would replace.
    /// </summary>
    /// <exception cref="SharpSegException">There is one.</exception>
    public static void RequireNothingElse(Workspace work)
    {
        if (File.Exists(work.DatasetFile) && !Workspace.IsAt(work.Folder) && work.RecordedDatasetFolder() is null)
        {
            throw new SharpSegException(
                $"`{work.Folder}` holds the dataset.json of something else, such as segmentations, and is no workspace",
                AnotherWorkspace);
        }
    }

    /// <summary>
    /// Refuses to measure and plan a dataset into a workspace of another one, or to plan again over runs whose data have changed.
    /// A dataset that was only moved is the same.
    /// </summary>
    /// <exception cref="SharpSegException">
    /// The workspace belongs to another dataset, or its runs to other data; the message names both.
    /// </exception>
    public static void RequireSameDataset(Workspace work, Dataset dataset)
    {
        if (work.RecordedDatasetFolder() is not { } recorded || IsAsMeasured(work, dataset) == true)
        {
            return;
        }

        if (recorded != dataset.Folder)
        {
            throw new SharpSegException(
                $"`{work.Folder}` belongs to the dataset `{recorded}`, not to `{dataset.Folder}`", AnotherWorkspace);
        }

        // Without runs, changed data are simply measured again.
        if (IsAsMeasured(work, dataset) == false && TrainedConfigurations(work) is { Count: > 0 } trained)
        {
            throw new SharpSegException(
                $"the dataset `{recorded}` has changed since `{work.Folder}` was planned, which holds runs of "
                    + $"{string.Join(", ", trained)} on the old data",
                $"{AnotherWorkspace}, or delete `{work.RunsFolder}` to train again; {IfOnlyTimesChanged(work)}");
        }
    }

    /// <summary>
    /// Refuses to preprocess, train or choose where plans were made from other data than the dataset holds now, or where the
    /// workspace's dataset.json was edited so that it contradicts the dataset's own, by which cases are preprocessed.
    /// </summary>
    /// <exception cref="SharpSegException">The dataset, or the workspace's description of it, has changed.</exception>
    public static void RequireUnchanged(Workspace work, Dataset dataset)
    {
        if (IsAsMeasured(work, dataset) == false)
        {
            var again = $"`sharpseg plan {dataset.Folder} -o {work.Folder}` measures and plans it again";
            throw new SharpSegException(
                $"the dataset `{dataset.Folder}` has changed since `{work.Folder}` was planned",
                TrainedConfigurations(work).Count == 0 ? again : $"{IfOnlyTimesChanged(work)}: {again}; else {AnotherWorkspace}");
        }

        if (work.ReadDescription().Contradictions(dataset.Description) is { Count: > 0 } keys)
        {
            throw new SharpSegException(
                $"{work.DatasetFile} contradicts `{Path.Combine(dataset.Folder, Dataset.DescriptionFile)}`, from which it was "
                    + $"copied: {string.Join(", ", keys.Select(key => $"`{key}`"))}",
                "undo the change in the workspace; or make it in the dataset, and then "
                    + $"`sharpseg plan {dataset.Folder} -o {work.Folder}`");
        }
    }

    /// <summary>What helps after a copy that did not keep the files' times: measured again, the data are the same.</summary>
    private static string IfOnlyTimesChanged(Workspace work) => $"if only the files' times changed, delete `{MeasuredIn(work)}`";

    /// <summary>Refuses plans that differ from those with which a configuration was trained here.</summary>
    /// <exception cref="SharpSegException">The plans differ.</exception>
    public static void RequireSamePlans(Workspace work, Plans plans)
    {
        if (!File.Exists(work.PlansFile))
        {
            return;
        }

        var old = work.ReadPlans();
        foreach (var name in TrainedConfigurations(work))
        {
            var differ = old.Configurations.ContainsKey(name)
                ? Differing(Relevant(old, name), Relevant(plans, name)).ToArray()
                : [];
            if (differ.Length > 0)
            {
                const int shown = 3;
                throw new SharpSegException(
                    $"`{work.Folder}` holds a run of {name} that was trained with other plans: "
                        + string.Join("; ", differ.Take(shown)) + (differ.Length > shown ? "; …" : ""),
                    $"{AnotherWorkspace}, keep the new plans beside the old with --plan NAME, or continue with those that are "
                        + "there: "
                        + $"`sharpseg train {work.Folder} -c {name} --resume`");
            }
        }
    }

    /// <summary>
    /// Whether the dataset's files are those that the plan's fingerprint measured, or, for a new plan, the default plan's; null
    /// if nothing is known.
    /// </summary>
    private static bool? IsAsMeasured(Workspace work, Dataset dataset)
    {
        var file = MeasuredIn(work);
        return file is not null && FingerprintJson.Read(file).DataHash is { } measured ? measured == DataHash.Of(dataset) : null;
    }

    /// <summary>The plan's fingerprint, or, for a new plan, the default plan's; null if there is none.</summary>
    private static string? MeasuredIn(Workspace work) =>
        new[] { work.FingerprintFile, new Workspace(work.Folder).FingerprintFile }.FirstOrDefault(File.Exists);

    /// <summary>Configurations of the plan of which a checkpoint is in the workspace.</summary>
    internal static IReadOnlyList<string> TrainedConfigurations(Workspace work)
    {
        var runs = work.RunsFolder;
        return !Directory.Exists(runs) ? [] :
        [
            .. Directory.EnumerateDirectories(runs)
                .Where(folder => Directory.EnumerateFiles(folder, "checkpoint_*.safetensors", SearchOption.AllDirectories).Any())
                .Select(folder => Path.GetFileName(folder))
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>In what two texts of plans differ: each key with its value there and here.</summary>
    private static IEnumerable<string> Differing(JsonNode? there, JsonNode? here)
    {
        if (JsonNode.DeepEquals(there, here))
        {
            return [];
        }

        static string Text(JsonNode? node)
        {
            const int longest = 60;
            var text = node?.ToJsonString() ?? "absent";
            return text.Length <= longest ? text : text[..longest] + "…";
        }

        return there is JsonObject before && here is JsonObject now
            ? before.Select(pair => pair.Key).Union(now.Select(pair => pair.Key)).SelectMany(key =>
                before[key] is JsonObject && now[key] is JsonObject ? Differing(before[key], now[key])
                : JsonNode.DeepEquals(before[key], now[key]) ? []
                : [$"{key} {Text(before[key])} there, {Text(now[key])} here"])
            : [$"{Text(there)} there, {Text(here)} here"];
    }

    /// <summary>What a trained network depends on: one configuration and what all configurations share.</summary>
    private static JsonNode? Relevant(Plans plans, string name)
    {
        if (!plans.Configurations.TryGetValue(name, out var configuration))
        {
            return null;
        }

        var alone = new Dictionary<string, ConfigurationPlan> { [name] = configuration with { InheritsFrom = null } };
        return JsonNode.Parse(PlansJson.ToJson(plans with
        {
            DatasetName = "",
            PlansName = "",
            Preset = "",
            Configurations = alone,
            MirrorsAll = false, // of runs to come: each keeps the recipe with which it began
        }));
    }
}
