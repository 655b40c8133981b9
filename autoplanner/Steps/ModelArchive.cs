using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// A trained model as one zip file: all that prediction reads of a workspace (plans, labels, what best.json says, the final
/// checkpoints), under the names it has there (a single plan's under those of the default plan), and nothing of the
/// training data. Reading it back: <see cref="UnpackedModel"/>.
/// </summary>
public static class ModelArchive
{
    /// <summary>The entry that identifies a zip file as a model and gives its version.</summary>
    internal const string ManifestName = "model.json";

    internal const string Format = "sharpseg-model";
    internal const int Version = 1, PartsVersion = 2;

    /// <summary>Folder in the file, and key in the manifest, of the models of which one of several parts consists.</summary>
    internal const string PartsFolder = "parts";

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
        Workspace work, string path, string? configuration, IReadOnlyList<string> folds, IReporter reporter,
        CancellationToken cancel)
    {
        var labels = work.ReadDescription().Labels;
        var choice = ModelChoice.Of(work, labels, configuration, folds, "final");
        foreach (var doubt in choice.Doubts())
        {
            reporter.Warning(doubt);
        }

        Write(
            path, Version, work.ReadDescription(), Content(work, choice, [.. choice.Members.SelectMany(Checkpoints).Distinct()]),
            [], reporter, cancel);
        return choice.Describe(labels);
    }

    /// <summary>
    /// Writes all trained configurations and folds; best.json says which of them predict unless others are asked for.
    /// </summary>
    /// <inheritdoc cref="Write(Workspace, string, string?, IReadOnlyList{string}, IReporter, CancellationToken)"/>
    internal static string WriteAll(Workspace work, string path, IReporter reporter, CancellationToken cancel)
    {
        Write(path, Version, work.ReadDescription(), AllOf(work), [], reporter, cancel);
        return Choice(work).Describe(work.ReadDescription().Labels);
    }

    /// <summary>Writes several models whose labels are merged into one map.</summary>
    /// <param name="parts">The models, in the order in which they write their labels.</param>
    /// <param name="merged">Channels and merged labels.</param>
    /// <param name="path">The file; its name ends in .zip.</param>
    /// <param name="reporter">Told after every file.</param>
    /// <param name="cancel">Stops; nothing is left.</param>
    /// <returns>What the model does, in a line.</returns>
    internal static string WriteParts(
        IReadOnlyList<ModelPart> parts, DatasetDescription merged, string path, IReporter reporter, CancellationToken cancel)
    {
        var content = parts.SelectMany(
            part => AllOf(part.Work).Select(file => file with { Name = $"{PartsFolder}/{part.Name}/{file.Name}" }));
        Write(
            path, PartsVersion, merged, [new("dataset.json", merged.ToJson(), null), .. content],
            [.. parts.Select(part => part.Name)], reporter, cancel);
        return $"{parts.Count} parts, {merged.Labels.ForegroundLabels.Count} labels: "
            + string.Join(
                "; ", parts.Select(part => $"{part.Name}: {Choice(part.Work).Describe(part.Work.ReadDescription().Labels)}"));
    }

    private static ModelChoice Choice(Workspace work) => ModelChoice.Of(work, work.ReadDescription().Labels, null, [], "final");

    private static List<ArchivedFile> AllOf(Workspace work)
    {
        var runs = work.RunsFolder;
        return Content(
            work, Choice(work),
            [.. Directory.EnumerateFiles(runs, "checkpoint_final.safetensors", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)]);
    }

    /// <summary>The files of a workspace that predict.</summary>
    private static List<ArchivedFile> Content(Workspace work, ModelChoice choice, IReadOnlyList<string> checkpoints)
    {
        // Members of one plan travel as those of the default plan, which is all that most models have.
        var plans = choice.Members.Select(member => member.Work).DistinctBy(member => member.Plan).ToArray();
        var root = plans.Length == 1 ? Path.GetDirectoryName(plans[0].RunsFolder)! : work.Folder;
        var names = choice.Members.Select(
            member => plans.Length == 1 ? member.Configuration.Name : member.Work.NameOf(member.Configuration.Name));
        var first = plans.Length > 1 && File.Exists(new Workspace(work.Folder).PlansFile) ? new Workspace(work.Folder) : plans[0];

        // A model always says what predicts, even if nothing was compared.
        var winner = new Candidate([.. names]);
        var best = choice.Best is { } compared ? compared with { Winner = winner } : new BestModel
        {
            Winner = winner,
            Folds = choice.Members[0].Folds,
            Postprocessing = choice.Postprocessing,
            DiceBefore = double.NaN,
            DiceAfter = double.NaN,
            Scores = [],
        };
        var description = work.ReadDescription();
        return
        [
            new("dataset.json", (description with { Labels = description.Labels.WithoutCases() }).ToJson(), null),
            new("plans.json", JsonFile.ReadText(first.PlansFile), null),
            .. plans.Where(plan => plans.Length > 1 && plan.Plan is not null).Select(plan =>
                new ArchivedFile($"plans/{plan.Plan}.json", JsonFile.ReadText(plan.PlansFile), null)),
            new("best.json", best.ToJson(), null),
            .. checkpoints.Select(
                file => new ArchivedFile(Path.GetRelativePath(root, file).Replace(Path.DirectorySeparatorChar, '/'), null, file)),
        ];
    }

    private static void Write(
        string path, int version, DatasetDescription description, IReadOnlyList<ArchivedFile> content,
        IReadOnlyList<string> parts, IReporter reporter,
        CancellationToken cancel)
    {
        OutputFolder.CheckFile(path, ".zip");
        reporter.WritesTo(path, isFile: true);
        foreach (var checkpoint in content.Select(file => file.Source).OfType<string>())
        {
            Checkpoint.Verify(checkpoint); // a damaged model is not carried elsewhere
        }

        AtomicFile.Write(path, file =>
        {
            using var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true);
            for (var i = -1; i < content.Count; i++)
            {
                var (name, text, source) = i < 0
                    ? new(ManifestName, Manifest(version, description, content, parts), null)
                    : content[i];
                UnpackedModel.RequireKnownName(name, path);
                reporter.Progress(Math.Max(0, i) / (double)content.Count, name);

                // Weights are noise to a compressor.
                using var target =
                    Entry(zip, name, source is null ? CompressionLevel.Optimal : CompressionLevel.NoCompression).Open();
                using var stream = source is null
                    ? new MemoryStream(Encoding.UTF8.GetBytes(text!))
                    : (Stream)File.OpenRead(source);
                Copy(stream, target, cancel);
            }
        });
        reporter.Progress(1, $"{Counted.Of(content.Count(file => file.Source is not null), "checkpoint")}");
    }

    private static IEnumerable<string> Checkpoints(ModelMember member) =>
        member.FirstStage is { } first ? Checkpoints(first).Concat(member.Checkpoints) : member.Checkpoints;

    private static ZipArchiveEntry Entry(ZipArchive zip, string name, CompressionLevel level)
    {
        var entry = zip.CreateEntry(name, level);
        entry.LastWriteTime = Epoch;
        return entry;
    }

    private static string Manifest(
        int version, DatasetDescription description, IReadOnlyList<ArchivedFile> content, IReadOnlyList<string> parts)
    {
        var json = new JsonObject { ["format"] = Format, ["version"] = version, ["dataset"] = description.Name };
        if (parts.Count > 0)
        {
            json[PartsFolder] = new JsonArray([.. parts.Select(part => (JsonNode)part)]);
        }
        else
        {
            var best = JsonFile.Parse(content.Single(file => file.Name == "best.json").Text!, "best.json");
            json["model"] = string.Join("+", best.RequiredTexts("configurations"));
            json["folds"] = best.Node["folds"]!.DeepClone();
        }

        json["channels"] = new JsonArray([.. description.ChannelNames.Select(name => (JsonNode)name)]);
        return JsonFile.ToText(json);
    }

    private static void Copy(Stream source, Stream target, CancellationToken cancel)
    {
        var piece = new byte[1 << 20];
        for (int count; (count = source.Read(piece)) > 0;)
        {
            cancel.ThrowIfCancellationRequested();
            target.Write(piece, 0, count);
        }
    }

    /// <summary>A file of the model: a text, or the copy of another file.</summary>
    private sealed record ArchivedFile(string Name, string? Text, string? Source);
}
