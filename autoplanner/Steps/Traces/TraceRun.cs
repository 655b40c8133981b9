using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Evaluation;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>What to trace.</summary>
/// <param name="Work">Workspace with trained folds.</param>
/// <param name="Case">Name of a case of its dataset, or the file of a scan, or the folder of its channels or slices.</param>
/// <param name="Folder">Gets the page, its volumes and the segmentation.</param>
/// <param name="Configuration">Configuration; null takes what `predict` takes.</param>
/// <param name="Folds">Folds; none takes what `predict` takes.</param>
/// <param name="Seed">Seed of the augmented patches.</param>
/// <param name="MaxMemory">Memory that may be taken; null for what the machine has.</param>
public sealed record TraceRequest(
    Workspace Work, string Case, string Folder, string? Configuration, IReadOnlyList<string> Folds, ulong Seed,
    MemoryBudget? MaxMemory = null);

/// <summary>What was written.</summary>
/// <param name="Page">The page to open.</param>
/// <param name="Segmentation">The segmentation, as `predict` writes it.</param>
/// <param name="Files">All volumes.</param>
public sealed record TraceResult(string Page, string Segmentation, IReadOnlyList<string> Files);

/// <summary>
/// Follows one case through everything that the method does to it. The prediction is <see cref="PredictionRun"/>'s own, with
/// somebody looking on; the training patches come from the loader's own builder. So the page shows what happens, not what was
/// written about it.
/// </summary>
public static class TraceRun
{
    private const string PageName = "trace.html";

    /// <summary>Traces a case.</summary>
    /// <param name="request">What to trace.</param>
    /// <param name="backend">Where the networks run.</param>
    /// <param name="openProcessor">Opens the processor, which preprocesses.</param>
    /// <param name="reporter">Receives progress.</param>
    /// <param name="cancel">Stops between tiles.</param>
    /// <exception cref="SharpSegException">There is no such case, nothing is trained, or the folder is not free.</exception>
    public static TraceResult Execute(
        TraceRequest request, Backend backend, Func<int, Backend> openProcessor, IReporter reporter, CancellationToken cancel)
    {
        var work = request.Work;
        var description = work.ReadDescription();
        var item = Find(request, description);
        var scan = ImageFile.ReadGeometry(item.ImageFiles[0]);
        var choice = ModelChoice.Of(work, description.Labels, request.Configuration, request.Folds, "final");
        TakeFolder(request.Folder, item);
        reporter.WritesTo(request.Folder);

        var several = choice.Members.Count > 1 || choice.Members.Any(member => member.FirstStage is not null);
        TraceRecorder recorder = null!;
        recorder = new TraceRecorder(request.Folder, scan, description, several)
        {
            AfterPreprocessing = (plans, configuration) => TracePatches.Add(
                request, recorder, item, scan, description, plans, configuration, CheckpointOf(choice, configuration.Name),
                openProcessor),
        };
        reporter.Stage($"trace {item.Id}");
        AddScan(request.Folder, recorder, item, scan, description);
        var segmentation = Path.Combine(request.Folder, "9_segmentation" + description.FileEnding);
        PredictionRun.Execute(
            new PredictionRequest(
                work, request.Configuration, request.Folds, "final", item.ImageFiles, segmentation, new InferenceOptions(),
                MaxMemory: request.MaxMemory)
            {
                Watch = recorder, Cases = [item],
            },
            backend, openProcessor, reporter, cancel);
        AddSegmentation(recorder, item, segmentation, description, choice);
        var page = Path.Combine(request.Folder, PageName);
        reporter.Stage($"draw {page}");
        var text = new TracePage(request.Folder, item.Id, choice.Describe(description.Labels), description, recorder.Steps);
        AtomicFile.WriteText(page, text.ToText());
        var files = recorder.Steps.SelectMany(step => step.Volumes)
            .SelectMany(volume => new[] { volume.File, volume.Labels }.OfType<string>());
        return new TraceResult(page, segmentation, [.. files.Distinct()]);
    }

    /// <summary>The first checkpoint of a configuration: the other folds are trained like it.</summary>
    private static string CheckpointOf(ModelChoice choice, string configuration) => choice.Members
        .SelectMany(member => new[] { member.FirstStage, member }).OfType<ModelMember>()
        .First(member => member.Configuration.Name == configuration).Checkpoints[0];

    private static DatasetCase Find(TraceRequest request, DatasetDescription description)
    {
        if (File.Exists(request.Case))
        {
            return OnlyScan(request.Case, description);
        }

        Dataset? dataset = null;
        try
        {
            dataset = Dataset.Open(request.Work.ReadDatasetFolder());
        }
        catch (SharpSegException) when (Directory.Exists(request.Case))
        {
            // The dataset is somewhere else now, but the folder may hold a scan.
        }

        // A folder with the name of a case may be an earlier trace of it.
        return dataset?.TrainingCases.Concat(dataset.TestCases).FirstOrDefault(item => item.Id == request.Case)
            ?? (Directory.Exists(request.Case) ? OnlyScan(request.Case, description)
                : throw new SharpSegException(
                    $"`{request.Case}`: no case of {dataset!.Description.Name}, and no file or folder",
                    $"its cases are {dataset.TrainingCases[0].Id} to {dataset.TrainingCases[^1].Id}; give one of them, or a "
                        + "scan"));
    }

