using System.Diagnostics;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Steps.Reports;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg auto</c>: from a dataset to a scored model.</summary>
internal static class AutoCommand
{
    public static Answer Run(AutoOptions options, IReporter reporter, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan? limit = options.MaxTime is { } text ? Duration.Parse(text, "--max-time") : null;
        string[] typed = [.. options.Folds];
        string[] configurations = [.. options.Configurations];
        IReadOnlyList<string> folds = typed is [] ? ["0"] : typed is ["all"] ? [AutoRequest.All] : Choices.Folds(typed);
        var planner = Choices.Network(options.Network, options.Profile, options.Activation, options.Norm).Options() with
        {
            MemoryGigabytes = options.Memory is { } memory ? Choices.Gigabytes(memory) : null,
            Mirroring = Choices.Mirroring(options.Mirroring),
        };
        var recipe = Choices.Recipe(options);
        using var devices = Devices.Open(options, int.MaxValue, reporter);
        var result = AutoRun.Execute(
            new AutoRequest(
                options.Dataset, options.Output, configurations is ["all"] ? [AutoRequest.All] : configurations, folds, planner,
                limit, options.Seed, options.Resume, Plan: options.Plan,
                Variant: Choices.Variant(options), GroupBy: options.GroupBy, MaxMemory: options.Budget,
                Recipe: recipe),
            devices.All, Cpu.Open, reporter, cancel);
        var json = Scores.Json(result.Summary);
        json["seconds"] = result.Elapsed.TotalSeconds;
        var work = new Workspace(options.Output);
        var report = ReportCommand.Beside(
            () => ReportCommand.OfWorkspace(
                work, new ReportRequest(
                    Path.Combine(options.Output, "report.html"),
                    TimeLeft: limit is { } whole ? () => whole - clock.Elapsed : null)
                {
                    PictureFolder = Path.Combine(options.Output, "overlays"),
                },
                reporter, cancel),
            json, reporter);
        var facts = Facts.Of(new Workspace(options.Output, options.Plan), devices.All, options.Seed);
        json["trained_now"] = result.Runs.Count;
        if (result is { Best: null, Runs: [] })
        {
            return new Answer($"{result.Table}\n\n{Scores.Text(result.Summary)}\nnothing was left to train{report}", json)
            {
                Facts = facts,
            };
        }

        if (result.Best is null)
        {
            var run = result.Runs[^1];
            Scores.AddTraining(json, run.Result.Training);
            json["run"] = run.Job.Folder;
            return new Answer(
                $"{Scores.Text(result.Summary)}\n{Scores.Training(run.Result.Training)}\nrun: {run.Job.Folder}{report}", json)
            {
                Facts = facts,
            };
        }

        json["configurations"] = new JsonArray([.. result.Best.Winner.Configurations.Select(name => (JsonNode)name)]);
        json["folds"] = new JsonArray([.. result.Best.Folds.Select(fold => (JsonNode)fold)]);
        json["model"] = result.Model;
        return new Answer(
            $"{result.Table}\n\n{FindBestCommand.Table(result.Best)}\n{Scores.Text(result.Summary)}\nbest: {result.Best.Winner}\n"
                + $"model: {result.Model}\npredict: sharpseg predict {result.Model} -i SCANS -o SEGMENTATIONS{report}",
            json)
        {
            Facts = facts,
        };
    }
}
