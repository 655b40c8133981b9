using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Checks a dataset and its folds: those that lie beside it, or those of a workspace.</summary>
public static class VerificationRun
{
    /// <summary>Reports every problem at once.</summary>
    /// <param name="folder">A dataset, or a workspace, whose dataset and folds it means.</param>
    /// <param name="reporter">Told of each case.</param>
    /// <param name="cancel">Ends at once.</param>
    /// <param name="groupBy">Pattern of the patients, whom folds must keep together; null guesses, for warnings.</param>
    /// <param name="budget">Memory that may be taken; null for what the machine has.</param>
    /// <returns>Findings on the whole dataset first, then by case, then on its folds.</returns>
    /// <exception cref="SharpSegException">A case does not fit into memory.</exception>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public static IReadOnlyList<Finding> Execute(
        string folder, IReporter reporter, CancellationToken cancel, string? groupBy = null, MemoryBudget? budget = null)
    {
        reporter.Stage($"verify {folder}");
        string? splits = null;
        if (DatasetOfWorkspace(folder) is { } dataset)
        {
            reporter.Info($"`{folder}` is a workspace of the dataset `{dataset}`");
            splits = new Workspace(folder).SplitsFile is var own && File.Exists(own) ? own : null;
            folder = dataset;
        }

        var (findings, same) = DatasetVerifier.Examine(
            folder, (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), cancellation: cancel, budget: budget,
            info: reporter.Info);
        return [.. findings, .. FoldFindings(folder, splits, groupBy, same)];
    }

    /// <summary>The dataset that a workspace records; null where the folder is none, or damaged.</summary>
    internal static string? DatasetOfWorkspace(string folder)
    {
        try
        {
            return Directory.Exists(Path.Combine(folder, "imagesTr")) ? null : new Workspace(folder).RecordedDatasetFolder();
        }
        catch (SharpSegException)
        {
            return null;
        }
    }

    private static IReadOnlyList<Finding> FoldFindings(
        string folder, string? splits, string? groupBy, IReadOnlyList<string[]> same)
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
            splits ??= dataset.SplitsFile;
            string[] ids = [.. dataset.TrainingCases.Select(item => item.Id)];
            var findings = splits is null ? [] : Splits.Check(splits, ids);
            if (findings.Any(finding => finding.Severity == Severity.Error))
            {
                return [.. findings, .. same.Select(cases => DatasetVerifier.SameImage(cases))];
            }

            var folds = same.Count == 0 || ids.Length < 2 ? []
                : splits is null ? Splits.Create(ids).Folds : Splits.Load(splits, ids).Folds;
            return
            [
                .. findings, .. PatientGroups.Leaks(dataset, groupBy, splits),
                .. same.Select(cases => DatasetVerifier.SameImage(cases, Consequence(cases, folds))),
            ];
        }
        catch (SharpSegException error)
        {
            return [new(Severity.Error, null, error.Message, error.Hint)];
        }
    }

    /// <summary>The first fold that trains on one of the cases and validates on another.</summary>
    private static string? Consequence(string[] cases, IReadOnlyList<Split> folds)
    {
        foreach (var (fold, split) in folds.Index())
        {
            var (train, val) = (split.Train.FirstOrDefault(cases.Contains), split.Val.FirstOrDefault(cases.Contains));
            if (train is not null && val is not null && train != val)
            {
                return $"fold {fold} trains on `{train}` and validates on `{val}`: its scores are too good";
            }
        }

        return null;
    }
}
