using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// What the validation predictions of all compared folds of one configuration consist of, and what is missing of them.
/// </summary>
internal sealed class CrossValidation
{
    private CrossValidation(string configuration, IReadOnlyList<FoldValidation> folds, bool isPreprocessed)
    {
        Configuration = configuration;
        Folds = folds;
        IsPreprocessed = isPreprocessed;
    }

    /// <summary>Name of the configuration among those of all plans.</summary>
    public string Configuration { get; }

    /// <summary>The compared folds.</summary>
    public IReadOnlyList<FoldValidation> Folds { get; }

    /// <summary>Whether its training cases lie ready, without which nothing can be trained or validated.</summary>
    public bool IsPreprocessed { get; }

    /// <summary>Whether every validation case of every fold has a segmentation.</summary>
    public bool IsComplete => Folds.All(fold => fold.Progress >= FoldProgress.Validated);

    /// <summary>The folds' validation cases in one list, sorted by name.</summary>
    public IReadOnlyList<EvaluationCase> Cases =>
        [.. Folds.SelectMany(fold => fold.Cases).OrderBy(item => item.CaseId, StringComparer.Ordinal)];

    /// <summary>Inspects the runs of a configuration.</summary>
    /// <param name="work">Holds the runs, seen through the configuration's plan.</param>
    /// <param name="dataset">Has the references.</param>
    /// <param name="configuration">The configuration.</param>
    /// <param name="folds">Names of the compared folds with their cases.</param>
    /// <exception cref="SharpSegException">A case has no reference.</exception>
    public static CrossValidation Of(
        Workspace work, Dataset dataset, ConfigurationPlan configuration, IReadOnlyList<(string Name, Split Split)> folds)
    {
        var references = dataset.TrainingCases.ToDictionary(item => item.Id, item => item.LabelFile, StringComparer.Ordinal);
        var validations = folds.Select(fold => FoldValidation.Of(
            work, configuration.Name, fold.Name, dataset.Description.FileEnding,
            [.. fold.Split.Val.Select(id => (id, references.GetValueOrDefault(id)
                ?? throw new SharpSegException($"case `{id}` has no label in {dataset.Folder}", "correct splits.json")))]));
        var data = work.PreprocessedFolder(configuration);
        return new CrossValidation(
            work.NameOf(configuration.Name), [.. validations],
            dataset.TrainingCases.All(item => StoredCase.Exists(data, item.Id)));
    }

    /// <summary>Which folds lack what, in words; null if nothing does.</summary>
    /// <param name="needed">How far every fold must be.</param>
    public string? DescribeMissing(FoldProgress needed)
    {
        var missing = Folds.Where(fold => fold.Progress < needed).ToArray();
        if (missing.Length == 0)
        {
            return null;
        }

        return missing.All(fold => fold.Progress == FoldProgress.Untrained) && missing.Length == Folds.Count
            ? $"{Configuration} is not trained"
            : $"{Configuration}: " + string.Join(", ", missing.GroupBy(fold => fold.Progress).Select(group =>
                $"{Counted.Noun(group.Count(), "fold")} {string.Join(", ", group.Select(fold => fold.Fold))} {Words(group.Key)}"));
    }

    private static string Words(FoldProgress progress) => progress switch
    {
        FoldProgress.Untrained => "not trained",
        FoldProgress.Training => "not trained to the end",
        FoldProgress.Trained => "without all validation segmentations",
        _ => "without validation probabilities",
    };
}

/// <summary>How far a fold is on its way to being compared.</summary>
internal enum FoldProgress
{
    /// <summary>Not begun.</summary>
    Untrained,

    /// <summary>Begun; there is no final checkpoint.</summary>
    Training,

    /// <summary>Trained, but a validation case lacks its segmentation.</summary>
    Trained,

    /// <summary>Every validation case has a segmentation, but not every one probabilities.</summary>
    Validated,

    /// <summary>Every validation case has probabilities, too: it can be part of an ensemble.</summary>
    Averageable,
}

/// <summary>The validation predictions of one fold of one configuration.</summary>
/// <param name="Configuration">Name of the configuration in its plan.</param>
/// <param name="Plan">Name of the plan; null for the default one.</param>
/// <param name="Fold">Name of the fold.</param>
/// <param name="RunFolder">Folder of its run.</param>
/// <param name="Cases">Its validation cases with their files.</param>
/// <param name="Progress">How far it is.</param>
internal sealed record FoldValidation(
    string Configuration, string? Plan, string Fold, string RunFolder, IReadOnlyList<EvaluationCase> Cases, FoldProgress Progress)
{
    /// <summary>Inspects a run's folder.</summary>
    public static FoldValidation Of(
        Workspace work, string configuration, string fold, string fileEnding, IReadOnlyList<(string Id, string Reference)> cases)
    {
        var run = work.RunFolder(configuration, fold);
        var validation = Workspace.ValidationFolder(run);
        EvaluationCase[] files = [
            .. cases.Select(item => new EvaluationCase(item.Id, item.Reference, Path.Combine(validation, item.Id + fileEnding)))];
        var progress = !File.Exists(Workspace.FinalCheckpoint(run))
            ? Begun(run) is null ? FoldProgress.Untrained : FoldProgress.Training
            : !files.All(item => File.Exists(item.PredictionFile)) ? FoldProgress.Trained
            : !cases.All(item => File.Exists(ProbabilityFile.PathOf(validation, item.Id))) ? FoldProgress.Validated
            : FoldProgress.Averageable;
        return new FoldValidation(configuration, work.Plan, fold, run, files, progress);
    }

    /// <summary>The probabilities of one of the fold's cases.</summary>
    public string Probabilities(string caseId) => ProbabilityFile.PathOf(Workspace.ValidationFolder(RunFolder), caseId);

    /// <summary>The command that makes what is missing.</summary>
    /// <param name="work">The workspace as the user named it.</param>
    /// <param name="saveProbabilities">Whether ensembles are wanted.</param>
    public string Command(string work, bool saveProbabilities)
    {
        var checkpoint = File.Exists(Workspace.FinalCheckpoint(RunFolder))
            ? Workspace.FinalCheckpoint(RunFolder)
            : Begun(RunFolder);
        var seed = checkpoint is null ? TrainingJob.DefaultSeed : Checkpoint.SeedOf(checkpoint);
        return $"sharpseg train {work}{(Plan is null ? "" : $" --plan {Plan}")} -c {Configuration} -f {Fold}"
            + (checkpoint is null ? "" : " --resume")
            + (saveProbabilities ? " --save-probabilities" : "")
            + (seed == TrainingJob.DefaultSeed ? "" : string.Create(CultureInfo.InvariantCulture, $" --seed {seed}"));
    }

    private static string? Begun(string run) =>
        new[] { Workspace.LatestCheckpoint(run), Workspace.BestCheckpoint(run) }.FirstOrDefault(File.Exists);
}
