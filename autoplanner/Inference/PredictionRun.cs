using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>What to predict and how (spec inference §10).</summary>
/// <param name="Work">Workspace with trained folds.</param>
/// <param name="Configuration">Configuration; null takes the one that is trained.</param>
/// <param name="Folds">Folds to average; empty takes all trained ones except "all".</param>
/// <param name="Checkpoint">final, best or latest.</param>
/// <param name="Inputs">A folder, or files.</param>
/// <param name="Output">Folder for the segmentations.</param>
/// <param name="Options">Tiles and mirroring.</param>
/// <param name="SkipExisting">Leave cases alone whose segmentation exists.</param>
/// <param name="Part">Take cases Part, Part + Parts, ….</param>
/// <param name="Parts">Into how many runs the cases are divided.</param>
/// <param name="PreviousStage">Folder of segmentations that stand in for a cascade's first stage; null runs it.</param>
public sealed record PredictionRequest(
    Workspace Work, string? Configuration, IReadOnlyList<string> Folds, string Checkpoint, IReadOnlyList<string> Inputs, string Output,
    InferenceOptions Options, bool SkipExisting = false, int Part = 0, int Parts = 1, string? PreviousStage = null);

/// <summary>Segments new scans with the averaged networks of one configuration's folds.</summary>
public static class PredictionRun
{
    private static readonly string[] ByPreference = ["3d_fullres", "3d_cascade_fullres", "3d_lowres", "2d"];

    /// <summary>Predicts all cases and returns the files written.</summary>
    /// <exception cref="SharpSegException">Nothing is trained, an input does not fit the dataset's description, or the device failed.</exception>
    public static IReadOnlyList<string> Execute(PredictionRequest request, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        try
        {
            return Predict(request, backend, reporter, cancel);
        }
        catch (Exception e) when (backend.FailureOf(e) is { } failure)
        {
            throw new SharpSegException(
                $"predicting ended: {failure.Message}", "segmentations already written stay; the same command with --continue goes on, on any device",
                failure);
        }
    }

    private static IReadOnlyList<string> Predict(PredictionRequest request, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var work = request.Work;
        var plans = work.ReadPlans();
        var description = work.ReadDescription();
        var labels = description.Labels;
        var cases = PredictionInputs.Find(request.Inputs, description);
        var configuration = plans.Resolve(request.Configuration ?? TrainedConfiguration(work, plans));
        var checkpoints = Checkpoints(work, configuration.Name, request.Folds, request.Checkpoint);
        var firstStage = FirstStage(request, configuration);
        CheckInputs(cases, description, reporter);
        CheckOutput(request, cases, description);

        Directory.CreateDirectory(request.Output);
        AtomicFile.WriteText(Path.Combine(request.Output, "plans.json"), JsonFile.ReadText(work.PlansFile));
        AtomicFile.WriteText(Path.Combine(request.Output, "dataset.json"), description.ToJson());

        var written = new List<string>();
        using var first = firstStage is null
            ? null
            : new TrainedModel(plans, plans.Resolve(configuration.PreviousStage!), description, firstStage, backend, request.Options);
        using var model = new TrainedModel(plans, configuration, description, checkpoints, backend, request.Options);
        reporter.Info($"{configuration.Name}, {checkpoints.Count} fold(s), {cases.Count} case(s)"
            + (firstStage is null ? "" : $"; first {configuration.PreviousStage}, {firstStage.Count} fold(s)"));
        for (var i = request.Part; i < cases.Count; i += request.Parts)
        {
            var id = cases[i].Id;
            var path = Path.Combine(request.Output, id + description.FileEnding);
            reporter.Progress((double)i / cases.Count, $"case {i + 1}/{cases.Count}, {id}");
            if (request.SkipExisting && File.Exists(path))
            {
                continue;
            }

            var image = Dataset.LoadImage(cases[i], description);
            var previous = first is not null ? new LabelImage(image.Geometry, first.Segment(id, image, null, cancel))
                : configuration.PreviousStage is null ? null
                : ReadPreviousStage(request, id, description);
            var segmentation = model.Segment(id, image, previous, cancel);
            ImageFile.WriteLabels(path, segmentation, image.Geometry, labels.HighestLabel);
            written.Add(path);
        }

        reporter.Progress(1, $"{written.Count} segmentation(s)");
        return written;
    }

    private static string TrainedConfiguration(Workspace work, Plans plans) =>
        ByPreference.FirstOrDefault(name => plans.Configurations.ContainsKey(name) && TrainedFolds(work, name, "final").Count > 0)
        ?? throw new SharpSegException($"`{work.Folder}` has no trained model", "`sharpseg train` or `sharpseg auto` makes one");

