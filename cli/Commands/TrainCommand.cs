using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg train</c>: train one fold, predict its validation cases, score them.</summary>
internal static class TrainCommand
{
    public static Answer Run(TrainOptions options, IReporter reporter, CancellationToken cancel)
    {
        RequirePositive(options.Epochs, "--epochs");
        RequirePositive(options.Iterations, "--iterations");
        RequirePositive(options.Batch, "--batch");
        TimeSpan? limit = options.MaxTime is { } text ? Duration.Parse(text, "--max-time") : null;
        if (limit is not null && (options.Epochs ?? options.Iterations ?? options.Batch) is not null)
        {
            throw new UsageException("--max-time chooses epochs, iterations and batch itself", "leave out --epochs, --iterations and --batch");
        }

        var work = new Workspace(options.Work, options.Plan);
        var job = TrainingJob.Open(work, options.Configuration, options.Fold, options.Seed);
        var asked = new ScheduleChange(options.Epochs, options.Iterations, options.Batch, limit);
        var length = limit is { } time
            ? TrainingLength.Within(time, asked) : TrainingLength.Of(asked.Of(job.Configuration.BatchSize), asked);
        using var backend = Devices.Open(options, reporter);
        var result = TrainingRun.Execute(
            job, Dataset.Open(work.ReadDatasetFolder()), new TrainingRequest(length, options.Resume, options.SaveProbabilities), backend,
            reporter, cancel);

        var json = Scores.Json(result.Summary);
        Scores.AddTraining(json, result.Training);
        return new Answer($"{Scores.Text(result.Summary)}\n{Scores.Training(result.Training)}\nrun: {job.Folder}", json);
    }

    private static void RequirePositive(int? value, string option)
    {
        if (value is < 1)
        {
            throw new UsageException($"{option} {value}: must be 1 or more");
        }
    }
}
