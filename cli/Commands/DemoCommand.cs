using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Demo;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg demo</c>: everything on synthetic data.</summary>
internal static class DemoCommand
{
    public static Answer Run(DemoOptions options, IReporter reporter, CancellationToken cancel)
    {
        var limit = Duration.Parse(options.MaxTime, "--max-time");
        using var backend = Devices.Open(options, reporter);
        var (result, overlays) = DemoRun.Execute(
            options.Output, options.Cases, limit, options.Seed, options.Resume, backend, Cpu.Open, reporter, cancel,
            options.Budget);
        var json = Scores.Json(result.Summary);
        json["seconds"] = result.Elapsed.TotalSeconds;
        Scores.AddTraining(json, result.Runs[0].Result.Training);
        json["overlays"] = new JsonArray([.. overlays.Select(path => (JsonNode)path)]);
        var work = new Workspace(Path.Combine(options.Output, "work"));
        var report = ReportCommand.Beside(
            () => ReportCommand.OfWorkspace(
                work, new ReportRequest(Path.Combine(options.Output, "report.html")), reporter, cancel),
            json, reporter);
        var text = $"{Scores.Text(result.Summary, perCase: true)}\n{Scores.Training(result.Runs[0].Result.Training)}\n"
            + $"overlays: {Path.Combine(options.Output, "overlays")}\nprogress: "
            + $"{Workspace.ProgressPlot(result.Runs[0].Job.Folder)}{report}";
        return new Answer(text, json) { Facts = Facts.Of(work, backend, options.Seed) };
    }
}
