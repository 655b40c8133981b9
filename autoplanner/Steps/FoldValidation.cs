using System.Globalization;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

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
/// <param name="Configuration">Name of the configuration.</param>
/// <param name="Fold">Name of the fold.</param>
/// <param name="RunFolder">Folder of its run.</param>
/// <param name="Cases">Its validation cases with their files.</param>
/// <param name="Progress">How far it is.</param>
internal sealed record FoldValidation(
    string Configuration, string Fold, string RunFolder, IReadOnlyList<EvaluationCase> Cases, FoldProgress Progress)
{
    /// <summary>Inspects a run's folder.</summary>
    public static FoldValidation Of(
        Workspace work, string configuration, string fold, string fileEnding, IReadOnlyList<(string Id, string Reference)> cases)
    {
        var run = work.RunFolder(configuration, fold);
        var validation = Workspace.ValidationFolder(run);
        EvaluationCase[] files = [.. cases.Select(item => new EvaluationCase(item.Id, item.Reference, Path.Combine(validation, item.Id + fileEnding)))];
        var progress = !File.Exists(Workspace.FinalCheckpoint(run))
            ? Begun(run) is null ? FoldProgress.Untrained : FoldProgress.Training
            : !files.All(item => File.Exists(item.PredictionFile)) ? FoldProgress.Trained
            : !cases.All(item => File.Exists(ProbabilityFile.PathOf(validation, item.Id))) ? FoldProgress.Validated
            : FoldProgress.Averageable;
        return new FoldValidation(configuration, fold, run, files, progress);
    }

    /// <summary>The probabilities of one of the fold's cases.</summary>
    public string Probabilities(string caseId) => ProbabilityFile.PathOf(Workspace.ValidationFolder(RunFolder), caseId);

    /// <summary>The command that makes what is missing.</summary>
    /// <param name="work">The workspace as the user named it.</param>
    /// <param name="saveProbabilities">Whether ensembles are wanted.</param>
    public string Command(string work, bool saveProbabilities)
    {
        var checkpoint = File.Exists(Workspace.FinalCheckpoint(RunFolder)) ? Workspace.FinalCheckpoint(RunFolder) : Begun(RunFolder);
        var seed = checkpoint is null ? TrainingJob.DefaultSeed : Checkpoint.SeedOf(checkpoint);
        return $"sharpseg train {work} -c {Configuration} -f {Fold}"
            + (checkpoint is null ? "" : " --resume")
            + (saveProbabilities ? " --save-probabilities" : "")
            + (seed == TrainingJob.DefaultSeed ? "" : string.Create(CultureInfo.InvariantCulture, $" --seed {seed}"));
    }

    private static string? Begun(string run) => new[] { Workspace.LatestCheckpoint(run), Workspace.BestCheckpoint(run) }.FirstOrDefault(File.Exists);
}
