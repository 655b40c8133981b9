using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg ensemble</c>: average the probabilities of several predictions.</summary>
internal static class EnsembleCommand
{
    public static Answer Run(EnsembleOptions options, IReporter reporter, CancellationToken cancel)
    {
        string[] folders = [.. options.Folders];
        if (folders.Length < 2 && options.Like is null)
        {
            throw new UsageException(
                "an ensemble needs two or more folders, or --like", "sharpseg ensemble FOLDER_A FOLDER_B -o OUTPUT");
        }

        if (options.Like is { } like && !File.Exists(like) && !Directory.Exists(like))
        {
            throw new SharpSegException($"`{like}`: no such file or folder", "give scans, or a folder of them, with --like");
        }

        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } absent)
        {
            throw new SharpSegException(
                $"`{absent}`: no such folder", "give folders that `sharpseg predict … --save-probabilities` wrote");
        }

        reporter.Stage(folders.Length == 1 ? "label on another grid" : $"average {folders.Length} predictions");
        var files = EnsembleRun.Execute(
            folders, options.Output, Descriptions.Find(options.DatasetJson, folders), ((IKeepsProbabilities)options).Kept,
            reporter, cancel, options.Budget, options.Like);
        var json = new JsonObject { ["segmentations"] = new JsonArray([.. files.Select(file => (JsonNode)file)]) };
        return new Answer($"{Counted.Of(files.Count, "segmentation")} in {options.Output}", json)
        {
            Facts = new JsonObject
            {
                ["inputs"] = new JsonArray([.. folders.Select(folder => (JsonNode)Path.GetFullPath(folder))]),
            },
        };
    }
}
