using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// The folder in which everything about one dataset is kept: where each file lies, and nothing else. The dataset's own folder is
/// never written to; the workspace remembers where it is.
/// <para>
/// Several plans may lie side by side, seen through one <see cref="Workspace"/> each. The default plan has <c>plans.json</c> and
/// <c>runs/CONFIGURATION</c>; a further one has <c>plans/NAME.json</c> and <c>plans/NAME/runs/CONFIGURATION</c>. Dataset, splits,
/// preprocessed data and best.json are shared.
/// </para>
/// </summary>
public sealed class Workspace
{
    /// <summary>The name of the plan in plans.json.</summary>
    public const string DefaultPlan = "default";

    /// <summary>What lies in the folder itself, apart from records and reports.</summary>
    internal static readonly string[] OwnFiles = ["dataset.json", "plans.json", "fingerprint.json", "splits.json", "best.json"];

    /// <summary>What a workspace keeps for itself: any other folder in it may be an output.</summary>
    internal static readonly string[] OwnFolders = ["runs", "preprocessed", "plans", "speed", "jobs"];

    private const string RunPrefix = "fold_", EveryCase = "every-case";
    private const string DatasetPathKey = "dataset_path";

    /// <summary>A workspace at a folder, which need not exist yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="plan">Which plan's files it names; null, or `default`, is the plan in plans.json.</param>
    /// <exception cref="SharpSegException">The plan's name cannot be that of a file.</exception>
    public Workspace(string folder, string? plan = null)
    {
        Folder = Path.GetFullPath(folder);
        IsPlanAsked = plan is not null;
        Plan = plan is null or DefaultPlan ? null : IsPlanName(plan) ? plan : throw new SharpSegException(
            $"`{plan}` cannot be the name of a plan", "use letters, digits, `_`, `-` and `.`");
    }

    /// <summary>
    /// Whether a folder is a workspace. Segmentations lie beside a dataset.json and the plans.json that made them, so these alone
    /// make none.
    /// </summary>
    public static bool IsAt(string folder) =>
        File.Exists(Path.Combine(folder, "dataset.json"))
        && (File.Exists(Path.Combine(folder, "fingerprint.json")) || File.Exists(Path.Combine(folder, "splits.json"))
            || Directory.Exists(Path.Combine(folder, "runs")) || Directory.Exists(Path.Combine(folder, "plans")));

    /// <summary>Its folder, absolute.</summary>
    public string Folder { get; }

    /// <summary>Name of the plan whose files this names; null for the default plan.</summary>
    public string? Plan { get; }

    /// <summary>A plan was named, be it the default one: what best.json says of all plans is not asked for.</summary>
    internal bool IsPlanAsked { get; }

    /// <summary>dataset.json: the description, with the dataset's folder.</summary>
    public string DatasetFile => Path.Combine(Folder, "dataset.json");

    /// <summary>fingerprint.json.</summary>
    public string FingerprintFile => Path.Combine(PlanFolder, "fingerprint.json");

    /// <summary>plans.json, or plans/NAME.json.</summary>
    public string PlansFile => Plan is null ? Path.Combine(Folder, "plans.json") : PlanFolder + ".json";

    /// <summary>Folder of all training runs of the plan.</summary>
    public string RunsFolder => Path.Combine(PlanFolder, "runs");

    /// <summary>splits.json.</summary>
    public string SplitsFile => Path.Combine(Folder, "splits.json");

    /// <summary>best.json: the chosen configuration or ensemble and its postprocessing.</summary>
    public string BestFile => Path.Combine(Folder, "best.json");

    /// <summary>Folder of the preprocessed cases of a configuration; configurations with one data identifier share it.</summary>
    public string PreprocessedFolder(ConfigurationPlan configuration) =>
        Path.Combine(Folder, "preprocessed", configuration.DataIdentifier);

    /// <summary>Folder of all folds of a configuration.</summary>
    public string ConfigurationFolder(string configuration) => Path.Combine(RunsFolder, configuration);

    /// <summary>
    /// Folder of one training run. The network on every case has fold_every-case, which nobody takes for all folds; where an
    /// older version left fold_all, that is it.
    /// </summary>
    /// <param name="configuration">Name of the configuration.</param>
    /// <param name="fold">A number or `all`.</param>
    public string RunFolder(string configuration, string fold)
    {
        var older = Path.Combine(ConfigurationFolder(configuration), RunPrefix + fold);
        return fold != Splits.AllCases || Directory.Exists(older)
            ? older
            : Path.Combine(ConfigurationFolder(configuration), RunPrefix + EveryCase);
    }

    /// <summary>Folders of all runs of a configuration.</summary>
    public IEnumerable<string> RunFolders(string configuration) => RunsIn(ConfigurationFolder(configuration));