    private static List<string> TrainedFolds(Workspace work, string configuration, string checkpoint)
    {
        var folder = work.ConfigurationFolder(configuration);
        return !Directory.Exists(folder) ? [] :
        [
            .. Directory.EnumerateDirectories(folder, "fold_*")
                .Where(f => File.Exists(CheckpointIn(f, checkpoint)))
                .Select(f => Path.GetFileName(f)["fold_".Length..])
                .Where(f => f != Splits.AllCases)
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>
    /// Checkpoints of the first stage of a cascade, all its folds, whichever of the second stage are asked for (spec inference §7); null outside
    /// a cascade or where its segmentations are given.
    /// </summary>
    private static List<string>? FirstStage(PredictionRequest request, ConfigurationPlan configuration)
    {
        if (configuration.PreviousStage is not { } first)
        {
            return request.PreviousStage is null
                ? null
                : throw new SharpSegException($"--prev-stage: {configuration.Name} has no previous stage", "it is for 3d_cascade_fullres");
        }

        return request.PreviousStage is null ? Checkpoints(request.Work, first, [], "final") : null;
    }

    /// <summary>The first stage's segmentation of a case as the user gives it.</summary>
    private static LabelImage ReadPreviousStage(PredictionRequest request, string id, DatasetDescription description)
    {
        var path = Path.Combine(request.PreviousStage!, id + description.FileEnding);
        var given = File.Exists(path)
            ? ImageFile.ReadLabels(path)
            : throw new SharpSegException($"case `{id}`: `{path}` is missing", "--prev-stage names a folder with a segmentation of every case");
        var highest = description.Labels.HighestLabel;
        return given.Voxels.All(label => label >= 0 && label <= highest)
            ? given
            : throw new SharpSegException($"`{path}`: it has labels outside 0 to {highest}", "--prev-stage names a folder of segmentations by the first stage");
    }

    private static List<string> Checkpoints(Workspace work, string configuration, IReadOnlyList<string> asked, string checkpoint)
    {
        var folds = asked.Count > 0 ? asked : TrainedFolds(work, configuration, checkpoint);
        if (folds.Count == 0)
        {
            throw new SharpSegException(
                $"`{work.Folder}` has no {checkpoint} checkpoint of {configuration}", $"`sharpseg train {work.Folder} -c {configuration}` makes one");
        }

        var paths = new List<string>();
        foreach (var fold in folds)
        {
            var path = CheckpointIn(work.RunFolder(configuration, fold), checkpoint);
            paths.Add(File.Exists(path) ? path : throw new SharpSegException(
                $"`{path}`: no such checkpoint", $"trained folds: {string.Join(", ", TrainedFolds(work, configuration, checkpoint))}"));
        }

        return paths;
    }

    private static string CheckpointIn(string runFolder, string name) => name switch
    {
        "final" => Workspace.FinalCheckpoint(runFolder),
        "best" => Workspace.BestCheckpoint(runFolder),
        "latest" => Workspace.LatestCheckpoint(runFolder),
        _ => throw new SharpSegException($"there is no checkpoint `{name}`", "final, best or latest"),
    };

    /// <summary>Refuses outputs that would replace an input, a dataset's or the workspace's own files.</summary>
    private static void CheckOutput(PredictionRequest request, IReadOnlyList<DatasetCase> cases, DatasetDescription description)
    {
        if (File.Exists(request.Output))
        {
            throw new SharpSegException($"`{request.Output}` is a file, not a folder", "choose a folder with -o");
        }

        var folder = Path.GetFullPath(request.Output);
        Workspace.RequireNotADataset(folder);
        if (Path.TrimEndingDirectorySeparator(folder) == Path.TrimEndingDirectorySeparator(request.Work.Folder))
        {
            throw new SharpSegException($"`{request.Output}` is the workspace itself", "choose another folder with -o");
        }

        foreach (var item in cases)
        {
            var path = Path.Combine(folder, item.Id + description.FileEnding);
            if (item.ImageFiles.Contains(path, StringComparer.Ordinal))
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: its segmentation would replace the image `{path}`", "choose a folder with -o that does not hold the inputs");
            }
        }
    }

    /// <summary>Looks at all headers before the first network is loaded.</summary>
    private static void CheckInputs(IReadOnlyList<DatasetCase> cases, DatasetDescription description, IReporter reporter)
    {
        foreach (var item in cases)
        {
            var headers = item.ImageFiles.Select(ImageFile.ReadHeader).ToArray();
            if (headers[0].Geometry.SpacingProblem is { } problem)
            {
                reporter.Warning($"case `{item.Id}`: {problem}");
            }

            var channels = headers.Sum(header => header.Channels);
            if (channels != description.ChannelNames.Count)
            {
                throw new SharpSegException(
                    $"case `{item.Id}`: {channels} channel(s), the model was trained on {description.ChannelNames.Count} "
                        + $"({string.Join(", ", description.ChannelNames)})",
                    "name channel files CASE_0000, CASE_0001, … as in training");
            }
        }
    }
}
