using System.Text;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>One run of the matrix.</summary>
/// <param name="Configuration">Name of the configuration.</param>
/// <param name="Fold">Its fold, as runs' folders are named.</param>
public sealed record MatrixCell(string Configuration, string Fold);

/// <summary>
/// Configurations × folds, in an order in which each run finds what it needs: the first stage of a cascade on all folds, whose
/// validation predictions the second stage learns from, then the second stage, then the others (docs/method/training.md §2). What
/// is done is read off the workspace, so a matrix continues wherever it was stopped.
/// </summary>
public sealed class TrainingMatrix
{
    private static readonly string[] Order = ["3d_lowres", "3d_cascade_fullres", "2d", "3d_fullres"];

    private readonly Workspace work;
    private readonly Dataset? dataset;
    private readonly Plans plans;
    private readonly Splits? splits;
    private readonly IReadOnlyList<string> averaged;

    private TrainingMatrix(Workspace work, Dataset? dataset, Plans plans, Splits? splits, IReadOnlyList<MatrixCell> cells)
    {
        (this.work, this.dataset, this.plans, this.splits, Cells) = (work, dataset, plans, splits, cells);
        var singles = ModelSelection.Singles(plans.Profile, Configurations);
        averaged = singles.Count > 1 && NumberedFolds.Count > 0 ? singles : [];
    }

    /// <summary>All runs, in order.</summary>
    public IReadOnlyList<MatrixCell> Cells { get; }

    /// <summary>Its configurations, in order.</summary>
    public IReadOnlyList<string> Configurations => [.. Cells.Select(cell => cell.Configuration).Distinct()];

    /// <summary>Folds that every configuration has and that can be compared: not the one on every case.</summary>
    public IReadOnlyList<string> NumberedFolds =>
    [
        .. Cells.Select(cell => cell.Fold).Distinct()
            .Where(fold => fold != Splits.AllCases && Configurations.All(name => Cells.Contains(new MatrixCell(name, fold)))),
    ];

    /// <summary>Lays out a matrix.</summary>
    /// <param name="work">A planned workspace.</param>
    /// <param name="dataset">Its dataset; null without images, when nothing counts as done.</param>
    /// <param name="configurations">Names of configurations; none takes all that are planned.</param>
    /// <param name="folds">Folds; none takes all of the splits.</param>
    /// <param name="withFirstStages">Also train the first stage of every cascade, on all folds.</param>
    /// <exception cref="SharpSegException">A configuration is not planned, or the splits are bad.</exception>
    public static TrainingMatrix Of(
        Workspace work, Dataset? dataset, IReadOnlyList<string> configurations, IReadOnlyList<string> folds,
        bool withFirstStages)
    {
        var plans = work.ReadPlans();
        var names = new List<string>();
        void Add(string name)
        {
            if (withFirstStages && plans.Resolve(name).PreviousStage is { } first)
            {
                Add(first);
            }

            if (!names.Contains(plans.Resolve(name).Name))
            {
                names.Add(name);
            }
        }

        var asked = configurations.Count > 0 ? configurations : [.. plans.Configurations.Keys];
        foreach (var name in asked.OrderBy(name => (uint)Array.IndexOf(Order, name)))
        {
            Add(name);
        }

        var onlyEveryCase = folds is [Splits.AllCases]
            && !(withFirstStages && names.Any(name => plans.Resolve(name).PreviousStage is not null));
        var splits = onlyEveryCase || dataset is null
            ? null
            : Splits.Find(work, dataset.Folder, [.. dataset.TrainingCases.Select(item => item.Id)]);
        var count = dataset is null && !onlyEveryCase
            ? Splits.Count(work, FingerprintJson.Read(work.FingerprintFile).CaseCount)
            : splits?.Folds.Count ?? 0;
        string[] all = [.. Enumerable.Range(0, count).Select(fold => $"{fold}")];
        var chosen = folds.Count > 0 ? folds.Distinct() : all;
        IEnumerable<string> FoldsOf(string name) =>
            withFirstStages && names.Any(other => plans.Resolve(other).PreviousStage == name)
            ? all.Union(chosen)
            : chosen;
        return new TrainingMatrix(
            work, dataset, plans, splits,
            [.. names.SelectMany(name => FoldsOf(name).Select(fold => new MatrixCell(name, fold)))]);
    }

    /// <summary>Whether a run's validation probabilities are kept, because pairs of configurations will be compared.</summary>
    public bool KeepsProbabilities(MatrixCell cell) => averaged.Contains(cell.Configuration) && cell.Fold != Splits.AllCases;

