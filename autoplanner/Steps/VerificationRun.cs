using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Checks a dataset and the folds that lie beside it.</summary>
public static class VerificationRun
{
    /// <summary>Reports every problem at once.</summary>
    /// <param name="folder">The folder that holds dataset.json.</param>
    /// <param name="reporter">Told of each case.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <param name="groupBy">Pattern of the patients, whom folds must keep together; null guesses, for warnings.</param>
    /// <returns>Findings on the whole dataset first, then by case, then on its folds.</returns>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static IReadOnlyList<Finding> Execute(
        string folder, IReporter reporter, CancellationToken cancel, string? groupBy = null)
    {
        reporter.Stage($"verify {folder}");
        var findings = DatasetVerifier.Verify(
            folder, (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancellation: cancel);
        return [.. findings, .. FoldFindings(folder, groupBy)];
    }

    private static IEnumerable<Finding> FoldFindings(string folder, string? groupBy)
    {
        Dataset dataset;
        try
        {
            dataset = Dataset.Open(folder);
        }
        catch (SharpSegException)
        {
            return []; // said already
        }

        try
        {
            var findings = dataset.SplitsFile is { } file
                ? Splits.Check(file, dataset.TrainingCases.Select(item => item.Id))
                : [];
            return findings.Any(finding => finding.Severity == Severity.Error)
                ? findings
                : findings.Concat(PatientGroups.Leaks(dataset, groupBy));
        }
        catch (SharpSegException error)
        {
            return [new(Severity.Error, null, error.Message, error.Hint)];
        }
    }
}
