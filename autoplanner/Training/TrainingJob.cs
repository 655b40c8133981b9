using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>What is trained, on what, where: everything that does not change while it runs.</summary>
public sealed record TrainingJob
{
    /// <summary>The seed of a run that asks for no other.</summary>
    public const ulong DefaultSeed = 12345;

    /// <summary>The run's folder, <c>runs/CONFIGURATION/fold_K</c>.</summary>
    public required string Folder { get; init; }

    /// <summary>Folder of the preprocessed cases.</summary>
    public required string DataFolder { get; init; }

    /// <summary>The plans that the configuration is part of.</summary>
    public required Plans Plans { get; init; }

    /// <summary>The configuration to train.</summary>
    public required ConfigurationPlan Configuration { get; init; }

    /// <summary>Channels and labels.</summary>
    public required DatasetDescription Description { get; init; }

    /// <summary>The fold as people write it.</summary>
    internal string FoldName => Splits.NameOf(Fold);

    /// <summary>Fold number, or "all".</summary>
    public required string Fold { get; init; }

    /// <summary>Ids of the cases to learn from.</summary>
    public required IReadOnlyList<string> TrainingCases { get; init; }

    /// <summary>Ids of the cases to validate on.</summary>
    public required IReadOnlyList<string> ValidationCases { get; init; }

    /// <summary>What each stored case must have been made by; of cases that are not named any.</summary>
    internal IReadOnlyDictionary<string, string> RecipeHashes { get; init; } = new Dictionary<string, string>();

    /// <summary>What a user must know before trusting the run's scores, one line each; none for an ordinary fold.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Folder of the first stage's segmentations of all cases, for the second stage of a cascade; else null.</summary>
    public string? PreviousStageFolder { get; init; }

    /// <summary>Who reads this run's segmentations: the first stage of a cascade has a next one.</summary>
    public IReadOnlyList<NextStage> NextStages { get; init; } = [];

    /// <summary>Seed of weights and samples.</summary>
    public required ulong Seed { get; init; }

    /// <summary>From which other network a new run starts; null for random weights. A resumed run has it in its state.</summary>
    public PretrainedStart? Pretrained { get; init; }

    /// <summary>In what the training departs from its profile. A resumed run has it in its state.</summary>
    public TrainingVariant Variant { get; init; } = new();

    /// <summary>Spatial axes (0 = z, 1 = y, 2 = x) that may be mirrored, in training and in prediction.</summary>
    public IReadOnlyList<int> MirrorAxes =>
        Variant.Without?.HasFlag(AugmentationParts.Mirroring) == true
            ? []
            : [.. ((int[])(Configuration.Is2D ? [1, 2] : [0, 1, 2])).Except(Plans.UnmirroredAxes)];

    /// <summary>Spatial axes along which left and right lie in at least one case.</summary>
    public IReadOnlyList<int> LeftRightAxes { get; init; } = [];

    /// <summary>Those that a recipe leaves.</summary>
    internal IReadOnlyList<int> MirrorAxesWith(TrainingRecipe? recipe) => recipe?.Mirroring switch
    {
        RecipeMirroring.None => [],
        RecipeMirroring.LeftRight => [.. MirrorAxes.Intersect(LeftRightAxes)],
        _ => MirrorAxes,
    };

    /// <summary>The run of one fold of a planned and preprocessed workspace.</summary>
    /// <exception cref="SharpSegException">Something the run needs is missing.</exception>
    public static TrainingJob Open(Workspace workspace, string configuration, string fold, ulong seed) =>
        Open(workspace, configuration, fold, seed, isFinished: false);

    /// <summary>The same; of a finished run, a cascade's first stage may meanwhile be trained again.</summary>
    /// <exception cref="SharpSegException">Something the run needs is missing.</exception>
    internal static TrainingJob Open(Workspace workspace, string configuration, string fold, ulong seed, bool isFinished)
    {
        var plans = workspace.ReadPlans();
        var plan = plans.Resolve(configuration);
        RequireTrainable(configuration, plan.Architecture);
        var dataset = Dataset.Open(workspace.ReadDatasetFolder());
        WorkspaceGuard.RequireUnchanged(workspace, dataset);
        string[] ids = [.. dataset.TrainingCases.Select(c => c.Id)];
        var split = fold == Splits.AllCases ? Splits.All(ids) : Splits.Find(workspace, dataset.Folder, ids).ForFold(fold);
        var handOver = plan.PreviousStage is { } first && !isFinished
            ? CascadeHandOver.RequireComplete(workspace, first, configuration, Splits.Find(workspace, dataset.Folder, ids))
            : null;
        var description = workspace.ReadDescription();
        var labels = description.Labels;
        var recipe = PreprocessingRecipe.From(plans, plan);
        var hashes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var item in dataset.TrainingCases.Where(item => item.ImageFiles.Append(item.LabelFile).All(File.Exists)))
        {
            hashes[item.Id] = recipe.CaseHash(item, dataset.Description.Labels);
        }

        return new TrainingJob
        {
            RecipeHashes = hashes,
            Folder = workspace.RunFolder(configuration, fold),
            DataFolder = workspace.PreprocessedFolder(plan),
            Plans = plans,
            Configuration = plan,
            Description = description,
            Fold = fold,
            TrainingCases = split.Train,
            ValidationCases = split.Val,
            Warnings = [.. new[] { split.Warning, handOver?.Warning, Unseen(labels, split.Train) }.OfType<string>()],
            PreviousStageFolder = handOver?.Folder,
            NextStages = [.. plan.NextStages.Where(plans.Configurations.ContainsKey).Select(next => new NextStage(
                next, workspace.NextStageFolder(configuration, next), workspace.PreprocessedFolder(plans.Resolve(next))))],
            LeftRightAxes = File.Exists(workspace.FingerprintFile)
                ? MirroringDecision.LeftRightAxes(FingerprintJson.Read(workspace.FingerprintFile), plans.TransposeForward)
                : [],
            Seed = seed,
        };
    }

    /// <summary>Classes that no training case of the fold shows: the network will not find them.</summary>
    private static string? Unseen(LabelScheme labels, IReadOnlyList<string> training)
    {
        var classes = labels.EvaluatedClasses;
        var unseen = labels.Partial.ShownByNone(training, classes.Count);
        return unseen.Count == 0 ? null
            : $"no training case of this fold shows {string.Join(", ", unseen.Select(index => classes[index].Name))} "
                + "(`labelled` in dataset.json): the network cannot learn it; give other folds in splits_final.json";
    }

    /// <summary>Refuses what is followed in prediction and not in training.</summary>
    private static void RequireTrainable(string configuration, ArchitecturePlan architecture)
    {
        if (architecture.Dropout is { } dropout)
        {
            throw new SharpSegException(
                $"configuration `{configuration}` asks for {dropout} in training, which is offered for prediction only",
                "prediction is the same without it; to train without, set the key to null in plans.json");
        }
    }
}
