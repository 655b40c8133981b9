using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg postprocess</c>: applies the chosen steps to a folder of segmentations.</summary>
internal static class PostprocessCommand
{
    public static Answer Run(PostprocessOptions options, IReporter reporter, CancellationToken cancel)
    {
        if ((options.Work is null) == (options.Best is null))
        {
            throw new UsageException(
                options.Work is null ? "neither --work nor --best is given" : "--work and --best exclude each other",
                "--work names a workspace in which `sharpseg find-best` has run, --best its best.json");
        }

        if (!Directory.Exists(options.Folder))
        {
            throw new SharpSegException($"`{options.Folder}`: no such folder", "give a folder of segmentations");
        }

        var path = options.Best ?? new Workspace(options.Work!).BestFile;
        if (!File.Exists(path))
        {
            throw new SharpSegException($"`{path}`: no such file", "`sharpseg find-best WORK` writes it");
        }

        var best = BestModel.Read(path);
        var description = options.Work is not null && options.DatasetJson is null
            ? new Workspace(options.Work).ReadDescription()
            : Descriptions.Find(options.DatasetJson, options.Folder, Path.GetDirectoryName(Path.GetFullPath(path))!);
        best.RequireLabelsOf(description.Labels, path);
        reporter.Stage("postprocess");
        reporter.Info(best.Postprocessing.Describe(description.Labels));
        var removed = PostprocessingRun.Execute(
            options.Folder, options.Output, best.Postprocessing, description, reporter, cancel, options.Budget);
        return new Answer(Text(options, best, description, removed), new JsonObject
        {
            ["segmentations"] = new JsonArray(
                [.. removed.Keys.Select(id => (JsonNode)Path.Combine(options.Output, id + description.FileEnding))]),
            ["changed"] = removed.Count(pair => pair.Value > 0),
            ["removed_voxels"] = new JsonObject(removed.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        })
        {
            Facts = new JsonObject
            {
                ["inputs"] = Path.GetFullPath(options.Folder), ["best"] = Path.GetFullPath(path),
                ["best_sha256"] = CommandRecord.Sha256Of(path),
            },
        };
    }

    private static string Text(
        PostprocessOptions options, BestModel best, DatasetDescription description, IReadOnlyDictionary<string, long> removed) =>
        $"{best.Postprocessing.Describe(description.Labels)}: {removed.Count(pair => pair.Value > 0)} of "
            + $"{Counted.Of(removed.Count, "segmentation")} changed, {Counted.Of(removed.Values.Sum(), "voxel")} became background\n"
            + $"{Counted.Of(removed.Count, "segmentation")} in {options.Output}";
}
