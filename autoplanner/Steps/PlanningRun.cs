using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// Measures a dataset, or takes a fingerprint as given, plans, and writes fingerprint, plans and description into a workspace.
/// </summary>
public static class PlanningRun
{
    /// <summary>Measures and plans a dataset.</summary>
    /// <exception cref="SharpSegException">
    /// A case is unusable, nothing can be planned, or the workspace is of another dataset, holds runs of other plans, or is a
    /// folder of something else.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing is written.</exception>
    public static PlanResult Execute(
        Dataset dataset, Workspace work, PlannerOptions options, IReporter reporter, CancellationToken cancel,
        MemoryBudget? budget = null)
    {
        RequireUsable(work); // an unusable output folder fails before everything is measured
        WorkspaceGuard.RequireSameDataset(work, dataset);
        reporter.WritesTo(work.Folder);

        // Over runs that may have other plans, the measurement is kept only once the plans are found to be the same.
        reporter.Stage($"measure {Counted.Of(dataset.TrainingCases.Count, "case")} and plan");
        var fingerprint = Measure(
            dataset, options.Profile, work, Workers(dataset, budget ?? MemoryBudget.OfMachine(), reporter),
            (done, of) => reporter.Progress((double)done / of, $"case {done}/{of}"), reporter.Warning,
            keep: WorkspaceGuard.TrainedConfigurations(work).Count == 0, cancel);
        return Told(Write(fingerprint, dataset.Description, dataset.Folder, work, options), dataset.Description, reporter);
    }

    private static PlanResult Told(PlanResult result, DatasetDescription description, IReporter? reporter)
    {
        if (MirroringDecision.Notice(result.Plans, description.Labels) is { } notice)
        {
            reporter?.Warning(notice);
        }

        return result;
    }

    /// <summary>Makes the workspace's folder, if need be, where plans may be written.</summary>
    /// <exception cref="SharpSegException">It cannot be made, or is a folder of something else.</exception>
    internal static void RequireUsable(Workspace work)
    {
        OutputFolder.RequireOutsideDatasets(work.Folder); // a dataset has a dataset.json, too, and is named as what it is
        WorkspaceGuard.RequireNothingElse(work); // before plans/NAME is made, which would make it a workspace
        work.MakeFolder();
    }

    /// <summary>Which training cases of a dataset are of one patient.</summary>
    /// <exception cref="SharpSegException">As <see cref="PatientGroups.Of"/>.</exception>
    public static PatientGroups Patients(Dataset dataset, string pattern) =>
        PatientGroups.Of(pattern, dataset.TrainingCases.Select(item => item.Id));

    /// <summary>Makes the folds of a planned workspace, with patients kept together.</summary>
    /// <exception cref="SharpSegException">As <see cref="Splits.Group"/>.</exception>
    public static void Group(Workspace work, Dataset dataset, PatientGroups patients, IReporter reporter)
    {
        string[] ids = [.. dataset.TrainingCases.Select(item => item.Id)];
        Splits.Group(work, dataset.Folder, patients, ids);
        var folds = Splits.Find(work, dataset.Folder, ids).Folds;
        reporter.Info(
            $"{ids.Length} cases of {patients.Count} patients in {folds.Count} folds of "
                + $"{string.Join(", ", folds.Select(fold => fold.Val.Count))}");
    }

