using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg report</c>: one page to look at, of a workspace or of scored segmentations.</summary>
internal static class ReportCommand
{
    public static Answer Run(ReportOptions options, IReporter reporter, CancellationToken cancel)
    {
        if (options.Pictures < 0)
        {
            throw new UsageException($"--pictures {options.Pictures}: cannot be negative", "0 draws none");
        }

        var scores = File.Exists(options.Source) ? options.Source : Workspace.SummaryFile(options.Source);

        // Folders of segmentations hold the plans that made them; only segmentations are scored beside them.
        var isWorkspace = !File.Exists(scores) && Workspace.IsAt(options.Source);
        if (!isWorkspace && !File.Exists(scores))
        {
            throw new SharpSegException(
                Path.Exists(options.Source)
                    ? $"`{options.Source}` is no workspace and has no summary.json: there is nothing to report"
                    : $"`{options.Source}`: no such folder or file",
                Directory.Exists(options.Source)
                    ? $"segmentations are scored first: `sharpseg evaluate {options.Source} REFERENCES`"
                    : "give a workspace, or a folder that `sharpseg evaluate` has scored");
        }

        if (isWorkspace && (options.Images ?? options.DatasetJson) is not null)
        {
            throw new UsageException(
                $"{(options.Images is null ? "--dataset-json" : "--images")} is for scored segmentations; a workspace knows its "
                    + "dataset",
                "leave it out");
        }

        var output = options.Output
            ?? Path.Combine(isWorkspace ? options.Source : Path.GetDirectoryName(Path.GetFullPath(scores))!, "report.html");
        var request = new ReportRequest(output, options.Pictures);
        return Written(isWorkspace
            ? OfWorkspace(new Workspace(options.Source), request, reporter, cancel)
            : OfScores(options, scores, request, reporter, cancel));
    }

    /// <summary>The report that another verb leaves. Without it the verb has done its work all the same.</summary>
    /// <param name="write">Writes it.</param>
    /// <param name="json">Gets its path.</param>
    /// <param name="reporter">Receives a warning if it cannot be written.</param>
    /// <returns>A line for people; empty if it cannot be written.</returns>
    public static string Beside(Func<ReportResult> write, JsonObject json, IReporter reporter)
    {
        try
        {
            var result = write();
            json["report"] = result.Page;
            return $"\nreport: {result.Page}";
        }
        catch (SharpSegException error)
        {
            reporter.Warning($"no report: {error.Message}");
            return "";
        }
    }

    /// <summary>The report of a workspace.</summary>
    public static ReportResult OfWorkspace(
        Workspace work, ReportRequest request, IReporter reporter, CancellationToken cancel)
    {
        using var processor = Cpu.Open();
        return ReportRun.OfWorkspace(work, request, processor, reporter, cancel);
    }

    private static ReportResult OfScores(
        ReportOptions options, string scores, ReportRequest request, IReporter reporter, CancellationToken cancel)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(scores))!;
        var description = Descriptions.Find(options.DatasetJson, folder);
        var summary = SummaryJson.Read(scores, EvaluatedClass.Of(description.Labels));
        return ReportRun.OfEvaluation(
            Path.GetFileName(folder), summary, Descriptions.FileOf(options.DatasetJson, folder)!, options.Images, request,
            reporter, cancel);
    }

    private static Answer Written(ReportResult result) => new(
        $"report: {result.Page}{(result.CasePages > 0 ? $", and {result.CasePages} pages of single cases" : "")}\n"
            + $"for programs: {result.Json}",
        new JsonObject
        {
            ["report"] = result.Page, ["report_json"] = result.Json, ["case_pages"] = result.CasePages,
            ["pictures"] = result.Pictures,
        });
}