    /// <summary>
    /// Whether nothing of a run is missing: weights, validation predictions, what a next stage learns from, made by networks that
    /// are there, scores.
    /// </summary>
    public bool IsDone(MatrixCell cell)
    {
        if (dataset is null)
        {
            return false;
        }

        var validation = Validation(cell);
        var next = plans.Resolve(cell.Configuration).NextStages.Where(Configurations.Contains);
        return validation.Progress >= (KeepsProbabilities(cell) ? FoldProgress.Averageable : FoldProgress.Validated)
            && File.Exists(Workspace.SummaryFile(Workspace.ValidationFolder(validation.RunFolder)))
            && next.All(stage => IsHandedOver(stage, cell, validation));
    }

    private bool IsHandedOver(string stage, MatrixCell cell, FoldValidation validation)
    {
        var origin = new HandOverOrigin(
            work.RunFolders(cell.Configuration), work.NextStageFolder(cell.Configuration, stage), Known.Description.FileEnding);
        return validation.Cases.All(item => cell.Fold == Splits.AllCases
            ? origin.FoldOf(item.CaseId) is not null
            : origin.IsOutOfFold(item.CaseId, splits!));
    }

    /// <summary>The matrix as a table: what is done, running, begun and left.</summary>
    /// <param name="running">The runs that run, or are about to.</param>
    public string Table(IReadOnlyCollection<MatrixCell> running)
    {
        string[] folds = [.. Cells.Select(cell => cell.Fold).Distinct()];
        var width = Configurations.Max(name => name.Length);
        var text = new StringBuilder($"  {"fold".PadRight(width)}");
        foreach (var fold in folds)
        {
            text.Append("  ").Append(Name(fold).PadLeft(7));
        }

        foreach (var name in Configurations)
        {
            text.Append("\n  ").Append(name.PadRight(width));
            foreach (var cell in folds.Select(fold => new MatrixCell(name, fold)))
            {
                text.Append("  ").Append((!Cells.Contains(cell) ? "" : Word(cell, running)).PadLeft(7));
            }
        }

        return text.ToString();
    }

    /// <summary>
    /// Bytes that the runs which are not done will add to the workspace: weights (the best ones with the optimiser's moments)
    /// and, where kept, probabilities on the scans' grids.
    /// </summary>
    /// <param name="kept">How a run's probabilities are kept.</param>
    public (long Weights, long Probabilities) DiskBytes(Func<MatrixCell, SavedProbabilities> kept)
    {
        var voxels = new Dictionary<string, long>(StringComparer.Ordinal);
        var known = Known;
        long weights = 0, probabilities = 0;
        var moments = plans.Profile == Profile.Classic ? 3 : 1;
        foreach (var cell in Cells.Where(cell => !IsDone(cell)))
        {
            var configuration = plans.Resolve(cell.Configuration);
            var network = configuration.NetworkFor(plans.Profile, known.Description);
            weights += (2 + moments) * sizeof(float) * StepMemory.ParametersOf(network).Sum(parameter => parameter.Shape.Length);
            var saved = kept(cell);
            foreach (var id in saved != SavedProbabilities.None ? SplitOf(cell.Fold).Val : [])
            {
                if (!voxels.TryGetValue(id, out var count))
                {
                    var item = known.TrainingCases.First(item => item.Id == id);
                    voxels[id] = count = ImageFile.ReadGeometry(item.ImageFiles[0]).Extent.Voxels;
                }

                probabilities += ProbabilityFile.Bytes(count, known.Description.Labels, saved);
            }
        }

        return (weights, probabilities);
    }

    /// <summary>A fold by the name that the command line has for it.</summary>
    public static string Name(string fold) => Splits.NameOf(fold);

    private Dataset Known => dataset ?? throw new InvalidOperationException("a matrix without images");

    private string Word(MatrixCell cell, IReadOnlyCollection<MatrixCell> running) =>
        running.Contains(cell) ? "running" : IsDone(cell) ? "done"
            : Validation(cell).Progress == FoldProgress.Untrained ? "left" : "begun";

    private Split SplitOf(string fold) =>
        fold == Splits.AllCases ? Splits.All(Known.TrainingCases.Select(item => item.Id)) : splits!.ForFold(fold);

    private FoldValidation Validation(MatrixCell cell) => FoldValidation.Of(
        work, cell.Configuration, cell.Fold, Known.Description.FileEnding, [.. SplitOf(cell.Fold).Val.Select(id => (id, ""))]);
}