    /// <summary>Folders of all runs beside each other in the folder of a configuration.</summary>
    internal static IEnumerable<string> RunsIn(string configurationFolder) =>
        Directory.Exists(configurationFolder) ? Directory.EnumerateDirectories(configurationFolder, RunPrefix + "*") : [];

    /// <summary>The fold of a run's folder.</summary>
    public static string FoldOf(string runFolder) =>
        Path.GetFileName(runFolder)[RunPrefix.Length..] is var fold && fold == EveryCase ? Splits.AllCases : fold;

    /// <summary>What a training step of a configuration took.</summary>
    /// <param name="configuration">Name of the configuration.</param>
    /// <param name="onDevice">On a device of its own memory, or on the processor.</param>
    public string SpeedFile(string configuration, bool onDevice) =>
        Path.Combine(PlanFolder, "speed", $"{configuration}-{(onDevice ? "device" : "processor")}.json");

    /// <summary>Folder of one training run.</summary>
    public string RunFolder(string configuration, int fold) =>
        RunFolder(configuration, fold.ToString(CultureInfo.InvariantCulture));

    /// <summary>The state from which a stopped run continues.</summary>
    public static string LatestCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_latest.safetensors");

    /// <summary>The state with the best validation score.</summary>
    public static string BestCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_best.safetensors");

    /// <summary>The state after the last epoch.</summary>
    public static string FinalCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_final.safetensors");

    /// <summary>
    /// The network at the end of a cycle of the rate, counted from 1; until the run is over.
    /// </summary>
    public static string CycleCheckpoint(string runFolder, int cycle) =>
        Path.Combine(runFolder, string.Create(CultureInfo.InvariantCulture, $"checkpoint_cycle_{cycle}.safetensors"));

    /// <summary>One JSON object per epoch.</summary>
    public static string LogFile(string runFolder) => Path.Combine(runFolder, "log.jsonl");

    /// <summary>How a run came about: program, data, plan, and one entry per session.</summary>
    public static string RunRecordFile(string runFolder) => Path.Combine(runFolder, "run.json");

    /// <summary>What a run showed, with times.</summary>
    public static string RunLogFile(string runFolder) => Path.Combine(runFolder, "log.txt");

    /// <summary>The curves of a run.</summary>
    public static string ProgressPlot(string runFolder) => Path.Combine(runFolder, "progress.png");

    /// <summary>Predictions of a run's validation cases, and their summary.json.</summary>
    public static string ValidationFolder(string runFolder) => Path.Combine(runFolder, "validation");

    /// <summary>Scores of a folder of predictions.</summary>
    public static string SummaryFile(string predictionFolder) => Path.Combine(predictionFolder, "summary.json");

    /// <summary>Predictions of all folds of a configuration together.</summary>
    public string CrossValidationFolder(string configuration) => Path.Combine(ConfigurationFolder(configuration), "crossval");

    /// <summary>Cross-validated predictions of a pair of configurations.</summary>
    public string EnsembleFolder(string first, string second) => Path.Combine(Folder, "runs", "ensembles", $"{first}+{second}");

    /// <summary>
    /// Out-of-fold segmentations of the training cases by a cascade's first stage, for its second stage to train with.
    /// </summary>
    /// <param name="configuration">The first stage, e.g. 3d_lowres.</param>
    /// <param name="nextStage">The second stage, e.g. 3d_cascade_fullres.</param>
    public string NextStageFolder(string configuration, string nextStage) =>
        Path.Combine(ConfigurationFolder(configuration), "predicted_next_stage", nextStage);

    /// <summary>The name of one of the plan's configurations among those of all plans: itself, or CONFIGURATION@PLAN.</summary>
    public string NameOf(string configuration) => Plan is null ? configuration : $"{configuration}@{Plan}";

    /// <summary>The plan and the configuration that <see cref="NameOf"/> named; a name without a plan means this one.</summary>
    public (Workspace Work, string Configuration) Locate(string name)
    {
        var at = name.LastIndexOf('@');
        var plan = at < 0 ? "" : name[(at + 1)..];
        return IsPlanName(plan) && new Workspace(Folder, plan) is var work && File.Exists(work.PlansFile)
            ? (work, name[..at])
            : (this, name);
    }

    /// <summary>The workspace seen through each plan that it has, the default one first, the others by name.</summary>
    public IReadOnlyList<Workspace> AllPlans()
    {
        var further = Path.Combine(Folder, "plans");
        var names = Directory.Exists(further)
            ? Directory.EnumerateFiles(further, "*.json").Select(file => Path.GetFileNameWithoutExtension(file))
            : [];
        return
        [
            .. names.Where(IsPlanName).Order(StringComparer.Ordinal).Prepend(DefaultPlan)
                .Select(name => new Workspace(Folder, name)).Where(work => File.Exists(work.PlansFile)),
        ];
    }