    private static DatasetCase OnlyScan(string path, DatasetDescription description) =>
        PredictionInputs.Find([path], description) is [var only] ? only
            : throw new SharpSegException($"`{path}`: several scans", "a trace shows one: give its file, or a folder of its own");

    /// <summary>Makes the folder, or takes an earlier trace's.</summary>
    private static void TakeFolder(string folder, DatasetCase item)
    {
        var inputs = item.ImageFiles.Select(
            file => Directory.Exists(file) ? file : Path.GetDirectoryName(Path.GetFullPath(file))!); // slices of a series
        OutputFolder.Check(folder, [.. inputs.Distinct()]);
        if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, PageName))
            && Directory.EnumerateFileSystemEntries(folder).Any(path => !IsLeft(path)))
        {
            throw new SharpSegException(
                $"`{folder}` holds something else than a trace", "choose another folder with -o; it is made");
        }

        Directory.CreateDirectory(folder);
    }

    /// <summary>
    /// Removes an earlier trace: its volumes, which another model may not have, and first the page that shows them.
    /// </summary>
    private static void RemoveEarlier(string folder)
    {
        File.Delete(Path.Combine(folder, PageName));
        foreach (var file in Directory.GetFiles(folder, "?_*"))
        {
            if (char.IsAsciiDigit(Path.GetFileName(file)[0]))
            {
                File.Delete(file);
            }
        }
    }

    // An earlier trace may have been stopped, or have failed.
    private static bool IsLeft(string path) =>
        File.Exists(path) && Path.GetFileName(path) is { } name
        && (name is "run.json" or "log.txt" || (name.Length > 1 && char.IsAsciiDigit(name[0]) && name[1] == '_'));

    private static void AddScan(
        string folder, TraceRecorder recorder, DatasetCase item, ImageGeometry scan, DatasetDescription description)
    {
        var image = Dataset.LoadImage(item, description);
        var codes = PatientSpace.AxisCodes(scan.Affine);
        List<string> facts =
        [
            $"file: {string.Join(", ", item.ImageFiles.Select(file => Path.GetFileName(file)))}",
            $"{scan.Extent} voxels of {scan.Spacing} (z, y, x)",
            codes.Contains('?', StringComparison.Ordinal)
                ? "the file does not say how it lies in the patient"
                : $"x grows towards {codes[0]}, y towards {codes[1]}, z towards {codes[2]}",
        ];
        var own = scan with { Format = "", RawHeader = [] };
        var labels = item.LabelFile is null ? null : TracePatches.Reference(item.LabelFile, description.Labels);
        RemoveEarlier(folder); // not before all that this one begins with could be read
        var outlines = labels is null || labels.Extent != scan.Extent ? null : recorder.Write("1_reference", labels.Voxels, own);
        var volumes = new List<TraceVolume>();
        for (var c = 0; c < image.Channels.Count; c++)
        {
            var name = image.Channels.Count == 1 ? "1_scan" : $"1_scan_{c}";
            facts.Add($"{description.ChannelNames[c]}: {TraceRecorder.Statistics(image.Channels[c])}");
            volumes.Add(new(description.ChannelNames[c], recorder.Write(name, image.Channels[c], own)));
        }

        if (outlines is not null)
        {
            volumes.Add(new("with the reference that experts drew", volumes[0].File, outlines));
        }

        recorder.Add(new TraceStep(TraceKind.Raw, "", facts, volumes));
    }

    private static void AddSegmentation(
        TraceRecorder recorder, DatasetCase item, string segmentation, DatasetDescription description,
        ModelChoice choice)
    {
        var labels = SegmentationFile.Read(segmentation, description.Labels);
        var millilitres = labels.Spacing.Z * labels.Spacing.Y * labels.Spacing.X / 1000;
        var facts = new List<string> { choice.Describe(description.Labels) };
        foreach (var label in description.Labels.ForegroundLabels)
        {
            var name = description.Labels.Entries.FirstOrDefault(entry => entry.Values is [var value] && value == label)?.Name
                ?? $"label {label}";
            var count = labels.Voxels.Count(voxel => voxel == label);
            facts.Add(FormattableString.Invariant($"{name}: {count} voxels, {count * millilitres:0.##} ml"));
        }

        if (item.LabelFile is { } reference)
        {
            var scores = Evaluator.Evaluate([new EvaluationCase(item.Id, reference, segmentation)], description.Labels);
            for (var c = 0; c < scores.Classes.Count; c++)
            {
                var dice = scores.Cases[0].Metrics[c].Dice;
                facts.Add(double.IsNaN(dice)
                    ? $"{scores.Classes[c].Name}: in neither map"
                    : FormattableString.Invariant($"{scores.Classes[c].Name}: Dice {dice:0.000} against the reference"));
            }
        }

        var file = Path.GetFileName(segmentation);
        var scan = recorder.Steps[0].Volumes[0].File;
        List<TraceVolume> volumes = [new("the segmentation", scan, file)];
        if (recorder.Steps[0].Volumes.FirstOrDefault(volume => volume.Labels is not null) is { } drawn)
        {
            volumes.Add(drawn with { Name = "the reference" });
        }

        recorder.Add(new TraceStep(TraceKind.Final, "", facts, volumes));
    }
}
