using System.Text.Json.Nodes;

namespace SharpSeg.AutoPlanner.Steps.Jobs;

/// <summary>
/// A graph with how its tasks are started: the content of <c>jobs/graph.json</c>, from which <c>status</c> and <c>resubmit</c>
/// know it.
/// </summary>
/// <param name="Id">Drawn once for a folder's jobs: a task that finds another one is in the wrong folder.</param>
/// <param name="Verb">The command that asked for it, for comments.</param>
/// <param name="Graph">The tasks.</param>
/// <param name="Site">How the site wants them started.</param>
/// <param name="Program">The words that start this program on a node.</param>
internal sealed record JobPlan(string Id, string Verb, JobGraph Graph, JobSite Site, IReadOnlyList<string> Program)
{
    /// <summary>The plan of a folder; null if it has none.</summary>
    public static JobPlan? Find(JobFolder folder) => File.Exists(folder.GraphFile) ? Read(folder) : null;

    /// <summary>The plan of a folder.</summary>
    /// <exception cref="SharpSegException">There is none, or it is bad.</exception>
    public static JobPlan Read(JobFolder folder)
    {
        var json = JsonFile.Read(folder.GraphFile);
        var stages = json.RequiredObjects("stages").Select(ReadStage).ToArray();
        if (stages.GroupBy(stage => stage.Name).FirstOrDefault(group => group.Count() > 1)?.Key is { } twice)
        {
            throw json.Error("stages", $"`{twice}` is there twice");
        }

        for (var i = 0; i < stages.Length; i++)
        {
            foreach (var need in stages[i].Needs.Where(need => !stages.Take(i).Any(stage => stage.Name == need.Stage)))
            {
                throw json.Error("stages", $"`{stages[i].Name}` needs `{need.Stage}`, which does not come before it");
            }
        }

        return new JobPlan(
            json.RequiredText("id"), json.RequiredText("verb"), new JobGraph(stages), JobSite.Of(json.RequiredObject("site")),
            json.RequiredTexts("program"));
    }

    /// <summary>Writes graph.json.</summary>
    public void Write(JobFolder folder) => AtomicFile.WriteText(folder.GraphFile, JsonFile.ToText(new JsonObject
    {
        ["id"] = Id,
        ["verb"] = Verb,
        ["program"] = Texts(Program),
        ["site"] = Site.ToJson(),
        ["stages"] = new JsonArray([.. Graph.Stages.Select(StageJson)]),
    }));

    private static JsonNode StageJson(JobStage stage)
    {
        var json = new JsonObject
        {
            ["name"] = stage.Name,
            ["memory_bytes"] = stage.Resources.MemoryBytes,
            ["cpus"] = stage.Resources.Cpus,
            ["time"] = stage.Resources.Time,
            ["time_source"] = stage.Resources.TimeSource,
            ["gres"] = stage.Resources.Gres,
        };
        json["command"] = new JsonArray([.. stage.Command.Select(word => (JsonNode)new JsonObject
        {
            ["kind"] = word.Kind.ToString(),
            ["text"] = word.Text,
        })]);
        json["items"] = new JsonArray([.. stage.Items.Select(item => (JsonNode)new JsonObject
        {
            ["index"] = item.Index,
            ["text"] = item.Text,
            ["done"] = item.IsDone,
        })]);
        json["needs"] = new JsonArray([.. stage.Needs.Select(need => (JsonNode)new JsonObject
        {
            ["stage"] = need.Stage,
            ["index"] = need.Index,
        })]);
        return json;
    }

    private static JobStage ReadStage(JsonFile json)
    {
        var name = json.RequiredText("name");
        if (ShellWord.Name(name) != name)
        {
            throw json.Error("name", $"`{name}` cannot be the name of a job");
        }

        var items = json.RequiredObjects("items").Select(
            item => new JobItem(AtLeast(item, "index", 0), item.RequiredText("text"), item.Flag("done") ?? false)).ToArray();
        if (items.DistinctBy(item => item.Index).Count() != items.Length)
        {
            throw json.Error("items", "an index is there twice");
        }

        JobWord[] command =
            [.. json.RequiredObjects("command").Select(word => new JobWord(Kind(word), word.RequiredText("text")))];
        return new JobStage(
            name, items, command.Length > 0 ? command : throw json.Error("command", "is empty"),
            [.. json.RequiredObjects("needs").Select(
                need => new JobNeed(need.RequiredText("stage"), need.Has("index") ? need.RequiredInt("index") : null))],
            new JobResources(
                json.RequiredLong("memory_bytes") is > 0 and var bytes
                    ? bytes
                    : throw json.Error("memory_bytes", "must be above 0"),
                AtLeast(json, "cpus", 1), JobSite.RequireTime(json.RequiredText("time"), json.Source),
                json.Text("time_source") ?? "", json.Text("gres") is { } gres ? JobSite.RequireGres(gres, json.Source) : null));
    }

    private static int AtLeast(JsonFile json, string key, int least) => json.RequiredInt(key) is var value && value >= least
        ? value
        : throw json.Error(key, $"{value} is less than {least}");

    private static JobWordKind Kind(JsonFile word) =>
        Enum.TryParse<JobWordKind>(word.RequiredText("kind"), out var kind) && Enum.IsDefined(kind)
            ? kind
            : throw word.Error("kind", "unknown");

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
}
