using System.Diagnostics;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg evaluate</c>: score segmentations against references.</summary>
internal static class EvaluateCommand
{
    public static Answer Run(EvaluateOptions options, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        foreach (var folder in new[] { options.Predictions, options.References })
        {
            if (!Directory.Exists(folder))
            {
                throw new SharpSegException($"`{folder}`: no such folder", "give a folder of segmentations and a folder of references");
            }
        }

        if (options.Output is { } given)
        {
            OutputFolder.CheckFile(given, ".json");
        }

        // A summary belongs beside predictions; where those are a dataset's own labels, it is only printed.
        var path = options.Output ?? (OutputFolder.DatasetAround(options.Predictions) is null ? Workspace.SummaryFile(options.Predictions) : null);
        var description = Descriptions.Find(options.DatasetJson, options.Predictions, options.References);
        reporter.Stage("score");
        var summary = Evaluator.EvaluateFolder(
            options.Predictions, options.References, description.Labels, description.FileEnding,
            new EvaluationOptions { Surface = !options.NoSurface, RequireAll = options.RequireAll },
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel);
        foreach (var item in summary.Cases.Where(item => item.Warning is not null))
        {
            reporter.Warning(item.Warning!);
        }

        var unscored = summary.Missing.Count == 0 ? "" :
            $"{summary.Missing.Count} of {summary.Missing.Count + summary.Cases.Count} references have no prediction and are not scored, the first being `{summary.Missing[0]}`";
        if (unscored.Length > 0)
        {
            reporter.Warning(unscored);
        }

        if (path is not null)
        {
            AtomicFile.WriteText(path, SummaryJson.ToJson(summary));
        }

        var json = Scores.Json(summary);
        json["seconds"] = clock.Elapsed.TotalSeconds;
        json["summary"] = path;
        json["missing"] = summary.Missing.Count;
        return new Answer($"{Scores.Text(summary, options.Cases)}\n{(unscored.Length > 0 ? unscored + "\n" : "")}{(path is null ? "no summary.json: the predictions lie in a dataset; name a file with -o" : $"summary: {path}")}", json);
    }
}
