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

        var description = Descriptions.Find(options.DatasetJson, options.Predictions, options.References);
        reporter.Stage("score");
        var summary = Evaluator.EvaluateFolder(
            options.Predictions, options.References, description.Labels, description.FileEnding,
            new EvaluationOptions { Surface = !options.NoSurface, AllowMissing = options.AllowMissing },
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel);
        foreach (var item in summary.Cases.Where(item => item.Warning is not null))
        {
            reporter.Warning(item.Warning!);
        }

        var path = options.Output ?? Workspace.SummaryFile(options.Predictions);
        AtomicFile.WriteText(path, SummaryJson.ToJson(summary));

        var json = Scores.Json(summary);
        json["seconds"] = clock.Elapsed.TotalSeconds;
        json["summary"] = path;
        return new Answer($"{Scores.Text(summary, options.Cases)}\nsummary: {path}", json);
    }
}
