using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Scores the validation predictions of a fold against the dataset's own labels, and keeps <c>summary.json</c> beside them.
/// </summary>
public static class ValidationScore
{
    /// <summary>Scores and writes the summary.</summary>
    /// <param name="job">A run whose validation cases are predicted.</param>
    /// <param name="dataset">Where the references are.</param>
    /// <param name="surface">Also HD95 and NSD.</param>
    /// <param name="reporter">Receives progress after every case.</param>
    /// <param name="cancel">Ends at once.</param>
    public static EvaluationSummary Execute(TrainingJob job, Dataset dataset, bool surface, IReporter reporter, CancellationToken cancel)
    {
        var folder = Workspace.ValidationFolder(job.Folder);
        var references = dataset.TrainingCases.ToDictionary(c => c.Id, c => c.LabelFile, StringComparer.Ordinal);
        var cases = job.ValidationCases.Select(id => new EvaluationCase(
            id,
            references.GetValueOrDefault(id) ?? throw new SharpSegException($"case `{id}` has no label in {dataset.Folder}"),
            Path.Combine(folder, id + job.Description.FileEnding)));
        var summary = Evaluator.Evaluate(
            [.. cases], job.Description.Labels, new EvaluationOptions { Surface = surface },
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancel);
        foreach (var item in summary.Cases.Where(item => item.Warning is not null))
        {
            reporter.Warning(item.Warning!);
        }

        AtomicFile.WriteText(Workspace.SummaryFile(folder), SummaryJson.ToJson(summary));
        return summary;
    }
}
