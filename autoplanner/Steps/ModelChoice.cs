using System.Globalization;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>A configuration that predicts, with the files of its networks.</summary>
/// <param name="Work">The workspace, seen through the member's plan.</param>
/// <param name="Plans">That plan.</param>
/// <param name="Configuration">The configuration.</param>
/// <param name="Folds">Its folds.</param>
/// <param name="Checkpoints">One file per fold.</param>
/// <param name="FirstStage">What runs before it in a cascade; null outside one.</param>
internal sealed record ModelMember(
    Workspace Work, Plans Plans, ConfigurationPlan Configuration, IReadOnlyList<string> Folds, IReadOnlyList<string> Checkpoints,
    ModelMember? FirstStage)
{
    public override string ToString() =>
        $"{Work.NameOf(Configuration.Name)}, {Counted.Noun(Folds.Count, "fold")} {string.Join(", ", Folds)}"
        + (FirstStage is null ? "" : $" (first {FirstStage})");
}

/// <summary>Which trained networks of a workspace predict, and what is done to their segmentations.</summary>
/// <param name="Members">One configuration, or several whose probabilities are averaged.</param>
/// <param name="Postprocessing">Applied to every segmentation.</param>
/// <param name="Best">best.json, if it made the choice; else null.</param>
internal sealed record ModelChoice(IReadOnlyList<ModelMember> Members, PostprocessingSteps Postprocessing, BestModel? Best)
{
    private const int UnequalRatio = 2; // folds of one schedule differ by less, even where a time was set

    private static readonly string[] ByPreference = ["3d_fullres", "3d_cascade_fullres", "3d_lowres", "2d"];

    /// <summary>
    /// The configuration that is asked for, plain; else, unless a plan is asked for, what best.json says; else the configuration
    /// that is trained, in profile classic with the postprocessing that the training labels decide.
    /// </summary>
    /// <param name="work">Workspace with trained folds, seen through the plan that is asked for.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="configuration">What is asked for, or null.</param>
    /// <param name="folds">Folds asked for; none takes best.json's, else all trained ones, without "all" unless it is the only
    /// one.</param>
    /// <param name="checkpoint">final, best or latest.</param>
    /// <param name="withFirstStage">False where a cascade's first segmentations are given.</param>
    /// <exception cref="SharpSegException">Nothing is trained, a checkpoint is missing, or best.json is bad.</exception>
    public static ModelChoice Of(
        Workspace work, LabelScheme labels, string? configuration, IReadOnlyList<string> folds, string checkpoint,
        bool withFirstStage = true)
    {
        if (configuration is null && !work.IsPlanAsked && File.Exists(work.BestFile))
        {
            var best = BestModel.Read(work.BestFile);
            best.RequireLabelsOf(labels, work.BestFile);
            var chosen = folds.Count > 0 ? folds : best.Folds;
            return new ModelChoice(
                [.. best.Winner.Configurations.Select(name => Named(work, name, chosen, checkpoint, withFirstStage))],
                best.Postprocessing, best with { Folds = chosen });
        }

        var plans = work.ReadPlans();
        var single = configuration ?? TrainedConfiguration(work, plans);
        var postprocessing = configuration is null && plans.Profile == Profile.Classic
            ? ClassicPostprocessing.Of(work, plans)
            : null;
        return new ModelChoice(
            [Member(work, plans, single, folds, checkpoint, withFirstStage)], postprocessing ?? PostprocessingSteps.None, null);
    }

    /// <summary>
    /// What a user should know before he trusts the choice: folds that are not finished, or were trained unequally, or that
    /// a cascade's first stage lacks. One line each.
    /// </summary>
    public IEnumerable<string> Doubts() => Members.SelectMany(DoubtsOf);

    private static IEnumerable<string> DoubtsOf(ModelMember member)
    {
        var name = member.Configuration.Name;
        foreach (var folder in member.Work.RunFolders(name).Order(StringComparer.Ordinal))
        {
            var begun = new[] { Workspace.LatestCheckpoint(folder), Workspace.BestCheckpoint(folder) }.FirstOrDefault(
                File.Exists);
            if (begun is null || File.Exists(Workspace.FinalCheckpoint(folder)))
            {
                continue;
            }

            var fold = Workspace.FoldOf(folder);
            var epochs = Checkpoint.ProgressOf(begun)?.Epoch;
            yield return $"fold {fold} of {name} is not finished ({Counted.Of(epochs ?? 0, "epoch")} so "
                + $"far){(member.Folds.Contains(fold) ? "" : " and is left out")}";
        }

        var iterations = member.Folds.Zip(
            member.Checkpoints, (fold, path) => (Fold: fold, Iterations: Checkpoint.ProgressOf(path)?.TotalIterations))
            .Where(item => item.Iterations is not null).OrderBy(item => item.Iterations).ToArray();
        if (iterations.Length > 1 && UnequalRatio * (long)iterations[0].Iterations! < iterations[^1].Iterations)
        {
            yield return $"the folds of {name} were trained unequally and count alike: fold {iterations[0].Fold} for "
                + $"{Counted.Of((long)iterations[0].Iterations!, "iteration")}, "
                + $"fold {iterations[^1].Fold} for {iterations[^1].Iterations}; --folds chooses";
        }

        if (member.FirstStage is { } first)
        {
            foreach (var doubt in DoubtsOf(first).Concat(OfTooFewFolds(first.Work, first.Configuration.Name)))
            {
                yield return doubt;
            }
        }
    }

