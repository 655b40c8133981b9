using System.Diagnostics;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
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

        var description = DatasetDescription.FromJson(File.ReadAllText(FindDescription(options)), FindDescription(options));
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

    /// <summary>The given file, or the first that lies beside the predictions, in a folder above them, or above the references.</summary>
    private static string FindDescription(EvaluateOptions options)
    {
        if (options.DatasetJson is { } given)
        {
            return File.Exists(given) ? given : throw new SharpSegException($"`{given}`: no such file", "give the dataset.json with the labels");
        }

        foreach (var start in new[] { options.Predictions, options.References })
        {
            var folder = new DirectoryInfo(Path.GetFullPath(start));
            for (var up = 0; up < 5 && folder is not null; up++, folder = folder.Parent)
            {
                var path = Path.Combine(folder.FullName, "dataset.json");
                if (File.Exists(path))
                {
                    return path;
                }
            }
        }

        throw new SharpSegException(
            $"no dataset.json beside `{options.Predictions}` or `{options.References}`", "name it with --dataset-json; it says which labels there are");
    }
}
