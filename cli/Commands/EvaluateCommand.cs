using System.Diagnostics;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg evaluate</c>: score segmentations against references.</summary>
internal static class EvaluateCommand
{
    public static Answer Run(EvaluateOptions options, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var files = AreFiles(options.Predictions, options.References);
        if (files && options.RequireAll)
        {
            throw new UsageException("--require-all: two files have each other", "leave it out; it goes with two folders");
        }

        if (options.Output is { } given)
        {
            OutputFolder.CheckFile(given, ".json");
            if (File.Exists(given) && !SummaryJson.IsSummary(given))
            {
                throw new SharpSegException($"`{given}` would be replaced, and holds no scores", "choose another name with -o");
            }

            var folder = Path.GetDirectoryName(Path.GetFullPath(given))!;
            if (files || !OutputFolder.IsSame(folder, options.Predictions))
            {
                OutputFolder.RequireOutsideOwnFolders(folder); // a run's summary is of its own predictions
            }
        }

        // A summary belongs beside predictions; where those are a dataset's own labels, or single files, or a run's that are
        // scored against others than the run's references, it is only printed.
        var path = options.Output;
        string? runs = null;
        if (path is null && !files && OutputFolder.DatasetAround(options.Predictions) is null)
        {
            var own = Workspace.SummaryFile(options.Predictions);
            runs = OutputFolder.IsOwn(options.Predictions) && File.Exists(own) ? SummaryJson.ReferencesOf(own) : null;
            runs = runs is null || OutputFolder.IsSame(runs, options.References) ? null : runs;
            path = runs is null ? own : null;
        }

        var scoring = new EvaluationOptions
        {
            Surface = !options.NoSurface, RequireAll = options.RequireAll, KeepGoing = true, MaxMemory = options.Budget,
            Info = reporter.Info,
        };
        reporter.Stage("score");
        var summary = files ? OfFiles(options, scoring, reporter, cancel) : OfFolders(options, scoring, reporter, cancel);
        foreach (var warning in summary.Cases.SelectMany(item => item.Warnings))
        {
            reporter.Warning(warning);
        }

        var unscored = summary.Missing.Count == 0 ? "" :
            $"{summary.Missing.Count} of {summary.Missing.Count + summary.Cases.Count} references have no prediction and are "
                + $"not scored, the first being `{summary.Missing[0]}`";
        if (unscored.Length > 0)
        {
            reporter.Warning(unscored);
        }

        if (path is not null)
        {
            if (options.Output is null)
            {
                reporter.WritesTo(options.Predictions); // not before: a failed evaluation leaves them as they were
            }

            AtomicFile.WriteText(path, SummaryJson.ToJson(summary));
        }

        var json = Scores.Json(summary);
        json["seconds"] = clock.Elapsed.TotalSeconds;
        json["summary"] = path;
        json["missing"] = summary.Missing.Count;

        // The report goes where the summary goes by itself; with -o only the file that is named is written.
        var report = path is null || options.Output is not null
            ? ""
            : ReportCommand.Beside(
                () => ReportRun.OfEvaluation(
                    Path.GetFileName(Path.GetFullPath(options.Predictions)), summary,
                    Descriptions.FileOf(options.DatasetJson, options.Predictions, options.References)!, null,
                    new ReportRequest(Path.Combine(options.Predictions, "report.html")), reporter, cancel),
                json, reporter);
        var where = path is not null ? $"summary: {path}"
            : files ? "no summary.json: name one with -o"
            : runs is not null ? $"summary.json stays the run's own, against `{runs}`; name another file with -o"
            : "no summary.json: the predictions lie in a dataset; name a file with -o";
        var text = $"{Scores.Text(summary, options.Cases)}\n{(unscored.Length > 0 ? unscored + "\n" : "")}{where}{report}";
        return new Answer(text, json, Failed: summary.Failed)
        {
            Facts = new JsonObject { ["references"] = Path.GetFullPath(options.References) },
        };
    }

    /// <summary>Whether both are files; otherwise both are folders.</summary>
    /// <exception cref="SharpSegException">One does not exist, or is of another kind than the other.</exception>
    private static bool AreFiles(string predictions, string references)
    {
        string[] sides = [predictions, references];
        if (sides.All(File.Exists))
        {
            return true;
        }

        if (sides.All(Directory.Exists))
        {
            return false;
        }

        var absent = Array.Find(sides, side => !Path.Exists(side));
        throw new SharpSegException(
            absent is null
                ? $"one of `{predictions}` and `{references}` is a file, the other a folder"
                : $"`{absent}`: no such folder or file",
            "give a folder of segmentations and a folder of references, or two files");
    }

    private static EvaluationSummary OfFolders(
        EvaluateOptions options, EvaluationOptions scoring, IReporter reporter, CancellationToken cancel)
    {
        var description = Descriptions.Find(options.DatasetJson, options.Predictions, options.References);
        return Evaluator.EvaluateFolder(
            options.Predictions, options.References, description.Labels, description.FileEnding, scoring,
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel);
    }

    private static EvaluationSummary OfFiles(
        EvaluateOptions options, EvaluationOptions scoring, IReporter reporter, CancellationToken cancel)
    {
        var item = new EvaluationCase(Path.GetFileName(options.Predictions), options.References, options.Predictions);
        string[] folders =
            [.. new[] { options.Predictions, options.References }.Select(file => Path.GetDirectoryName(Path.GetFullPath(file))!)];
        var described = Descriptions.FindIfThere(options.DatasetJson, folders)?.Labels;
        if (described is null)
        {
            reporter.Info("no dataset.json: the labels are those in the files");
        }

        return Evaluator.Evaluate([item], described ?? Evaluator.LabelsIn(item), scoring, cancel: cancel);
    }
}