    /// <summary>Plans from a fingerprint alone, ours or nnU-Net v2's.</summary>
    /// <param name="fingerprint">What was measured.</param>
    /// <param name="description">Channels and labels.</param>
    /// <param name="dataset">Where the images are, for preprocessing; null if they are not at hand.</param>
    /// <param name="work">The workspace.</param>
    /// <param name="options">Profile, preset, memory.</param>
    /// <param name="reporter">Is told what departs from nnU-Net unasked; null for nobody.</param>
    /// <exception cref="SharpSegException">
    /// Nothing can be planned, the fingerprint is not of these cases, or the workspace is of another dataset or a folder of
    /// something else.
    /// </exception>
    public static PlanResult FromFingerprint(
        Fingerprint fingerprint, DatasetDescription description, Dataset? dataset, Workspace work, PlannerOptions options,
        IReporter? reporter = null)
    {
        if (dataset is not null)
        {
            WorkspaceGuard.RequireSameDataset(work, dataset);
            if (dataset.TrainingCases.Count != fingerprint.CaseCount)
            {
                throw new SharpSegException(
                    $"the fingerprint is of {fingerprint.CaseCount} cases, the dataset `{dataset.Folder}` has "
                        + $"{dataset.TrainingCases.Count}",
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

        RequireUsable(work);
        return Told(Write(fingerprint, description, dataset?.Folder, work, options), description, reporter);
    }

    /// <summary>
    /// The fingerprint of the plan, or of the default plan, if it is of this profile and of these very files, else a new one,
    /// written there if <paramref name="keep"/>.
    /// </summary>
    /// <exception cref="SharpSegException">As <see cref="FingerprintExtractor.Extract"/>.</exception>
    internal static Fingerprint Measure(
        Dataset dataset, Profile profile, Workspace work, int workers, Action<int, int>? progress = null,
        Action<string>? warn = null,
        bool keep = true, CancellationToken cancel = default)
    {
        foreach (var file in new[] { work.FingerprintFile, new Workspace(work.Folder).FingerprintFile }.Where(File.Exists))
        {
            var stored = FingerprintJson.Read(file);
            if (stored.Profile == profile && stored.LeftRightAxes is not null && stored.DataHash == DataHash.Of(dataset))
            {
                return stored;
            }
        }

        var fingerprint = FingerprintExtractor.Extract(dataset, profile, workers, progress, warn, cancel);
        if (keep)
        {
            work.WriteFingerprint(fingerprint);
        }

        return fingerprint;
    }

    /// <summary>
    /// How many cases are measured side by side (docs/method/memory.md §3); refuses a case that does not fit alone.
    /// </summary>
    private static int Workers(Dataset dataset, MemoryBudget budget, IReporter reporter)
    {
        var channels = dataset.Description.ChannelNames.Count;
        var needs = dataset.TrainingCases.Select(item => CaseMeasurement.Need(item, channels)).ToArray();
        return SideBySide.Plan(needs, budget, "a machine with more memory", reporter.Info).Workers;
    }

    private static PlanResult Write(
        Fingerprint fingerprint, DatasetDescription description, string? folder, Workspace work, PlannerOptions options)
    {
        var result = Planner.Plan(fingerprint, description, options);
        result = result with { Plans = WithOwnData(result.Plans, work, description.Labels) };
        WorkspaceGuard.RequireSamePlans(work, result.Plans);
        work.WriteFingerprint(fingerprint);
        work.WriteDataset(description, folder);
        work.WritePlans(result.Plans);
        return result;
    }

    /// <summary>
    /// Plans side by side share preprocessed data that are the same; what would differ under one name goes to a folder of its
    /// own.
    /// </summary>
    private static Plans WithOwnData(Plans plans, Workspace work, LabelScheme labels)
    {
        var others = work.AllPlans().Where(other => other.Plan != work.Plan).Select(other => other.ReadPlans())
            .SelectMany(other => other.Configurations.Values.Select(configuration =>
                (configuration.DataIdentifier, Recipe: PreprocessingRecipe.From(other, configuration).Fingerprint(labels))))
                    .ToArray();
        return plans with
        {
            Configurations = plans.Configurations.ToDictionary(
                pair => pair.Key,
                pair =>
                {
                    var recipe = PreprocessingRecipe.From(plans, pair.Value).Fingerprint(labels);
                    return others.Any(other => other.DataIdentifier == pair.Value.DataIdentifier && other.Recipe != recipe)
                        ? pair.Value with { DataIdentifier = $"{work.Plan ?? "default"}_{pair.Value.DataIdentifier}" }
                        : pair.Value;
                },
                StringComparer.Ordinal),
        };
    }
}
