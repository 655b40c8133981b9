using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
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

    /// <summary>Name of the configuration.</summary>
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
    /// <param name="work">Holds the runs.</param>
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
            configuration.Name, [.. validations], dataset.TrainingCases.All(item => StoredCase.Exists(data, item.Id)));
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
                $"fold{(group.Count() == 1 ? "" : "s")} {string.Join(", ", group.Select(fold => fold.Fold))} {Words(group.Key)}"));
    }

    private static string Words(FoldProgress progress) => progress switch
    {
        FoldProgress.Untrained => "not trained",
        FoldProgress.Training => "not trained to the end",
        FoldProgress.Trained => "without all validation segmentations",
        _ => "without validation probabilities",
    };
}
