using System.Globalization;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Planning.Fingerprinting;

namespace SharpSeg.AutoPlanner.Workspaces;

/// <summary>
/// The folder in which everything about one dataset is kept: where each file lies, and nothing else. The dataset's own folder is
/// never written to; the workspace remembers where it is.
/// </summary>
public sealed class Workspace
{
    private const string DatasetPathKey = "dataset_path";

    /// <summary>A workspace at a folder, which need not exist yet.</summary>
    public Workspace(string folder) => Folder = Path.GetFullPath(folder);

    /// <summary>Its folder, absolute.</summary>
    public string Folder { get; }

    /// <summary>dataset.json: the description, with the dataset's folder.</summary>
    public string DatasetFile => Path.Combine(Folder, "dataset.json");

    /// <summary>fingerprint.json.</summary>
    public string FingerprintFile => Path.Combine(Folder, "fingerprint.json");

    /// <summary>plans.json.</summary>
    public string PlansFile => Path.Combine(Folder, "plans.json");

    /// <summary>splits.json.</summary>
    public string SplitsFile => Path.Combine(Folder, "splits.json");

    /// <summary>best.json: the chosen configuration or ensemble and its postprocessing.</summary>
    public string BestFile => Path.Combine(Folder, "best.json");

    /// <summary>Folder of the preprocessed cases of a configuration; configurations with one data identifier share it.</summary>
    public string PreprocessedFolder(ConfigurationPlan configuration) => Path.Combine(Folder, "preprocessed", configuration.DataIdentifier);

    /// <summary>Folder of all folds of a configuration.</summary>
    public string ConfigurationFolder(string configuration) => Path.Combine(Folder, "runs", configuration);

    /// <summary>Folder of one training run.</summary>
    /// <param name="configuration">Name of the configuration.</param>
    /// <param name="fold">A number or `all`.</param>
    public string RunFolder(string configuration, string fold) => Path.Combine(ConfigurationFolder(configuration), $"fold_{fold}");

    /// <summary>Folder of one training run.</summary>
    public string RunFolder(string configuration, int fold) => RunFolder(configuration, fold.ToString(CultureInfo.InvariantCulture));

    /// <summary>The state from which a stopped run continues.</summary>
    public static string LatestCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_latest.safetensors");

    /// <summary>The state with the best validation score.</summary>
    public static string BestCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_best.safetensors");

    /// <summary>The state after the last epoch.</summary>
    public static string FinalCheckpoint(string runFolder) => Path.Combine(runFolder, "checkpoint_final.safetensors");

    /// <summary>One JSON object per epoch.</summary>
    public static string LogFile(string runFolder) => Path.Combine(runFolder, "log.jsonl");

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
            ?? throw new SharpSegException($"{DatasetFile} does not say where the images are: it was planned without them", "plan again with the dataset's folder");
        return Directory.Exists(folder)
            ? folder
            : throw new SharpSegException($"the dataset's folder {folder} is gone", $"if it was moved, correct `{DatasetPathKey}` in {DatasetFile}");
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
    public Plans ReadPlans() => PlansJson.Parse(ReadOrHint(PlansFile), PlansFile);

    /// <summary>Writes plans.json; configurations that a user added to an earlier one stay.</summary>
    public void WritePlans(Plans plans)
    {
        MakeFolder();
        var kept = File.Exists(PlansFile) ? plans.KeepingConfigurationsOf(PlansJson.Read(PlansFile)) : plans;
        AtomicFile.WriteText(PlansFile, PlansJson.ToJson(kept));
    }

    /// <summary>Makes the workspace's folder, if need be.</summary>
    /// <exception cref="SharpSegException">It cannot be made, or holds a dataset.</exception>
    public void MakeFolder()
    {
        OutputFolder.RequireOutsideDatasets(Folder);
        try
        {
            Directory.CreateDirectory(Folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var reason = File.Exists(Folder) ? "there is a file of that name" : error.Message;
            throw new SharpSegException($"`{Folder}`: cannot make this folder: {reason}", "choose another with -o", error);
        }
    }

    private static string ReadOrHint(string path) => File.Exists(path)
        ? JsonFile.ReadText(path)
        : throw new SharpSegException($"{path}: no such file", "`sharpseg plan DATASET -o WORK` makes it");
}
