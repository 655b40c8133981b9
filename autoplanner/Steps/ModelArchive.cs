using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// A trained model as one zip file: all that prediction reads of a workspace (plans, labels, what best.json says, the final
/// checkpoints), under the names it has there, and nothing of the training data. Reading it back: <see cref="UnpackedModel"/>.
/// </summary>
public static class ModelArchive
{
    /// <summary>The entry that identifies a zip file as a model and gives its version.</summary>
    internal const string ManifestName = "model.json";

    internal const string Format = "sharpseg-model";
    internal const int Version = 1;

    // A fixed time: the same model gives the same bytes. It is the earliest that the zip format can hold.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes what predicts into a file.</summary>
    /// <param name="work">Workspace with trained folds.</param>
    /// <param name="path">The file; its name ends in .zip.</param>
    /// <param name="configuration">
    /// Configuration to export, without postprocessing; null takes what best.json says, else the one that is trained.
    /// </param>
    /// <param name="folds">Its folds; empty takes best.json's, else all trained ones.</param>
    /// <param name="reporter">Receives progress after every file.</param>
    /// <param name="cancel">Stops; nothing is left.</param>
    /// <returns>What the model does, in a line.</returns>
    /// <exception cref="SharpSegException">Nothing is trained, or the file cannot be written.</exception>
    public static string Write(
        Workspace work, string path, string? configuration, IReadOnlyList<string> folds, IReporter reporter, CancellationToken cancel)
    {
        if (!path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase))
        {
            throw new SharpSegException($"`{path}`: a model's name ends in .zip", "write it like -o model.zip");
        }

        var plans = work.ReadPlans();
        var description = work.ReadDescription();
        var choice = ModelChoice.Of(work, plans, description.Labels, configuration, folds, "final");

        // A model always says what predicts, even if nothing was compared.
        var best = choice.Best ?? new BestModel
        {
            Winner = new Candidate([choice.Members[0].Configuration.Name]),
            Folds = choice.Members[0].Folds,
            Postprocessing = choice.Postprocessing,
            DiceBefore = double.NaN,
            DiceAfter = double.NaN,
            Scores = [],
        };
        var texts = new (string Name, string Text)[]
        {
            (ManifestName, Manifest(description, best)),
            ("dataset.json", description.ToJson()),
            ("plans.json", JsonFile.ReadText(work.PlansFile)),
            ("best.json", best.ToJson()),
        };
        string[] checkpoints = [.. choice.Members.SelectMany(Checkpoints).Distinct()];
        AtomicFile.Write(path, file =>
        {
            using var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var (name, text) in texts)
            {
                using var target = Entry(zip, name, CompressionLevel.Optimal).Open();
                target.Write(Encoding.UTF8.GetBytes(text));
            }

            for (var i = 0; i < checkpoints.Length; i++)
            {
                var name = Path.GetRelativePath(work.Folder, checkpoints[i]).Replace(Path.DirectorySeparatorChar, '/');
                reporter.Progress((double)i / checkpoints.Length, name);
                UnpackedModel.RequireKnownName(name, path);

                // Weights are noise to a compressor.
                using var source = File.OpenRead(checkpoints[i]);
                using var target = Entry(zip, name, CompressionLevel.NoCompression).Open();
                Copy(source, target, cancel);
            }
        });
        reporter.Progress(1, $"{checkpoints.Length} checkpoint(s)");
        return choice.Describe(description.Labels);
    }

    private static IEnumerable<string> Checkpoints(ModelMember member) =>
        member.FirstStage is { } first ? Checkpoints(first).Concat(member.Checkpoints) : member.Checkpoints;

    private static ZipArchiveEntry Entry(ZipArchive zip, string name, CompressionLevel level)
    {
        var entry = zip.CreateEntry(name, level);
        entry.LastWriteTime = Epoch;
        return entry;
    }

    private static string Manifest(DatasetDescription description, BestModel best) => JsonFile.ToText(new JsonObject
    {
        ["format"] = Format,
        ["version"] = Version,
        ["dataset"] = description.Name,
        ["model"] = best.Winner.ToString(),
        ["folds"] = new JsonArray([.. best.Folds.Select(fold => (JsonNode)fold)]),
        ["channels"] = new JsonArray([.. description.ChannelNames.Select(name => (JsonNode)name)]),
    });

    private static void Copy(Stream source, Stream target, CancellationToken cancel)
    {
        var piece = new byte[1 << 20];
        for (int count; (count = source.Read(piece)) > 0;)
        {
            cancel.ThrowIfCancellationRequested();
            target.Write(piece, 0, count);
        }
    }
}
