using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Networks;

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
public sealed record PredictionRequest(
    Workspace Work, string? Configuration, IReadOnlyList<string> Folds, string Checkpoint, IReadOnlyList<string> Inputs, string Output,
    InferenceOptions Options, bool SkipExisting = false, int Part = 0, int Parts = 1);

/// <summary>Segments new scans with the averaged networks of one configuration's folds.</summary>
public static class PredictionRun
{
    private static readonly string[] ByPreference = ["3d_fullres", "3d_lowres", "2d"];

    /// <summary>Predicts all cases and returns the files written.</summary>
    /// <exception cref="SharpSegException">Nothing is trained, or an input does not fit the dataset's description.</exception>
    public static IReadOnlyList<string> Execute(PredictionRequest request, Backend backend, IReporter reporter, CancellationToken cancel)
    {
        var work = request.Work;
        var plans = work.ReadPlans();
        var description = work.ReadDescription();
        var labels = description.Labels;
        var cases = PredictionInputs.Find(request.Inputs, description);
        var configuration = plans.Resolve(request.Configuration ?? TrainedConfiguration(work, plans));
        var checkpoints = Checkpoints(work, configuration.Name, request);
        CheckInputs(cases, description, reporter);
        CheckOutput(request, cases, description);

        Directory.CreateDirectory(request.Output);
        AtomicFile.WriteText(Path.Combine(request.Output, "plans.json"), JsonFile.ReadText(work.PlansFile));
        AtomicFile.WriteText(Path.Combine(request.Output, "dataset.json"), description.ToJson());

        var recipe = PreprocessingRecipe.From(plans, configuration);
        var plan = configuration.ToNetworkPlan(description.ChannelNames.Count, labels.HeadCount, plans.Profile == Profile.Modern);
        var networks = new List<Network>();
        var written = new List<string>();
        try
        {
            IReadOnlyList<int> mirrorAxes = [];
            foreach (var path in checkpoints)
            {
                networks.Add(Checkpoint.LoadNetwork(path, plan, backend, out mirrorAxes));
            }

            reporter.Info($"{configuration.Name}, {networks.Count} fold(s), {cases.Count} case(s)");
            using var predictor = new Predictor(backend, networks, configuration, plans.Profile, labels.HasRegions, mirrorAxes, request.Options);
            for (var i = request.Part; i < cases.Count; i += request.Parts)
            {
                var path = Path.Combine(request.Output, cases[i].Id + description.FileEnding);
                reporter.Progress((double)i / cases.Count, $"case {i + 1}/{cases.Count}, {cases[i].Id}");
                if (request.SkipExisting && File.Exists(path))
                {
                    continue;
                }

                var image = Dataset.LoadImage(cases[i], description);
                var prepared = Preprocessor.Run(cases[i].Id, image, null, recipe, labels);
                var maps = predictor.Predict(prepared.Image, prepared.Shape, cancel);
                var segmentation = SegmentationExporter.ToOriginalGrid(maps, prepared.Properties, plans, configuration, labels);
                ImageFile.WriteLabels(path, segmentation, image.Geometry, labels.HighestLabel);
                written.Add(path);
            }
        }
        finally
        {
            networks.ForEach(n => n.Dispose());
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

    private static List<string> Checkpoints(Workspace work, string configuration, PredictionRequest request)
    {
        var folds = request.Folds.Count > 0 ? request.Folds : TrainedFolds(work, configuration, request.Checkpoint);
        if (folds.Count == 0)
        {
            throw new SharpSegException(
                $"`{work.Folder}` has no {request.Checkpoint} checkpoint of {configuration}", $"`sharpseg train {work.Folder} -c {configuration}` makes one");
        }

        var paths = new List<string>();
        foreach (var fold in folds)
        {
            var path = CheckpointIn(work.RunFolder(configuration, fold), request.Checkpoint);
            paths.Add(File.Exists(path) ? path : throw new SharpSegException(
                $"`{path}`: no such checkpoint", $"trained folds: {string.Join(", ", TrainedFolds(work, configuration, request.Checkpoint))}"));
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
