using SharpSeg.AutoPlanner.Batches;
using SharpSeg.AutoPlanner.Batches.Augmentation;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Inference;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.AutoPlanner.Workspaces;
using SharpSeg.Engine.Backends;
using SharpSeg.Engine.Tensors;

namespace SharpSeg.AutoPlanner.Steps.Traces;

/// <summary>
/// What training makes of a case: patches by the loader's own builder, of this case alone, preprocessed with its labels as for
/// training, and augmented as the run was that predicts.
/// </summary>
internal static class TracePatches
{
    private const int Patches = IPredictionWatch.Patches;

    /// <summary>Draws the patches, writes them, and adds the station.</summary>
    public static void Add(
        TraceRequest request, TraceRecorder recorder, DatasetCase item, ImageGeometry scan, DatasetDescription description,
        Plans plans, ConfigurationPlan configuration, string checkpoint, Func<int, Backend> openProcessor)
    {
        if (item.LabelFile is null)
        {
            recorder.Add(new TraceStep(
                TraceKind.Augmented, recorder.NameOf(configuration),
                ["this scan has no reference, so training cannot use it: no patches are drawn"], []));
            return;
        }

        using var processor = openProcessor(0);
        var labels = description.Labels;
        var preprocessed = Preprocessor.Consume(
            item.Id, Dataset.LoadImage(item, description), () => Reference(item.LabelFile, labels),
            PreprocessingRecipe.From(plans, configuration), labels, processor);
        using var scratch = ScratchFolder.Make("trace");
        StoredCase.Save(scratch.Path, preprocessed with
        {
            Properties = preprocessed.Properties with { SourceFiles = item.ImageFiles, LabelFile = item.LabelFile },
        });
        using var stored = StoredCase.Open(scratch.Path, item.Id);
        var job = new TrainingJob
        {
            Folder = "", DataFolder = scratch.Path, Plans = plans, Configuration = configuration, Description = description,
            Fold = "0", TrainingCases = [item.Id], ValidationCases = [], Seed = request.Seed,
            Variant = Checkpoint.ProgressOf(checkpoint)?.Variant ?? new TrainingVariant(),
        };
        var recipe = RecipeOf(Path.GetDirectoryName(checkpoint)!);
        var settings = TrainingParts.Samples(processor, job, recipe, configuration.Patch) with
        {
            BatchSize = Patches,
            OutputScales = [], // nothing is learnt from the patches
            CascadeLabels = [], // of a first stage that did not train on this case: a scan of any origin has none
        };
        var geometry = settings.Geometry;
        var drawn = new AugmentationRecord();
        var source = new StoredCaseSource(stored);
        var builder = new SampleBuilder(settings, [source], [], drawn);
        using var batch = new Batch(Shape.Activation(Patches, geometry.Patch, preprocessed.Channels), [], _ => { });
        var grid = new TraceGrid(scan, preprocessed.Properties, plans.TransposeForward);
        var crop = CentreCrop.Start(plans.Profile, geometry.Initial, geometry.Patch);
        var volumes = new List<TraceVolume>();
        for (var i = 0; i < Patches; i++)
        {
            builder.Build(new BatchKey(true, 0, 0), i, batch);
            var origin = batch.Origins[i];
            var place = grid.OfPatch(geometry.Patch, origin.Start, geometry.Initial, crop, drawn);
            string[] notes =
            [
                origin.Voxel is { } voxel ? $"around voxel {voxel}, drawn from a structure" : "at a place drawn from the whole case",
                drawn.Steps.Count == 0
                    ? "nothing was changed: by chance no step fired"
                    : string.Join("; ", drawn.Steps.Select(step => preprocessed.Channels == 1
                        ? step.Replace("channel 0: ", "", StringComparison.Ordinal)
                        : step)),
            ];
            volumes.Add(new(
                $"patch {i + 1}", recorder.Write($"5_patch_{i + 1}", builder.Sample.Channel(0).ToArray(), place),
                recorder.Write($"5_patch_{i + 1}_reference", (short[])builder.Sample.Labels.Clone(), place), notes,
                ShownAs: grid.OfCase(preprocessed.Shape).Affine));
        }

        recorder.Add(new TraceStep(
            TraceKind.Augmented, recorder.NameOf(configuration),
            [
                $"patches of {geometry.Patch} voxels, cut from {geometry.Initial} so that turning leaves no empty corners; seed {request.Seed}",
                .. job.Variant.Settings.Select(setting => $"this run was trained with {setting.Option} {setting.Value}"),
                .. recipe is null ? Array.Empty<string>() : [$"this run learnt by the recipe: {recipe}"],
                .. configuration.MaskLabels(labels).Count == 0
                    ? Array.Empty<string>()
                    : ["training also shows it the first stage's segmentation of the patch, as further channels"],
                .. preprocessed.Channels > 1 ? [$"the first of {preprocessed.Channels} channels is shown; all are changed"] : Array.Empty<string>(),
            ],
            volumes));
    }

    /// <summary>A label map as training sees it: one ignore label for several.</summary>
    public static LabelImage Reference(string path, LabelScheme labels)
    {
        var map = ImageFile.ReadLabels(path);
        labels.MergeIgnored(map.Voxels);
        return map;
    }

    /// <summary>By what a run learnt; null if as published, or if it left no log.</summary>
    private static TrainingRecipe? RecipeOf(string runFolder)
    {
        try
        {
            return TrainingLog.Read(Workspace.LogFile(runFolder)).Schedule.Recipe;
        }
        catch (SharpSegException)
        {
            return null;
        }
    }
}
