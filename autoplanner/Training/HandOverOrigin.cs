using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Training;

/// <summary>
/// Which network wrote what the first stage of a cascade hands over (docs/method/training.md §2): beside CASE.labels lies
/// CASE.json with the fold and the fingerprint of its final checkpoint. A segmentation counts as long as that network is there.
/// </summary>
internal sealed class HandOverOrigin
{
    private const string FoldKey = "fold", CheckpointKey = "checkpoint_sha256";

    private readonly string folder, fileEnding;
    private readonly Dictionary<string, FinishedRun> runs = new(StringComparer.Ordinal);

    /// <summary>Looks at the finished runs of a first stage.</summary>
    /// <param name="runFolders">Folders of its runs.</param>
    /// <param name="folder">Where its segmentations for one next stage lie.</param>
    /// <param name="fileEnding">Of the dataset's files.</param>
    public HandOverOrigin(IEnumerable<string> runFolders, string folder, string fileEnding)
    {
        (this.folder, this.fileEnding) = (folder, fileEnding);
        foreach (var run in runFolders.Where(run => File.Exists(Workspace.FinalCheckpoint(run))))
        {
            if (Workspace.FoldOf(run) is var fold && Splits.IsFold(fold))
            {
                runs[fold] = new FinishedRun(run);
            }
        }
    }

    /// <summary>Leaves the record of who wrote a case's segmentation; after the segmentation itself.</summary>
    /// <param name="folder">Where it lies.</param>
    /// <param name="caseId">The case.</param>
    /// <param name="fold">The fold.</param>
    /// <param name="network">Fingerprint of its final checkpoint.</param>
    public static void Record(string folder, string caseId, string fold, string network) => AtomicFile.WriteText(
        PathOf(folder, caseId), JsonFile.ToText(new JsonObject { [FoldKey] = fold, [CheckpointKey] = network }));

    /// <summary>
    /// The fold whose present network wrote a case's segmentation; null if there is none, or that network is gone, was trained
    /// again or is unknown.
    /// </summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged.</exception>
    public string? FoldOf(string caseId)
    {
        if (!PreviousStageFile.Exists(folder, caseId))
        {
            return null;
        }

        if (!File.Exists(PathOf(folder, caseId)))
        {
            return FoldByTimes(caseId);
        }

        return Recorded(caseId) is var (fold, network) && runs.TryGetValue(fold, out var run) && run.Network.Value == network
            ? fold
            : null;
    }

    /// <summary>Whether the network that wrote a case's segmentation is there and validates on it.</summary>
    /// <exception cref="SharpSegException">A checkpoint is damaged.</exception>
    public bool IsOutOfFold(string caseId, Splits splits) => IsOutOfFold(FoldOf(caseId), caseId, splits);

    /// <summary>The same of the fold that wrote it.</summary>
    public static bool IsOutOfFold(string? writer, string caseId, Splits splits) =>
        writer is not null and not Splits.AllCases && splits.ForFold(writer).Val.Contains(caseId);

    /// <summary>What the record says; null if it is damaged.</summary>
    private (string Fold, string Network)? Recorded(string caseId)
    {
        try
        {
            var record = JsonFile.Read(PathOf(folder, caseId));
            return (record.RequiredText(FoldKey), record.RequiredText(CheckpointKey));
        }
        catch (SharpSegException)
        {
            return null;
        }
    }

    /// <summary>
    /// Older versions left no record. A fold's validation writes the segmentation after the network and before its own prediction
    /// of the case: where the times say so, it was that network.
    /// </summary>
    private string? FoldByTimes(string caseId)
    {
        var written = File.GetLastWriteTimeUtc(PreviousStageFile.PathOf(folder, caseId));
        return runs.OrderBy(run => run.Key == Splits.AllCases).FirstOrDefault(run =>
            File.GetLastWriteTimeUtc(Workspace.FinalCheckpoint(run.Value.Folder)) <= written
            && Path.Combine(Workspace.ValidationFolder(run.Value.Folder), caseId + fileEnding) is var prediction
            && File.Exists(prediction) && written <= File.GetLastWriteTimeUtc(prediction)).Key;
    }

    private static string PathOf(string folder, string caseId) => Path.Combine(folder, caseId + ".json");

    private sealed record FinishedRun(string Folder)
    {
        public Lazy<string> Network { get; } = new(() => Checkpoint.FingerprintOf(Workspace.FinalCheckpoint(Folder)));
    }
}
