using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>What to predict and how (docs/method/inference.md §10).</summary>
/// <param name="Work">Workspace with trained folds.</param>
/// <param name="Configuration">Configuration; null takes what best.json says, else the one that is trained.</param>
/// <param name="Folds">
/// Folds to average; empty takes best.json's, else all trained ones, and "all" where it is the only one.
/// </param>
/// <param name="Checkpoint">final, best or latest.</param>
/// <param name="Inputs">A folder, or files.</param>
/// <param name="Output">Folder for the segmentations; or, for one case, the file, which has the ending of an image.</param>
/// <param name="Options">Tiles and mirroring.</param>
/// <param name="SkipExisting">Skip cases whose segmentation (and probabilities, if asked for) exists.</param>
/// <param name="Part">Take cases Part, Part + Parts, ….</param>
/// <param name="Parts">Into how many runs the cases are divided.</param>
/// <param name="PreviousStage">Folder of segmentations that stand in for a cascade's first stage; null runs it.</param>
/// <param name="Probabilities">Whether and how the class probabilities, from which `ensemble` averages, are written, too.</param>
/// <param name="Postprocess">Apply the model's postprocessing: best.json's, or what the training labels decide in profile
/// classic; false leaves segmentations as they are.</param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
/// <param name="ModelParts">The models of which the workspace consists, whose labels are merged by name; null or none for an
/// ordinary one.</param>
/// <param name="Scratch">Folder for outputs that do not fit into memory; null for the output folder.</param>
public sealed record PredictionRequest(
    Workspace Work, string? Configuration, IReadOnlyList<string> Folds, string Checkpoint, IReadOnlyList<string> Inputs,
    string Output,
    InferenceOptions Options, bool SkipExisting = false, int Part = 0, int Parts = 1, string? PreviousStage = null,
    SavedProbabilities Probabilities = SavedProbabilities.None, bool Postprocess = true,
    IReadOnlyList<ModelPart>? ModelParts = null, MemoryBudget? MaxMemory = null, string? Scratch = null)
{
    /// <summary>Looks on; null for nobody.</summary>
    internal IPredictionWatch? Watch { get; init; }

    /// <summary>Names of the cases to take, where others take the rest of the part; null for all.</summary>
    internal IReadOnlySet<string>? Only { get; init; }

    /// <summary>
    /// The cases, where they were found already: their names and the order of their channels are not those of their files.
    /// Null finds them in <see cref="Inputs"/>.
    /// </summary>
    internal IReadOnlyList<DatasetCase>? Cases { get; init; }

    /// <summary>Memory that may be taken.</summary>
    internal MemoryBudget Budget { get; init; } = MaxMemory ?? MemoryBudget.OfMachine();

    /// <summary>Whether <see cref="Output"/> is the one file to write.</summary>
    public bool IsFile => ImageFile.EndingOf(Output) is not null && !Directory.Exists(Output);

    /// <summary>The cases of the inputs.</summary>
    /// <exception cref="SharpSegException">There are none, or channels are missing.</exception>
    internal IReadOnlyList<DatasetCase> FindCases(DatasetDescription description, Action<string>? warn = null) =>
        Cases ?? PredictionInputs.Find(Inputs, description, warn);

    /// <summary>Whether probabilities are written.</summary>
    internal bool SavesProbabilities => Probabilities != SavedProbabilities.None;

    /// <summary>The folder that is written to.</summary>
    internal string Folder => IsFile ? Path.GetDirectoryName(Path.GetFullPath(Output))! : Output;

    /// <summary>The segmentation of a case.</summary>
    internal string PathOf(string id, DatasetDescription description) =>
        IsFile ? Output : Path.Combine(Output, id + description.FileEnding);

    /// <summary>Whether a case is to be skipped, because what would be written for it exists.</summary>
    internal bool Skips(string id, DatasetDescription description) =>
        SkipExisting && File.Exists(PathOf(id, description))
        && ProbabilityFile.Exists(ProbabilityFile.PathOf(Output, id), Probabilities);
}
