using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Steps;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Cli.Options;

namespace SharpSeg.Cli.Commands;

/// <summary><c>sharpseg train</c>: train folds, predict their validation cases, score them.</summary>
internal static class TrainCommand
{
    private const double DefaultBodyRate = 0.1; // STU-Net, arXiv:2304.06716

    public static Answer Run(TrainOptions options, IReporter reporter, CancellationToken cancel)
    {
        var asked = Check(options);
        string[] typed = [.. options.Folds];
        if (options.All && typed.Length > 0)
        {
            throw new UsageException("--all trains every fold", "leave out --folds, or --all");
        }

        IReadOnlyList<string> folds = options.All ? [] : typed is [] ? ["0"] : Choices.Folds(typed);
        var work = new Workspace(options.Work, options.Plan);
        work.ReadPlans(); // a workspace without plans is answered before anything else
        var dataset = Dataset.Open(work.ReadDatasetFolder());
        IReadOnlyList<string> configurations = options.Configuration is { } one ? [one] : options.All ? [] : ["3d_fullres"];
        var matrix = TrainingMatrix.Of(
            work, dataset, configurations, folds, withFirstStages: options.All && options.Configuration is null);
        using var pretrained = Pretrained(options, cancel);
        using var devices = Devices.Open(options, matrix.Cells.Count, reporter);
        var rounds = (matrix.Cells.Count + devices.All.Count - 1) / devices.All.Count;
        asked = asked with { Time = asked.Time / rounds };
        return Report(
            MatrixRun.Execute(
                work, dataset, matrix, RequestOf(options, asked, pretrained), devices.All, reporter, cancel)) with
        {
            Facts = Facts.Of(work, devices.All, options.Seed),
        };
    }

    /// <summary>The network that new runs start from; null for random weights.</summary>
    /// <exception cref="SharpSegException">There is none, or it is damaged or of several parts.</exception>
    public static PretrainedModel? Pretrained(TrainOptions options, CancellationToken cancel) => options.Pretrained is { } path
        ? PretrainedModel.Open(path, options.BodyRate ?? DefaultBodyRate, cancel)
        : null;

    /// <summary>What is asked of every run.</summary>
    /// <param name="options">What was typed.</param>
    /// <param name="asked">What is asked of the length of one.</param>
    /// <param name="pretrained">What new ones start from; null for random weights.</param>
    public static MatrixRequest RequestOf(TrainOptions options, ScheduleChange asked, PretrainedModel? pretrained) => new(
        options.Seed, (job, _) => Length(asked, job), SkipDone: false, options.Resume, ((IKeepsProbabilities)options).Kept,
        Pretrained: pretrained is null ? null : pretrained.For, Variant: Choices.Variant(options))
    { MaxMemory = options.Budget };

    /// <summary>The length of one run: the runs of a device share a time equally.</summary>
    private static TrainingLength Length(ScheduleChange asked, TrainingJob job) => asked.Time is { } time
        ? TrainingLength.Within(time, asked)
        : TrainingLength.Of(asked.Of(job.Configuration.BatchSize), asked);

    private static Answer Report(IReadOnlyList<MatrixOutcome> runs)
    {
        if (runs is [var run])
        {
            var json = Scores.Json(run.Result.Summary);
            Scores.AddTraining(json, run.Result.Training);
            return new Answer(
                $"{Scores.Text(run.Result.Summary)}\n{Scores.Training(run.Result.Training)}\nrun: {run.Job.Folder}", json);
        }

        var lines = runs.Select(item => FormattableString.Invariant(
            $"{item.Cell.Configuration} fold {TrainingMatrix.Name(item.Cell.Fold)}: mean foreground Dice {item.Result.Summary.ForegroundDice:0.0000}, {Counted.Of(item.Result.Training.Iterations, "iteration")}"));
        return new Answer(string.Join('\n', lines), new JsonObject
        {
            ["mean_foreground_dice"] = Scores.Number(runs.Average(item => item.Result.Summary.ForegroundDice)),
            ["runs"] = new JsonArray([.. runs.Select(item =>
            {
                var json = Scores.Json(item.Result.Summary);
                Scores.AddTraining(json, item.Result.Training);
                (json["configuration"], json["fold"], json["run"]) = (
                    item.Cell.Configuration, TrainingMatrix.Name(item.Cell.Fold), item.Job.Folder);
                return (JsonNode)json;
            })]),
        });
    }

    /// <summary>Refuses what cannot be, before anything is read.</summary>
    /// <returns>What is asked of the length of all runs together.</returns>
    /// <exception cref="UsageException">Something cannot be.</exception>
    public static ScheduleChange Check(TrainOptions options)
    {
        RequirePositive(options.Epochs, "--epochs");
        RequirePositive(options.Iterations, "--iterations");
        RequirePositive(options.Batch, "--batch");
        TimeSpan? limit = options.MaxTime is { } text ? Duration.Parse(text, "--max-time") : null;
        if (limit is not null && (options.Epochs ?? options.Iterations ?? options.Batch) is not null)
        {
            throw new UsageException(
                "--max-time chooses epochs, iterations and batch itself", "leave out --epochs, --iterations and --batch");
        }

        RequireBodyRate(options.BodyRate, options.Pretrained);
        Choices.Variant(options);
        return new ScheduleChange(options.Epochs, options.Iterations, options.Batch, limit)
        {
            Recipe = Choices.Recipe(options),
        };
    }

    /// <summary>Refuses a rate that nothing would use, or that is none.</summary>
    private static void RequireBodyRate(double? bodyRate, string? pretrained)
    {
        if (bodyRate is { } rate && (pretrained is null || rate is not (>= 0 and <= 1)))
        {
            throw new UsageException(
                pretrained is null ? "--body-rate goes with --pretrained" : $"--body-rate {rate}: must be from 0 to 1",
                "leave it out for 0.1");
        }
    }

    /// <summary>Refuses a number below 1.</summary>
    public static void RequirePositive(int? value, string option)
    {
        if (value is < 1)
        {
            throw new UsageException($"{option} {value}: must be 1 or more");
        }
    }
}