    /// <summary>
    /// A cascade's second stage is trained behind all folds of the first. Where some are missing now, the first says something
    /// else than it could; the one network on every case stands for all. A model file does not tell its splits.
    /// </summary>
    /// <param name="work">The workspace, seen through the cascade's plan.</param>
    /// <param name="firstStage">The cascade's first stage.</param>
    /// <returns>A line, or none.</returns>
    internal static IEnumerable<string> OfTooFewFolds(Workspace work, string firstStage)
    {
        var trained = TrainedFolds(work, firstStage, "final");
        if (trained is [Splits.AllCases] || !File.Exists(work.SplitsFile))
        {
            yield break;
        }

        string[] missing =
        [
            .. Enumerable.Range(0, Splits.Count(work, caseCount: 0)).Select(fold => fold.ToString(CultureInfo.InvariantCulture))
                .Except(trained),
        ];
        if (missing.Length > 0)
        {
            var plan = work.Plan is { } name ? $" --plan {name}" : "";
            yield return $"{firstStage}, the cascade's first stage, has {Folds(trained)} and lacks {Folds(missing)}: fewer "
                + $"networks are averaged than the splits have folds; `sharpseg train {work.Folder}{plan} -c {firstStage} -f "
                + $"{string.Join(',', missing)}` trains the rest";
        }

        static string Folds(IReadOnlyList<string> folds) =>
            folds.Count == 0 ? "no fold" : $"{Counted.Noun(folds.Count, "fold")} {string.Join(", ", folds)}";
    }

    /// <summary>The choice in a line.</summary>
    public string Describe(LabelScheme labels) => (Best is null ? "" : $"best.json ({Best.Winner}): ")
        + string.Join(" + ", Members)
        + (Members.Count > 1 ? "; probabilities averaged" : "")
        + (Postprocessing.LabelSets.Count > 0 ? $"; then {Postprocessing.Describe(labels)}" : "");

    /// <summary>A member that best.json names, which may be of another plan.</summary>
    private static ModelMember Named(
        Workspace work, string name, IReadOnlyList<string> folds, string checkpoint, bool withFirstStage)
    {
        var (located, configuration) = work.Locate(name);
        return Member(located, located.ReadPlans(), configuration, folds, checkpoint, withFirstStage);
    }

    private static ModelMember Member(
        Workspace work, Plans plans, string name, IReadOnlyList<string> asked, string checkpoint, bool withFirstStage)
    {
        var configuration = plans.Resolve(name);
        var trained = TrainedFolds(work, name, checkpoint);
        var folds = asked.Count > 0 ? asked : trained;
        if (trained.Count == 0)
        {
            throw new SharpSegException(
                $"`{work.Folder}` has no {checkpoint} checkpoint of {name}",
                $"`sharpseg train {work.Folder}{(work.Plan is { } plan ? $" --plan {plan}" : "")} -c {name}` makes one");
        }

        var paths = new List<string>();
        foreach (var fold in folds)
        {
            var path = CheckpointIn(work.RunFolder(name, fold), checkpoint);
            paths.Add(File.Exists(path) ? path : throw new SharpSegException(
                $"`{path}`: no such checkpoint", $"folds with one: {string.Join(", ", trained)}"));
        }

        // All folds of the first stage, whichever of the second are asked for (docs/method/inference.md §7).
        var first = withFirstStage && configuration.PreviousStage is { } stage
            ? Member(work, plans, stage, [], "final", false)
            : null;
        return new ModelMember(work, plans, configuration, folds, paths, first);
    }

    private static string TrainedConfiguration(Workspace work, Plans plans) =>
        ByPreference.FirstOrDefault(name => plans.Configurations.ContainsKey(name) && TrainedFolds(work, name, "final").Count > 0)
        ?? throw new SharpSegException($"`{work.Folder}` has no trained model", "`sharpseg train` or `sharpseg auto` makes one");

    /// <summary>Folds of a configuration that have a checkpoint.</summary>
    internal static List<string> TrainedFolds(Workspace work, string configuration, string checkpoint)
    {
        List<string> trained =
        [
            .. work.RunFolders(configuration).Where(folder => File.Exists(CheckpointIn(folder, checkpoint)))
                .Select(Workspace.FoldOf).Order(StringComparer.Ordinal),
        ];

        // Fold `all` counts where there is no other: an imported model may have nothing else.
        return trained is [Splits.AllCases] ? trained : [.. trained.Where(f => f != Splits.AllCases)];
    }

    private static string CheckpointIn(string runFolder, string name) => name switch
    {
        "final" => Workspace.FinalCheckpoint(runFolder),
        "best" => Workspace.BestCheckpoint(runFolder),
        "latest" => Workspace.LatestCheckpoint(runFolder),
        _ => throw new SharpSegException($"there is no checkpoint `{name}`", "final, best or latest"),
    };
}
