using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>How a fold is to be trained.</summary>
/// <param name="Length">How long, unless it is resumed.</param>
/// <param name="Resume">Continue what was interrupted, and keep what is finished.</param>
/// <param name="Probabilities">
/// Whether and how the class probabilities of the validation cases, from which ensembles are made, are written, too.
/// </param>
/// <param name="Surface">Also measure HD95 and NSD.</param>
/// <param name="TimeLeft">
/// Time until everything must be done; null if there is no such time. Validation cases that do not fit into it are left out and
/// counted.
/// </param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
public sealed record TrainingRequest(
    TrainingLength Length, bool Resume, SavedProbabilities Probabilities = SavedProbabilities.None, bool Surface = true,
    Func<TimeSpan>? TimeLeft = null, MemoryBudget? MaxMemory = null);

/// <summary>The result.</summary>
/// <param name="Training">How the training went.</param>
/// <param name="Summary">Scores of the validation cases.</param>
public sealed record TrainingResult(TrainingOutcome Training, EvaluationSummary Summary);

/// <summary>One fold of one configuration: train it, predict its validation cases, score them.</summary>
public static class TrainingRun
{
    /// <summary>Runs the three.</summary>
    /// <param name="job">What to train.</param>
    /// <param name="dataset">Where the references are.</param>
    /// <param name="request">How.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops with the state saved.</param>
    /// <exception cref="SharpSegException">The training cannot start, diverged, or the device failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the state is saved.</exception>
    public static TrainingResult Execute(
        TrainingJob job, Dataset dataset, TrainingRequest request, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        using var alone = RunLock.Take(job.Folder, "trained");
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, alone.Lost);
        using var record = new RunRecord(job, dataset, backend, reporter);
        try
        {
            var result = Train(job, dataset, request, backend, record, both.Token);
            record.Finish(result);
            return result;
        }
        catch (OperationCanceledException error) when (!cancel.IsCancellationRequested)
        {
            throw new SharpSegException(
                $"`{job.Folder}` was taken over by a process on another machine, to which this one seemed dead",
                "let the other one finish; the bytes are the same", error);
        }
        catch (Exception error)
        {
            record.Fail(error);
            throw;
        }
    }

    private static TrainingResult Train(
        TrainingJob job, Dataset dataset, TrainingRequest request, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var (need, surface) = TrainingMemory.Plan(job, request, backend, reporter);
        var outcome = MemoryBudget.Guard(
            job.Folder, need, "train with a smaller --batch; --resume continues from the last checkpoint",
            () => TrainingSession.Execute(
                job, backend, request.Length, request.Resume, reporter, cancel,
                new WholeCaseScores(dataset, request.MaxMemory ?? MemoryBudget.OfMachine())));
        MemoryBudget.GiveBack();                          // what training took
        reporter.Stage($"predict {job.ValidationCases.Count} validation cases of fold {job.FoldName}");
        ValidationRun.Execute(
            job, backend, new InferenceOptions(), reporter, cancel, request.Probabilities, request.TimeLeft, request.MaxMemory);
        reporter.Stage("score");
        var summary = ValidationRun.Score(job, dataset, surface, reporter, cancel, request.MaxMemory);
        if (Forecast.Of(outcome.Schedule, outcome.Epochs, summary.ForegroundDice) is { } forecast)
        {
            reporter.Info($"forecast: {forecast.Text}");
        }

        return new TrainingResult(outcome, summary);
    }
}
