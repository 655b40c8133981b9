using SharpSeg.AutoPlanner.Imaging;
using SharpSeg.AutoPlanner.Preprocessing;
using SharpSeg.AutoPlanner.Training;
using SharpSeg.Engine.Backends;

namespace SharpSeg.AutoPlanner.Inference;

/// <summary>
/// Predicts the validation cases of a trained fold on their original grids (spec training §11), with the final weights. Cases whose file
/// exists are not predicted again, so an interrupted validation goes on.
/// </summary>
public static class ValidationRun
{
    /// <summary>Writes <c>validation/CASE.ext</c> for every validation case.</summary>
    /// <param name="run">A trained run.</param>
    /// <param name="backend">Where to compute.</param>
    /// <param name="options">Tiles and mirroring.</param>
    /// <param name="reporter">Told after every case.</param>
    /// <param name="cancel">Stops between tiles.</param>
    public static void Execute(TrainingRun run, Backend backend, InferenceOptions options, IReporter reporter, CancellationToken cancel)
    {
        var folder = Workspace.ValidationFolder(run.Folder);
        Directory.CreateDirectory(folder);
        var labels = run.Description.Labels;
        var plan = run.Configuration.ToNetworkPlan(run.Description.ChannelNames.Count, labels.HeadCount, run.Plans.Profile == Planning.Profile.Modern);
        using var network = Checkpoint.LoadNetwork(Workspace.FinalCheckpoint(run.Folder), plan, backend, out var mirrorAxes);
        using var predictor = new Predictor(
            backend, [network], run.Configuration, run.Plans.Profile, labels.HasRegions, mirrorAxes, options);
        for (var i = 0; i < run.ValidationCases.Count; i++)
        {
            var id = run.ValidationCases[i];
            reporter.Progress((double)i / run.ValidationCases.Count, $"case {i + 1}/{run.ValidationCases.Count}, {id}");
            var path = Path.Combine(folder, id + run.Description.FileEnding);
            if (File.Exists(path))
            {
                continue;
            }

            using var stored = StoredCase.Open(run.DataFolder, id);
            var image = new float[stored.Shape.Voxels * stored.Channels];
            stored.ReadImage(default, stored.Shape, image);
            var maps = predictor.Predict(image, stored.Shape, cancel);
            var segmentation = SegmentationExporter.ToOriginalGrid(maps, stored.Properties, run.Plans, run.Configuration, labels);
            var geometry = ImageFile.ReadGeometry(stored.Properties.SourceFiles[0]);
            ImageFile.WriteLabels(path, segmentation, geometry, labels.HighestLabel);
        }

        reporter.Progress(1, $"{run.ValidationCases.Count} cases");
    }
}
