using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>Measures a dataset, or takes a fingerprint as given, plans, and writes fingerprint, plans and description into a workspace.</summary>
public static class PlanningRun
{
    /// <summary>Measures and plans a dataset.</summary>
    /// <exception cref="SharpSegException">A case is unusable, nothing can be planned, or the workspace is of another dataset or holds runs of other plans.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is written.</exception>
    public static PlanResult Execute(
        Dataset dataset, Workspace work, PlannerOptions options, IReporter reporter, CancellationToken cancel)
    {
        work.MakeFolder(); // an output that cannot be is told before everything is measured
        WorkspaceGuard.RequireSameDataset(work, dataset);

        // Over runs that may have other plans, the measurement is kept only once the plans are found to be the same.
        reporter.Stage($"measure {dataset.TrainingCases.Count} cases and plan");
        var fingerprint = FingerprintExtractor.ExtractCached(
            dataset, options.Profile, work, Environment.ProcessorCount,
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), reporter.Warning,
            keep: WorkspaceGuard.TrainedConfigurations(work).Count == 0, cancel);
        return Write(fingerprint, dataset.Description, dataset.Folder, work, options);
    }

    /// <summary>Plans from a fingerprint alone, ours or nnU-Net v2's.</summary>
    /// <param name="fingerprint">What was measured.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="dataset">Where the images are, for preprocessing; null if they are not at hand.</param>
    /// <param name="work">The workspace.</param>
    /// <param name="options">Profile, preset, memory.</param>
    /// <exception cref="SharpSegException">Nothing can be planned, the fingerprint is not of these cases, or the workspace is of another dataset.</exception>
    public static PlanResult FromFingerprint(
        Fingerprint fingerprint, DatasetDescription description, Dataset? dataset, Workspace work, PlannerOptions options)
    {
        if (dataset is not null)
        {
            WorkspaceGuard.RequireSameDataset(work, dataset);
            if (dataset.TrainingCases.Count != fingerprint.CaseCount)
            {
                throw new SharpSegException(
                    $"the fingerprint is of {fingerprint.CaseCount} cases, the dataset `{dataset.Folder}` has {dataset.TrainingCases.Count}",
                    "leave out --fingerprint: the dataset is then measured");
            }

            fingerprint = fingerprint with { DataHash = DataHash.Of(dataset) };
        }
        else if (work.RecordedDatasetFolder() is { } recorded)
        {
            throw new SharpSegException(
                $"`{work.Folder}` belongs to the dataset `{recorded}`, not to a fingerprint without images",
                "choose another workspace with -o, or give the dataset's folder as well");
        }

        work.MakeFolder();
        return Write(fingerprint, description, dataset?.Folder, work, options);
    }

    private static PlanResult Write(
        Fingerprint fingerprint, DatasetDescription description, string? folder, Workspace work, PlannerOptions options)
    {
        var result = Planner.Plan(fingerprint, description, options);
        WorkspaceGuard.RequireSamePlans(work, result.Plans);
        FingerprintExtractor.Keep(fingerprint, work);
        work.WriteDataset(description, folder);
        work.WritePlans(result.Plans);
        return result;
    }
}
