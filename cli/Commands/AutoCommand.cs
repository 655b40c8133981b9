using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;
using SharpSeg.Kernels.Cpu;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg auto</c>: from a dataset to a scored model.</summary>
internal static class AutoCommand
{
    public static Answer Run(AutoOptions options, IReporter reporter, CancellationToken cancel)
    {
        TimeSpan? limit = options.MaxTime is { } text ? Duration.Parse(text, "--max-time") : null;
        if (!Splits.IsFold(options.Fold))
        {
            throw new UsageException($"--fold {options.Fold}: neither `all` nor a number from 0");
        }

        var network = Choices.Network(options.Network, options.Profile);
        using var backend = Devices.Open(options, reporter);
        var result = AutoRun.Execute(
            new AutoRequest(options.Dataset, options.Output, options.Configuration, options.Fold, network, limit, options.Seed, options.Resume, Plan: options.Plan),
            backend, Cpu.Open, reporter, cancel);
        var json = Scores.Json(result.Summary);
        json["seconds"] = result.Elapsed.TotalSeconds;
        Scores.AddTraining(json, result.Training);
        json["run"] = result.Job.Folder;
        return new Answer($"{Scores.Text(result.Summary)}\n{Scores.Training(result.Training)}\nrun: {result.Job.Folder}", json);
    }
}