    /// <summary>Creates the folder and writes dataset.json: the description and where the data lie.</summary>
    /// <param name="description">The dataset.</param>
    /// <param name="datasetFolder">Its folder; null when planning without images.</param>
    /// <exception cref="SharpSegException">
    /// The workspace's folder is a dataset's, whose own dataset.json would be lost.
    /// </exception>
    public void WriteDataset(DatasetDescription description, string? datasetFolder)
    {
        MakeFolder();
        var json = JsonFile.Parse(description.ToJson(), DatasetFile).Node;
        json[DatasetPathKey] = datasetFolder is null ? null : (JsonNode)Path.GetFullPath(datasetFolder);
        AtomicFile.WriteText(DatasetFile, JsonFile.ToText(json));
    }

    /// <summary>The description kept here.</summary>
    /// <exception cref="SharpSegException">There is none, or it is bad.</exception>
    public DatasetDescription ReadDescription() => DatasetDescription.FromJson(ReadOrHint(DatasetFile), DatasetFile);

    /// <summary>The folder of the dataset's images.</summary>
    /// <exception cref="SharpSegException">The workspace was planned without images, or the folder is gone.</exception>
    public string ReadDatasetFolder()
    {
        var folder = JsonFile.Parse(ReadOrHint(DatasetFile), DatasetFile).Text(DatasetPathKey)
            ?? throw (OutputFolder.DatasetAround(Folder) is { } dataset && OutputFolder.IsSame(dataset, Folder)
                ? new SharpSegException(
                    $"`{Folder}` is a dataset, not a workspace", $"`sharpseg plan {Folder} -o WORK` makes one of it")
                : new SharpSegException(
                    $"{DatasetFile} does not say where the images are: it was planned without them",
                    "plan again with the dataset's folder"));
        return PlaceNames.OfThisMachine().Here(folder) is var here && Directory.Exists(here)
            ? here
            : throw new SharpSegException(
                $"the dataset's folder {folder} is gone",
                $"if it was moved, correct `{DatasetPathKey}` in {DatasetFile}; if this machine only sees it under another path, "
                    + $"{PlaceNames.Variable} says under which: docs/guide/slurm.md");
    }

    /// <summary>
    /// The folder of the dataset this workspace belongs to, whether or not it is still there; null if it is new or was planned
    /// without images.
    /// </summary>
    /// <exception cref="SharpSegException">dataset.json is bad.</exception>
    public string? RecordedDatasetFolder() => File.Exists(DatasetFile) ? JsonFile.Read(DatasetFile).Text(DatasetPathKey) : null;

    /// <summary>Writes fingerprint.json.</summary>
    public void WriteFingerprint(Fingerprint fingerprint)
    {
        MakeFolder();
        AtomicFile.WriteText(FingerprintFile, FingerprintJson.ToJson(fingerprint));
    }

    /// <summary>The plans kept here.</summary>
    /// <exception cref="SharpSegException">There are none, or they are bad.</exception>
    public Plans ReadPlans() => Plan is null || File.Exists(PlansFile)
        ? PlansJson.Parse(ReadOrHint(PlansFile), PlansFile)
        : throw new SharpSegException(
            $"{PlansFile}: no such file",
            $"plans of this workspace: {string.Join(", ", AllPlans().Select(work => work.Plan ?? DefaultPlan))}; `sharpseg plan "
                + $"DATASET -o WORK --plan {Plan}` makes it");

    /// <summary>Writes plans.json; configurations that a user added to an earlier one stay.</summary>
    public void WritePlans(Plans plans)
    {
        MakeFolder();
        var kept = File.Exists(PlansFile) ? plans.KeepingConfigurationsOf(PlansJson.Read(PlansFile)) : plans;
        AtomicFile.WriteText(PlansFile, PlansJson.ToJson(kept));
    }

    /// <summary>Makes the workspace's folder, if need be.</summary>
    /// <exception cref="SharpSegException">It cannot be made, holds a dataset, or lies in another workspace's own.</exception>
    public void MakeFolder()
    {
        OutputFolder.RequireOutsideDatasets(Folder);
        OutputFolder.RequireOutsideOwnFolders(Folder);
        try
        {
            Directory.CreateDirectory(PlanFolder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var reason = File.Exists(Folder) ? "there is a file of that name" : error.Message;
            throw new SharpSegException($"`{Folder}`: cannot make this folder: {reason}", "choose another with -o", error);
        }
    }

    private string PlanFolder => Plan is null ? Folder : Path.Combine(Folder, "plans", Plan);

    private static bool IsPlanName(string name) =>
        SafeName.Problem(name) is null && !name.Contains('@', StringComparison.Ordinal);

    private string ReadOrHint(string path) => File.Exists(path) ? JsonFile.ReadText(path)
        : File.Exists(Folder) ? throw new SharpSegException(
            $"`{Folder}` is a file, not a workspace", "a model file goes to `predict`, `jobs predict`, `inspect` and --pretrained")
        : throw new SharpSegException($"{path}: no such file", "`sharpseg plan DATASET -o WORK` makes it");
}
